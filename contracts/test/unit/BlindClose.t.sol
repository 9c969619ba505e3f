// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {Closing, Content, Evidence, Lock, Settlement, Signature, Status, Update} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";
import {Messages} from "../support/Messages.sol";

/// BK-45, BK-57: the close of a party that lost its data.
contract BlindCloseTest is BankTest {
    function setUp() public override {
        super.setUp();
        _open();
    }

    function test_StatesNothingPaysNothingLastsFourPeriods() public {
        Closing memory closing = _closeBlind(0);
        assertTrue(closing.blind);
        assertEq(closing.endsAt, START + 4 * PERIOD);
        assertEq(closing.held, 1500);
        assertEq(closing.paidToPeer, 0);
        assertEq(closing.outNonce + closing.inNonce + closing.statedOut, 0);
        assertEq(_gained(owner[0]), -1000);
        assertEq(_gained(owner[1]), -500);
    }

    function test_TheSignerMayCloseBlindToo() public {
        vm.prank(signer[1]);
        bank.closeBlind(params, 1);
        _assertStatus(Status.Closing);
    }

    function test_RevertWhen_SenderIsNeither() public {
        address[3] memory others = [stranger, owner[1], signer[1]];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Errors.SenderIsNotParty.selector, others[i], 0));
            vm.prank(others[i]);
            bank.closeBlind(params, 0);
        }
    }

    function test_RevertWhen_PartyOutOfRange() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.PartyOutOfRange.selector, 2));
        bank.closeBlind(params, 2);
        vm.expectRevert(abi.encodeWithSelector(Errors.PartyOutOfRange.selector, 2));
        bank.closeBlindFor(params, 2, START, _noSignature());
    }

    function test_RevertWhen_NotOpen() public {
        _closeBlind(0);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Open, Status.Closing));
        vm.prank(owner[1]);
        bank.closeBlind(params, 1);
    }

    function test_NothingCountsForIn() public {
        // The peer had paid 120 to the closer; what the closer cannot show is lost to it.
        Closing memory closing = _closeBlind(0);
        _settle(closing, _none(), _none());
        assertEq(_gained(owner[0]), 0);
        assertEq(_gained(owner[1]), 0);
        _assertStatus(Status.Closed);
    }

    function test_RevertWhen_AnInContentIsSlippedInAtSettle() public {
        Closing memory closing = _closeBlind(0);
        vm.warp(closing.endsAt);
        vm.expectRevert(abi.encodeWithSelector(Errors.MustBeZero.selector, bytes32("contents[1]")));
        bank.settle(params, closing, [_none(), _sent(120)]);
    }

    function test_ThePeersUpdateOpensItsContentSoThatAnyoneCanSettle() public {
        Closing memory closing = _closeBlind(0);
        Content memory content = _sentAndLocked(300, _oneLock(4, 60, START + PERIOD));
        Update memory update = _update(0, 5, content);
        update.content = content;
        vm.recordLogs();
        bank.update(params, closing, update);
        (Closing memory next, Content memory opened) =
            abi.decode(_lastLog(IVirtualBank.Updated.selector), (Closing, Content));
        assertEq(keccak256(abi.encode(opened)), next.outHash, "the event opens the hash");
        assertEq(next.outNonce, 5);
        _assertCommitted(keccak256(abi.encode(next)), Status.Closing);
        // Settled by a stranger, from the event alone.
        _settle(next, opened, _none());
        assertEq(_gained(owner[1]), 300);
        assertEq(_gained(owner[0]), -360, "60 are still locked");
    }

    function test_RevertWhen_TheUpdateDoesNotOpenItsContent() public {
        Closing memory closing = _closeBlind(0);
        Update memory update = _update(0, 5, _sent(300));
        bytes memory reason =
            abi.encodeWithSelector(Errors.WrongContent.selector, bytes32("content"), _hash(_sent(300)));
        vm.expectRevert(reason);
        bank.update(params, closing, update);
        update.content = _sent(299);
        vm.expectRevert(reason);
        bank.update(params, closing, update);
    }

    function test_Trap_ABlindCloseCannotBeChallenged() public {
        Closing memory closing = _closeBlind(0);
        Evidence memory evidence = _evidence(signerKey[0], 1, 3, 2, _hash(_sent(120)));
        vm.expectRevert(Errors.BlindCloseCannotBeChallenged.selector);
        bank.challenge(params, closing, evidence);
    }

    function test_Trap_TheClaimWindowEndsWithOnePlainPeriod() public {
        Closing memory closing = _closeBlind(0);
        Content memory content = _sentAndLocked(0, _oneLock(4, 60, START + 1));
        Update memory update = _update(0, 5, content);
        update.content = content;
        closing = _show(closing, update);
        Settlement memory settlement = _settle(closing, content, _none());
        assertEq(settlement.releaseAfter[0], START + 4 * PERIOD + PERIOD);
        vm.warp(START + 5 * PERIOD);
        vm.expectRevert(abi.encodeWithSelector(Errors.ClaimWindowOpen.selector, START + 5 * PERIOD));
        bank.releaseLocks(params, settlement, 0);
        vm.warp(START + 5 * PERIOD + 1);
        _release(settlement, 0);
        assertEq(_gained(owner[0]), 0);
    }

    function test_TheLongestWaitIsBoundedFromTheEndOfTheFourPeriods() public {
        Closing memory closing = _closeBlind(0);
        Lock[] memory locks = _oneLock(4, 60, type(uint64).max);
        Content memory content = _sentAndLocked(0, locks);
        Update memory update = _update(0, 5, content);
        update.content = content;
        Settlement memory settlement = _settle(_show(closing, update), content, _none());
        assertEq(settlement.releaseAfter[0], START + 4 * PERIOD + MAX_LOCK + PERIOD);
    }

    function test_UpdateUntilTheEndOfTheFourthPeriod() public {
        Closing memory closing = _closeBlind(0);
        vm.warp(START + 4 * PERIOD - 1);
        Update memory update = _update(0, 5, _sent(300));
        update.content = _sent(300);
        vm.expectRevert(abi.encodeWithSelector(Errors.PeriodRunning.selector, START + 4 * PERIOD));
        bank.settle(params, closing, [_none(), _none()]);
        closing = _show(closing, update);
        vm.warp(START + 4 * PERIOD);
        update = _update(0, 6, _sent(301));
        update.content = _sent(301);
        vm.expectRevert(abi.encodeWithSelector(Errors.PeriodOver.selector, START + 4 * PERIOD));
        bank.update(params, closing, update);
    }

    function test_ARelayerClosesBlindWithTheSignersStatement() public {
        Signature memory signature = _sign(signerKey[1], _blind(1, START + 9));
        vm.warp(START + 9);
        vm.prank(stranger);
        bank.closeBlindFor(params, 1, START + 9, signature);
        _assertStatus(Status.Closing);
    }

    function test_Trap_ARelayedBlindStatementExpiresAndIsForItsParty() public {
        Signature memory signature = _sign(signerKey[1], _blind(1, START));
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.closeBlindFor(params, 0, START, signature);
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.closeBlindFor(params, 1, START + 1, signature);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.Expired.selector, bytes32("validUntil"), START));
        bank.closeBlindFor(params, 1, START, signature);
    }

    function test_Trap_AnEmptyStatementIsNotABlindOne() public {
        Messages.Stated memory nothing;
        Signature memory signature = _sign(signerKey[1], Messages.closeStatement(id, 1, false, nothing, START));
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.closeBlindFor(params, 1, START, signature);
    }

    function _blind(uint8 d, uint64 validUntil) private view returns (bytes32) {
        Messages.Stated memory nothing;
        return Messages.closeStatement(id, d, true, nothing, validUntil);
    }
}
