// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {Closing, Content, Signature, Statement, Status} from "../../src/interfaces/Types.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {BankTest} from "../support/BankTest.sol";
import {Messages} from "../support/Messages.sol";

/// BK-40 to BK-43, BK-50.
contract CloseTest is BankTest {
    function setUp() public override {
        super.setUp();
        _open();
    }

    function test_PaysThePeerAtOnceAndFreezesTheRest() public {
        Statement memory statement = _statement(0, 5, _sent(300), 3, _sent(120));
        Closing memory closing = _close(0, statement);
        assertEq(_gained(owner[1]), -500 + 680, "500 + 300 - 120 at once");
        assertEq(_gained(owner[0]), -1000, "the closer waits");
        assertEq(closing.party, 0);
        assertFalse(closing.blind);
        assertEq(closing.closedAt, START);
        assertEq(closing.endsAt, START + PERIOD);
        assertEq(closing.statedOut, 5);
        assertEq(closing.outNonce, 5);
        assertEq(closing.outHash, _hash(_sent(300)));
        assertEq(closing.inNonce, 3);
        assertEq(closing.inHash, _hash(_sent(120)));
        assertEq(closing.base[0], int256(1000));
        assertEq(closing.base[1], int256(500));
        assertEq(closing.paidToPeer, 680);
        assertEq(closing.held, 820);
    }

    function test_TheEventOpensTheContents() public {
        Statement memory statement = _statement(1, 5, _sent(30), 3, _sent(120));
        vm.recordLogs();
        vm.prank(owner[1]);
        bank.close(params, 1, statement);
        (, Content memory out, Content memory incoming) =
            abi.decode(_lastLog(IVirtualBank.Closed.selector), (Closing, Content, Content));
        assertEq(keccak256(abi.encode(out)), _hash(_sent(30)));
        assertEq(keccak256(abi.encode(incoming)), _hash(_sent(120)));
    }

    function test_TheSignerMayClose() public {
        Statement memory statement = _statement(1, 0, _none(), 0, _none());
        vm.prank(signer[1]);
        bank.close(params, 1, statement);
        _assertStatus(Status.Closing);
        assertEq(_gained(owner[0]), 0, "party 0 got its deposit back at once");
    }

    function test_WithoutAnyLine() public {
        Closing memory closing = _close(0, _statement(0, 0, _none(), 0, _none()));
        assertEq(closing.outHash, bytes32(0));
        assertEq(closing.inHash, bytes32(0));
        assertEq(_gained(owner[1]), 0);
        assertEq(closing.held, 1000);
    }

    function test_ThePeersLocksStayAndTheClosersLocksAreNotPaidYet() public {
        // p -> d: 40 locked stay in the bank; d -> p: 60 locked are not p's yet.
        Content memory incoming = _sentAndLocked(120, _oneLock(3, 40, START + 100));
        Content memory out = _sentAndLocked(300, _oneLock(4, 60, START + 100));
        Closing memory closing = _close(0, _statement(0, 5, out, 3, incoming));
        assertEq(closing.paidToPeer, 500 + 300 - 120 - 40);
    }

    function test_Trap_ALineThatTheReceiverRefusedIsStillUsableByIt() public {
        // The bank asks for the payer's promise alone: a payer must treat every line it signed as live, whatever the
        // receiver answered, and so must whoever counts the payer's free money.
        Closing memory closing = _close(0, _statement(0, 0, _none(), 7, _sent(450)));
        assertEq(closing.inNonce, 7);
        assertEq(closing.paidToPeer, 50);
    }

    function test_EqualOwnersCloseForTheNamedParty() public {
        params.owner[1] = owner[0];
        _useParams(params);
        _open();
        vm.recordLogs();
        Statement memory statement = _statement(1, 0, _none(), 0, _none());
        vm.prank(owner[0]);
        bank.close(params, 1, statement);
        _assertStatus(Status.Closing);
    }

    function test_BaseCountsWithdrawals() public {
        bank.withdraw(params, 1, 700, START, _bothSign(Messages.withdrawal(id, 1, 700, START)));
        Closing memory closing = _close(0, _statement(0, 5, _sent(300), 0, _none()));
        assertEq(closing.base[0], int256(1000));
        assertEq(closing.base[1], int256(-200));
        assertEq(closing.paidToPeer, 100);
        assertEq(closing.held, 700);
    }

    function test_Trap_WhatIsSignedNeverPaysMoreThanIsHeld() public {
        Content memory absurd = _sent(type(uint128).max);
        Closing memory closing = _close(0, _statement(0, 5, absurd, 0, _none()));
        assertEq(closing.paidToPeer, 1500);
        assertEq(closing.held, 0);
        _settle(closing, absurd, _none());
        assertEq(token.balanceOf(address(bank)), 0);
    }

    function test_APeerThatOwesGetsNothingAtOnce() public {
        Content memory absurd = _sent(type(uint128).max);
        absurd.locked = type(uint128).max;
        Closing memory closing = _close(0, _statement(0, 0, _none(), 3, absurd));
        assertEq(closing.paidToPeer, 0);
        assertEq(closing.held, 1500);
    }

    function test_RevertWhen_SenderIsNeitherOwnerNorSigner() public {
        Statement memory statement = _statement(0, 0, _none(), 0, _none());
        address[3] memory others = [stranger, owner[1], signer[1]];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Errors.SenderIsNotParty.selector, others[i], 0));
            vm.prank(others[i]);
            bank.close(params, 0, statement);
        }
    }

    function test_RevertWhen_PartyOutOfRange() public {
        Statement memory statement = _statement(0, 0, _none(), 0, _none());
        vm.expectRevert(abi.encodeWithSelector(Errors.PartyOutOfRange.selector, 2));
        bank.close(params, 2, statement);
        vm.expectRevert(abi.encodeWithSelector(Errors.PartyOutOfRange.selector, 2));
        bank.closeFor(params, 2, statement, START, _noSignature());
    }

    function test_ASecondCloseIsRefused() public {
        _close(0, _statement(0, 0, _none(), 0, _none()));
        for (uint8 d = 0; d < 2; ++d) {
            Statement memory again = _statement(d, 5, _sent(300), 0, _none());
            vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Open, Status.Closing));
            vm.prank(owner[d]);
            bank.close(params, d, again);
        }
    }

    function test_RevertWhen_NeverFunded() public {
        params.salt += 1;
        _useParams(params);
        Statement memory statement = _statement(0, 0, _none(), 0, _none());
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Open, Status.None));
        vm.prank(owner[0]);
        bank.close(params, 0, statement);
    }

    function test_Trap_TheCloserCannotAcknowledgeItsOwnLine() public {
        Statement memory statement = _statement(0, 5, _sent(300), 0, _none());
        statement.outAck = _signLine(signerKey[0], 0, 5, 4, _hash(_sent(300)));
        _refused(statement, "outAck", signer[0]);
    }

    function test_Trap_TheCloserCannotPromiseInThePeersPlace() public {
        Statement memory statement = _statement(0, 0, _none(), 3, _sent(120));
        statement.inPromise = _signLine(signerKey[0], 1, 3, 2, _hash(_sent(120)));
        _refused(statement, "inPromise", signer[0]);
    }

    function test_Trap_ADelegatesAckMakesNoLineAgreed() public {
        Statement memory statement = _statement(0, 5, _sent(300), 0, _none());
        statement.outAck = _signLine(DELEGATE_KEY, 0, 5, 4, _hash(_sent(300)));
        _refused(statement, "outAck", delegate);
    }

    function test_RevertWhen_ThePeersSignatureIsOnTheOtherDirection() public {
        Statement memory statement = _statement(0, 5, _sent(300), 0, _none());
        statement.outAck = _signLine(signerKey[1], 1, 5, 4, _hash(_sent(300)));
        _refusedByType(statement);
        statement = _statement(0, 0, _none(), 3, _sent(120));
        statement.inPromise = _signLine(signerKey[1], 0, 3, 2, _hash(_sent(120)));
        _refusedByType(statement);
    }

    function test_RevertWhen_AnyFieldOfALineIsChanged() public {
        Statement memory good = _statement(0, 5, _sent(300), 3, _sent(120));
        for (uint256 field = 0; field < 10; ++field) {
            Statement memory bad = abi.decode(abi.encode(good), (Statement));
            if (field == 0) bad.outNonce = 6;
            if (field == 1) bad.outAcked = 3;
            if (field == 2) bad.outContent.sent = 301;
            if (field == 3) bad.outContent.locked = 1;
            if (field == 4) bad.outContent.lockedUntil = 1;
            if (field == 5) bad.outContent.memoRoot = 0;
            if (field == 6) bad.inNonce = 4;
            if (field == 7) bad.inAcked = 1;
            if (field == 8) bad.inContent.sent = 119;
            if (field == 9) bad.inContent.locksRoot = bytes32(uint256(1));
            _refusedByType(bad);
        }
        _close(0, good);
    }

    function test_RevertWhen_HighS() public {
        Statement memory statement = _statement(0, 5, _sent(300), 0, _none());
        statement.outAck = _withHighS(statement.outAck);
        _refused(statement, "outAck", address(0));
    }

    function test_NonceZeroSaysNothing() public {
        Signature memory signature = _signLine(signerKey[1], 0, 0, 0, 0);
        for (uint256 field = 0; field < 14; ++field) {
            Statement memory bad = _statement(0, 0, _none(), 0, _none());
            bytes32 name;
            Content memory content = field < 7 ? bad.outContent : bad.inContent;
            if (field % 7 < 5) name = field < 7 ? bytes32("outContent") : bytes32("inContent");
            else name = field < 7 ? bytes32("outAck") : bytes32("inPromise");
            if (field % 7 == 0) content.sent = 1;
            if (field % 7 == 1) content.locked = 1;
            if (field % 7 == 2) content.lockedUntil = 1;
            if (field % 7 == 3) content.locksRoot = bytes32(uint256(1));
            if (field % 7 == 4) content.memoRoot = bytes32(uint256(1));
            if (field == 5) bad.outAcked = 1;
            if (field == 12) bad.inAcked = 1;
            if (field == 6) bad.outAck = signature;
            if (field == 13) bad.inPromise = signature;
            vm.expectRevert(abi.encodeWithSelector(Errors.MustBeZero.selector, name));
            vm.prank(owner[0]);
            bank.close(params, 0, bad);
        }
    }

    // A relayer closes (closeFor).

    function test_ARelayerClosesWithTheSignersStatement() public {
        Statement memory statement = _statement(0, 5, _sent(300), 3, _sent(120));
        Signature memory signature = _sign(signerKey[0], _relayed(0, statement, START + 9));
        vm.warp(START + 9);
        vm.prank(stranger);
        bank.closeFor(params, 0, statement, START + 9, signature);
        _assertStatus(Status.Closing);
        assertEq(_gained(owner[1]), 180);
    }

    function test_Trap_ARelayedStatementExpires() public {
        Statement memory statement = _statement(0, 5, _sent(300), 3, _sent(120));
        Signature memory signature = _sign(signerKey[0], _relayed(0, statement, START + 9));
        vm.warp(START + 10);
        vm.expectRevert(abi.encodeWithSelector(Errors.Expired.selector, bytes32("validUntil"), START + 9));
        bank.closeFor(params, 0, statement, START + 9, signature);
    }

    function test_Trap_ARelayedStatementBindsEverything() public {
        Statement memory good = _statement(0, 5, _sent(300), 3, _sent(120));
        Signature memory signature = _sign(signerKey[0], _relayed(0, good, START));
        // Other genuine lines of the same channel, but not those that the party stated.
        Statement[5] memory others = [
            _statement(0, 4, _sent(200), 3, _sent(120)),
            _statement(0, 5, _sent(300), 2, _sent(80)),
            _statement(0, 5, _sent(301), 3, _sent(120)),
            _statement(0, 0, _none(), 3, _sent(120)),
            _statement(0, 5, _sent(300), 0, _none())
        ];
        for (uint256 i = 0; i < others.length; ++i) {
            _refusedRelay(0, others[i], START, signature);
        }
        Statement memory acked = _statement(0, 5, _sent(300), 3, _sent(120));
        acked.outAcked = 3;
        acked.outAck = _signLine(signerKey[1], 0, 5, 3, _hash(_sent(300)));
        _refusedRelay(0, acked, START, signature);
        _refusedRelay(0, good, START + 1, signature);
        // A blind statement is another kind.
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.closeBlindFor(params, 0, START, signature);
    }

    function test_Trap_ARelayedStatementIsForItsParty() public {
        Statement memory statement = _statement(1, 0, _none(), 0, _none());
        Signature memory signature = _sign(signerKey[0], _relayed(0, statement, START));
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.closeFor(params, 1, statement, START, signature);
    }

    function test_RevertWhen_TheOwnerSignedTheRelayedStatement() public {
        Statement memory statement = _statement(0, 0, _none(), 0, _none());
        Signature memory signature = _sign(ownerKey[0], _relayed(0, statement, START));
        vm.expectRevert(
            abi.encodeWithSelector(Errors.WrongSignature.selector, bytes32("signature"), signer[0], owner[0])
        );
        bank.closeFor(params, 0, statement, START, signature);
    }

    function _relayed(uint8 d, Statement memory statement, uint64 validUntil) private view returns (bytes32) {
        Messages.Stated memory stated = Messages.Stated({
            outNonce: statement.outNonce,
            outAcked: statement.outAcked,
            outContentHash: statement.outNonce == 0 ? bytes32(0) : _hash(statement.outContent),
            inNonce: statement.inNonce,
            inAcked: statement.inAcked,
            inContentHash: statement.inNonce == 0 ? bytes32(0) : _hash(statement.inContent)
        });
        return Messages.closeStatement(id, d, false, stated, validUntil);
    }

    function _refused(Statement memory statement, bytes32 field, address recovered) private {
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongSignature.selector, field, signer[1], recovered));
        vm.prank(owner[0]);
        bank.close(params, 0, statement);
    }

    function _refusedByType(Statement memory statement) private {
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        vm.prank(owner[0]);
        bank.close(params, 0, statement);
    }

    function _refusedRelay(uint8 d, Statement memory statement, uint64 validUntil, Signature memory signature) private {
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.closeFor(params, d, statement, validUntil, signature);
    }
}
