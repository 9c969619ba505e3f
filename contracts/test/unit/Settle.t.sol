// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {Closing, Content, Settlement, Status} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";
import {Messages} from "../support/Messages.sol";

/// BK-50 to BK-52, BK-70 to BK-72.
contract SettleTest is BankTest {
    function setUp() public override {
        super.setUp();
        _open();
    }

    function test_PaysTheCloserWhatTheFinalLinesSay() public {
        Closing memory closing = _close(0, _statement(0, 5, _sent(300), 3, _sent(120)));
        Settlement memory settlement = _settle(closing, _sent(300), _sent(120));
        assertEq(_gained(owner[0]), -180);
        assertEq(_gained(owner[1]), 180);
        assertEq(settlement.held, 0);
        _assertStatus(Status.Closed);
        assertEq(token.balanceOf(address(bank)), 0);
        assertEq(bank.commitmentOf(id), bytes32(0));
    }

    function test_PaysThePeerWhatAnUpdateAdded() public {
        Closing memory closing = _close(1, _statement(1, 5, _sent(30), 3, _sent(120)));
        closing = _show(closing, _update(1, 6, _sent(200)));
        _settle(closing, _sent(120), _sent(200));
        assertEq(_gained(owner[0]), 80);
        assertEq(_gained(owner[1]), -80);
    }

    function test_FromTheEndOfThePeriodOn() public {
        Closing memory closing = _close(0, _statement(0, 5, _sent(300), 0, _none()));
        vm.warp(closing.endsAt - 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.PeriodRunning.selector, closing.endsAt));
        bank.settle(params, closing, [_sent(300), _none()]);
        vm.warp(closing.endsAt);
        bank.settle(params, closing, [_sent(300), _none()]);
        _assertStatus(Status.Closed);
    }

    function test_LocksStayInTheBank() public {
        Content memory out = _sentAndLocked(300, _oneLock(4, 60, START + 100));
        Content memory incoming = _sentAndLocked(120, _oneLock(511, 45, START + 200));
        Closing memory closing = _close(0, _statement(0, 5, out, 3, incoming));
        Settlement memory settlement = _settle(closing, out, incoming);
        assertEq(_gained(owner[0]), -180 - 60);
        assertEq(_gained(owner[1]), 180 - 45);
        assertEq(settlement.held, 105);
        assertEq(settlement.locked[0], 60);
        assertEq(settlement.locked[1], 45);
        assertEq(settlement.locksRoot[0], out.locksRoot);
        assertEq(settlement.locksRoot[1], incoming.locksRoot);
        assertEq(settlement.owed[0], int256(0));
        assertEq(settlement.owed[1], int256(0));
    }

    function test_ReleaseTimes() public {
        // Before the end of the period, between, and beyond what is allowed.
        uint64 end = START + PERIOD;
        uint64[5] memory lockedUntil = [START + 1, end, end + 5, end + MAX_LOCK, type(uint64).max];
        uint64[5] memory expected = [end, end, end + 5, end + MAX_LOCK, end + MAX_LOCK];
        for (uint64 i = 0; i < 5; ++i) {
            vm.warp(START);
            params.salt = 100 + i;
            _useParams(params);
            _open();
            Content memory out = _sentAndLocked(0, _oneLock(4, 60, lockedUntil[i]));
            Settlement memory settlement = _settle(_close(0, _statement(0, 5, out, 0, _none())), out, _none());
            assertEq(settlement.releaseAfter[0], expected[i] + PERIOD);
            assertEq(settlement.releaseAfter[1], end + PERIOD);
        }
    }

    function test_Trap_ANegativeDifferenceIsRememberedNotForgotten() public {
        // The closer stated that it had sent 300 and the peer got 800 at once; the newest agreed line says 100 and
        // has 250 locked. The peer was overpaid by 200: that is taken out of what its lock brings.
        Closing memory closing = _close(0, _statement(0, 5, _sent(300), 0, _none()));
        assertEq(closing.paidToPeer, 800);
        Content memory newer = _sentAndLocked(100, _oneLock(4, 250, START + PERIOD));
        closing = _show(closing, _update(0, 6, newer));
        Settlement memory settlement = _settle(closing, newer, _none());
        assertEq(settlement.owed[1], int256(-200));
        assertEq(_gained(owner[0]), -350, "1000 - 100 - 250");
        _reveal(4);
        settlement = _claim(settlement, 0, _oneLock(4, 250, START + PERIOD));
        assertEq(_gained(owner[1]), -500 + 800 + 50, "250 less the 200 that were too many");
        assertEq(settlement.held, 0);
        _assertStatus(Status.Closed);
    }

    function test_Trap_AnOverdrawnPartyPaysWithItsReleasedLocks() public {
        // Party 0 signed for 400 more than it had, and locked 50 of its own on top.
        Content memory out = _sentAndLocked(1350, _oneLock(4, 50, START + 100));
        Closing memory closing = _close(1, _statement(1, 0, _none(), 5, out));
        assertEq(closing.paidToPeer, 0, "1000 - 1350 - 50 is nothing");
        Settlement memory settlement = _settle(closing, out, _none());
        assertEq(settlement.owed[0], int256(-400));
        assertEq(_gained(owner[1]), 1000, "all that is held, though 1850 are due");
        assertEq(settlement.owed[1], int256(350));
        assertEq(settlement.held, 0);
        _assertStatus(Status.Closed);
    }

    function test_Trap_TheClosersMoneyIsNotLostByClampingTooEarly() public {
        // The peer withdrew all; its net is negative by what it sent, and the closer gets exactly that.
        bank.withdraw(params, 1, 600, START, _bothSign(Messages.withdrawal(id, 1, 600, START)));
        Closing memory closing = _close(0, _statement(0, 5, _sent(250), 3, _sent(200)));
        assertEq(closing.base[1], int256(-100));
        assertEq(closing.paidToPeer, 0, "-100 + 250 - 200 is nothing");
        _settle(closing, _sent(250), _sent(200));
        assertEq(_gained(owner[0]), -1000 + 900);
        assertEq(_gained(owner[1]), -500 + 600);
        assertEq(token.balanceOf(address(bank)), 0);
    }

    function test_WhateverIsSignedNothingIsPaidTwiceOrFromElsewhere() public {
        uint128 most = type(uint128).max;
        Content memory absurd = Content(most, most, type(uint64).max, bytes32(uint256(1)), bytes32(uint256(2)));
        uint256 others = 12345;
        token.mint(address(bank), others);
        for (uint8 d = 0; d < 2; ++d) {
            vm.warp(START);
            params.salt = 200 + d;
            _useParams(params);
            _open();
            uint256 before = token.balanceOf(address(bank));
            Closing memory closing = _close(d, _statement(d, 5, absurd, 5, absurd));
            Settlement memory settlement = _settle(closing, absurd, absurd);
            assertGe(token.balanceOf(address(bank)), before - 1500);
            assertEq(token.balanceOf(address(bank)), before - 1500 + settlement.held);
        }
    }

    function test_RevertWhen_AContentIsNotThatOfTheFinalLine() public {
        Closing memory closing = _close(0, _statement(0, 5, _sent(300), 3, _sent(120)));
        closing = _show(closing, _update(0, 6, _sent(310)));
        vm.warp(closing.endsAt);
        bytes memory reason =
            abi.encodeWithSelector(Errors.WrongContent.selector, bytes32("contents[0]"), _hash(_sent(310)));
        vm.expectRevert(reason);
        bank.settle(params, closing, [_sent(300), _sent(120)]);
        vm.expectRevert(reason);
        bank.settle(params, closing, [_none(), _sent(120)]);
        reason = abi.encodeWithSelector(Errors.WrongContent.selector, bytes32("contents[1]"), _hash(_sent(120)));
        vm.expectRevert(reason);
        bank.settle(params, closing, [_sent(310), _sent(310)]);
        // The contents are given by direction, whoever closed.
        vm.expectPartialRevert(Errors.WrongContent.selector);
        bank.settle(params, closing, [_sent(120), _sent(310)]);
    }

    function test_RevertWhen_AContentIsGivenForNoLine() public {
        Closing memory closing = _close(0, _statement(0, 0, _none(), 0, _none()));
        vm.warp(closing.endsAt);
        vm.expectRevert(abi.encodeWithSelector(Errors.MustBeZero.selector, bytes32("contents[0]")));
        bank.settle(params, closing, [_sent(1), _none()]);
        vm.expectRevert(abi.encodeWithSelector(Errors.MustBeZero.selector, bytes32("contents[1]")));
        bank.settle(params, closing, [_none(), _sent(1)]);
    }

    function test_RevertWhen_TheRecordIsNotTheNewest() public {
        Closing memory first = _close(0, _statement(0, 5, _sent(300), 3, _sent(120)));
        _show(first, _update(0, 6, _sent(310)));
        vm.warp(first.endsAt);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRecord.selector, id));
        bank.settle(params, first, [_sent(300), _sent(120)]);
    }

    function test_RevertWhen_SettledAlready() public {
        Content memory out = _sentAndLocked(300, _oneLock(4, 60, START + 100));
        Closing memory closing = _close(0, _statement(0, 5, out, 0, _none()));
        _settle(closing, out, _none());
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Closing, Status.Settled));
        bank.settle(params, closing, [out, _none()]);
    }

    function test_Trap_ARecordOfOneStatusIsNotOneOfAnother() public {
        // Both records have thirteen words, but the tag of the status keeps their commitments apart.
        Content memory out = _sentAndLocked(300, _oneLock(4, 60, START + 100));
        Closing memory closing = _close(0, _statement(0, 5, out, 0, _none()));
        Settlement memory disguised = abi.decode(abi.encode(closing), (Settlement));
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Settled, Status.Closing));
        bank.releaseLocks(params, disguised, 0);
    }

    function test_ATopUpFromAStrangerCountsForItsParty() public {
        vm.prank(stranger);
        bank.fund(params, 0, 77);
        Closing memory closing = _close(0, _statement(0, 5, _sent(300), 0, _none()));
        _settle(closing, _sent(300), _none());
        assertEq(_gained(owner[0]), -300 + 77);
    }

    function test_NativeCoin() public {
        _useNative();
        _open();
        Closing memory closing = _close(0, _statement(0, 5, _sent(300), 3, _sent(120)));
        _settle(closing, _sent(300), _sent(120));
        assertEq(_gained(owner[0]), -180);
        assertEq(_gained(owner[1]), 180);
        assertEq(address(bank).balance, 0);
    }
}
