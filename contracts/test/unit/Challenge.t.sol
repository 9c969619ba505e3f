// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {Closing, Content, Evidence, Signature, Status} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";

/// BK-60, BK-61. Party 0 closes: it states nonce 5 of its own direction and nonce 3 of the peer's.
contract ChallengeTest is BankTest {
    Closing private closing;

    function setUp() public override {
        super.setUp();
        _open();
        closing = _close(0, _statement(0, 5, _sent(300), 3, _sent(120)));
    }

    function test_ALaterAcknowledgementTakesEverything() public {
        Evidence memory evidence = _in(signerKey[0], 4, 3, _sent(150));
        vm.expectEmit(address(bank));
        emit IVirtualBank.Challenged(id, 0, 820);
        vm.prank(stranger);
        bank.challenge(params, closing, evidence);
        _assertStatus(Status.Closed);
        assertEq(_gained(owner[1]), 1000, "680 at close and 820 now");
        assertEq(_gained(owner[0]), -1000);
        assertEq(token.balanceOf(address(bank)), 0);
    }

    function test_AnotherContentAtTheStatedNonceTakesEverything() public {
        bank.challenge(params, closing, _in(signerKey[0], 3, 2, _sent(121)));
        _assertStatus(Status.Closed);
        assertEq(_gained(owner[1]), 1000);
    }

    function test_APromiseThatKnewAnAckAboveTheStatedNonceTakesEverything() public {
        bank.challenge(params, closing, _out(signerKey[0], 9, 6, _sent(400)));
        _assertStatus(Status.Closed);
        assertEq(_gained(owner[1]), 1000);
    }

    function test_WhatWasStatedTruthfullyIsNotPunished() public {
        _nothingProved(_in(signerKey[0], 3, 2, _sent(120)));
        _nothingProved(_in(signerKey[0], 2, 1, _sent(80)));
        _nothingProved(_out(signerKey[0], 5, 4, _sent(300)));
    }

    function test_HidingALineWhoseAckWasNotConfirmedIsNotPunished() public {
        // The closer promised far more, but knew no ack above the nonce it stated: `update` adds it, without penalty.
        _nothingProved(_out(signerKey[0], 99, 5, _sent(900)));
        _nothingProved(_out(signerKey[0], type(uint64).max, 0, _sent(900)));
    }

    function test_Trap_SameContentWithAnotherAckedIsNotOtherContent() public {
        _nothingProved(_in(signerKey[0], 3, 0, _sent(120)));
        _nothingProved(_in(signerKey[0], 3, type(uint64).max, _sent(120)));
    }

    function test_Trap_ALaterUpdateDoesNotHelpTheLiar() public {
        // The closer knew that 9 was acknowledged, stated 5, and then shows 9 itself.
        Closing memory next = _show(closing, _update(0, 9, _sent(400)));
        bank.challenge(params, next, _out(signerKey[0], 10, 9, _sent(401)));
        _assertStatus(Status.Closed);
        assertEq(_gained(owner[0]), -1000);
    }

    function test_Trap_AnUpdateDoesNotMakeATruthfulCloserALiar() public {
        // Somebody shows 9; the closer had promised with `acked` 5, which is what it stated.
        Closing memory next = _show(closing, _update(0, 9, _sent(400)));
        Evidence memory evidence = _out(signerKey[0], 9, 5, _sent(400));
        vm.expectRevert(Errors.NoContradiction.selector);
        bank.challenge(params, next, evidence);
    }

    function test_Trap_ADelegatesAckWaivesNothing() public {
        Evidence memory evidence = _in(DELEGATE_KEY, 4, 3, _sent(150));
        _wrongSigner(evidence, delegate);
    }

    function test_Trap_NobodyElsesSignatureConvicts() public {
        _wrongSigner(_in(signerKey[1], 4, 3, _sent(150)), signer[1]);
        _wrongSigner(_out(signerKey[1], 9, 6, _sent(400)), signer[1]);
        _wrongSigner(_in(ownerKey[0], 4, 3, _sent(150)), owner[0]);
    }

    function test_RevertWhen_EvidenceIsOfTheOtherDirection() public {
        // Its promise on nonce 9 is shown as if it were an ack.
        Evidence memory evidence = _out(signerKey[0], 9, 5, _sent(400));
        evidence.direction = 1;
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.challenge(params, closing, evidence);
    }

    function test_RevertWhen_EvidenceIsOfAnotherChannel() public {
        bytes32 here = id;
        id = keccak256("another channel");
        Evidence memory evidence = _in(signerKey[0], 4, 3, _sent(150));
        id = here;
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.challenge(params, closing, evidence);
    }

    function test_RevertWhen_NonceZero() public {
        _nothingProved(_in(signerKey[0], 0, 9, _sent(1)));
        _nothingProved(_out(signerKey[0], 0, 9, _sent(1)));
    }

    function test_NothingStatedForInIsAnswerableByAnyAck() public {
        params.salt += 1;
        _useParams(params);
        _open();
        closing = _close(0, _statement(0, 0, _none(), 0, _none()));
        bank.challenge(params, closing, _in(signerKey[0], 1, 0, _sent(1)));
        _assertStatus(Status.Closed);
    }

    function test_NothingStatedForOutIsAnswerableByAnyAcked() public {
        params.salt += 1;
        _useParams(params);
        _open();
        closing = _close(0, _statement(0, 0, _none(), 0, _none()));
        _nothingProved(_out(signerKey[0], 7, 0, _sent(1)));
        bank.challenge(params, closing, _out(signerKey[0], 7, 1, _sent(1)));
        _assertStatus(Status.Closed);
    }

    function test_RevertWhen_DirectionOutOfRange() public {
        Evidence memory evidence = _in(signerKey[0], 4, 3, _sent(150));
        evidence.direction = 2;
        vm.expectRevert(abi.encodeWithSelector(Errors.DirectionOutOfRange.selector, 2));
        bank.challenge(params, closing, evidence);
    }

    function test_UpToTheLastSecondBeforeTheEnd() public {
        Evidence memory evidence = _in(signerKey[0], 4, 3, _sent(150));
        vm.warp(closing.endsAt);
        vm.expectRevert(abi.encodeWithSelector(Errors.PeriodOver.selector, closing.endsAt));
        bank.challenge(params, closing, evidence);
        vm.warp(closing.endsAt - 1);
        bank.challenge(params, closing, evidence);
    }

    function test_RevertWhen_NotClosing() public {
        Evidence memory evidence = _in(signerKey[0], 4, 3, _sent(150));
        _settle(closing, _sent(300), _sent(120));
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Closing, Status.Closed));
        bank.challenge(params, closing, evidence);
    }

    function test_RevertWhen_TheRecordIsWrong() public {
        Evidence memory evidence = _in(signerKey[0], 4, 3, _sent(150));
        closing.held += 1;
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRecord.selector, id));
        bank.challenge(params, closing, evidence);
    }

    function test_Party1CanLieToo() public {
        params.salt += 1;
        _useParams(params);
        _open();
        closing = _close(1, _statement(1, 0, _none(), 3, _sent(120)));
        bank.challenge(params, closing, _evidence(signerKey[1], 0, 4, 3, _hash(_sent(600))));
        // The first channel still holds what it held.
        assertEq(token.balanceOf(address(bank)), 820);
        assertEq(_gained(owner[0]), -2000 + 1500);
    }

    function test_RevertWhen_TheStatementItselfIsPresentedAsAnother() public {
        // The peer's promise on the stated in line does not convict the closer.
        Signature memory promise_ = _signLine(signerKey[1], 1, 4, 3, _hash(_sent(150)));
        Evidence memory evidence = Evidence(1, 4, 3, _hash(_sent(150)), promise_);
        _wrongSigner(evidence, signer[1]);
    }

    function _in(uint256 key, uint64 nonce, uint64 acked, Content memory content)
        private
        view
        returns (Evidence memory)
    {
        return _evidence(key, 1, nonce, acked, _hash(content));
    }

    function _out(uint256 key, uint64 nonce, uint64 acked, Content memory content)
        private
        view
        returns (Evidence memory)
    {
        return _evidence(key, 0, nonce, acked, _hash(content));
    }

    function _nothingProved(Evidence memory evidence) private {
        vm.expectRevert(Errors.NoContradiction.selector);
        bank.challenge(params, closing, evidence);
    }

    function _wrongSigner(Evidence memory evidence, address recovered) private {
        vm.expectRevert(
            abi.encodeWithSelector(Errors.WrongSignature.selector, bytes32("evidence.signature"), signer[0], recovered)
        );
        bank.challenge(params, closing, evidence);
    }
}
