// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {Closing, Content, Status, Update} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";
import {Messages} from "../support/Messages.sol";

/// BK-55 to BK-57.
contract UpdateTest is BankTest {
    Closing private closing;

    function setUp() public override {
        super.setUp();
        _open();
        closing = _close(0, _statement(0, 5, _sent(300), 3, _sent(120)));
    }

    function test_AnyoneShowsANewerAgreedLine() public {
        Closing memory next = _show(closing, _update(0, 6, _sent(310)));
        assertEq(next.outNonce, 6);
        assertEq(next.outHash, _hash(_sent(310)));
        assertEq(next.statedOut, 5, "what was stated at close stays");
        assertEq(next.endsAt, closing.endsAt, "the period is not prolonged");
        assertEq(next.held, closing.held);
        assertEq(_gained(owner[1]), 180, "paid at settle, not now");
        _settle(next, _sent(310), _sent(120));
        assertEq(_gained(owner[1]), 190);
        assertEq(_gained(owner[0]), -190);
    }

    function test_EachUpdateMustBeAboveTheNewestShown() public {
        Closing memory next = _show(closing, _update(0, 9, _sent(310)));
        uint64[3] memory notAbove = [uint64(0), 8, 9];
        for (uint256 i = 0; i < 3; ++i) {
            Update memory update = _update(0, notAbove[i], _sent(320));
            vm.expectRevert(abi.encodeWithSelector(Errors.NonceNotAbove.selector, notAbove[i], 9));
            bank.update(params, next, update);
        }
        _show(next, _update(0, type(uint64).max, _sent(330)));
    }

    function test_RevertWhen_TheNonceIsTheOneStated() public {
        Update memory update = _update(0, 5, _sent(301));
        vm.expectRevert(abi.encodeWithSelector(Errors.NonceNotAbove.selector, 5, 5));
        bank.update(params, closing, update);
    }

    function test_Trap_ThePayersSignatureAloneIsNotEnough() public {
        // The closer forges a newer, emptier line.
        Update memory update = _update(0, 6, _sent(0));
        update.ack = update.payerPromise;
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongSignature.selector, bytes32("ack"), signer[1], signer[0]));
        bank.update(params, closing, update);
    }

    function test_Trap_TheReceiversSignatureAloneIsNotEnough() public {
        Update memory update = _update(0, 6, _sent(1000));
        update.payerPromise = update.ack;
        vm.expectRevert(
            abi.encodeWithSelector(Errors.WrongSignature.selector, bytes32("payerPromise"), signer[0], signer[1])
        );
        bank.update(params, closing, update);
    }

    function test_RevertWhen_ALineOfThePeersDirectionIsShown() public {
        // Both signed it, but for direction 1: only the closer's own direction can be updated.
        Update memory update = _update(1, 6, _sent(200));
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.update(params, closing, update);
    }

    function test_RevertWhen_TheLineIsOfAnotherChannel() public {
        bytes32 here = id;
        id = keccak256("another channel");
        Update memory update = _update(0, 6, _sent(310));
        id = here;
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.update(params, closing, update);
    }

    function test_RevertWhen_AnyFieldIsChanged() public {
        for (uint256 field = 0; field < 3; ++field) {
            Update memory update = _update(0, 6, _sent(310));
            if (field == 0) update.line.nonce = 7;
            if (field == 1) update.line.acked = 4;
            if (field == 2) update.line.contentHash = _hash(_sent(311));
            vm.expectPartialRevert(Errors.WrongSignature.selector);
            bank.update(params, closing, update);
        }
    }

    function test_RevertWhen_AContentIsOpenedThoughTheCloseIsNotBlind() public {
        Update memory update = _update(0, 6, _sent(310));
        update.content = _sent(310);
        vm.expectRevert(abi.encodeWithSelector(Errors.MustBeZero.selector, bytes32("content")));
        bank.update(params, closing, update);
    }

    function test_UpToTheLastSecondBeforeTheEnd() public {
        vm.warp(closing.endsAt - 1);
        Closing memory next = _show(closing, _update(0, 6, _sent(310)));
        Update memory update = _update(0, 7, _sent(320));
        vm.warp(closing.endsAt);
        vm.expectRevert(abi.encodeWithSelector(Errors.PeriodOver.selector, closing.endsAt));
        bank.update(params, next, update);
    }

    function test_RevertWhen_TheRecordIsNotTheNewest() public {
        Update memory update = _update(0, 7, _sent(320));
        _show(closing, _update(0, 6, _sent(310)));
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRecord.selector, id));
        bank.update(params, closing, update);
    }

    function test_RevertWhen_AnyWordOfTheRecordIsChanged() public {
        Update memory update = _update(0, 6, _sent(310));
        bytes memory call_ = abi.encodeCall(bank.update, (params, closing, update));
        for (uint256 word = 0; word < 13; ++word) {
            bytes memory changed = bytes.concat(call_);
            // The lowest byte of the word; selector and seven words of params come first.
            uint256 place = 4 + 32 * (7 + word) + 31;
            changed[place] = bytes1(uint8(changed[place]) ^ 1);
            (bool success, bytes memory answer) = address(bank).call(changed);
            assertFalse(success, "a changed record was accepted");
            assertEq(bytes32(bytes4(answer)), bytes32(Errors.WrongRecord.selector));
        }
    }

    function test_RevertWhen_NotClosing() public {
        params.salt += 1;
        _useParams(params);
        Update memory update = _update(0, 6, _sent(310));
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Closing, Status.None));
        bank.update(params, closing, update);
        _open();
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Closing, Status.Open));
        bank.update(params, closing, update);
    }

    // Delegates (BK-56).

    function test_ADelegateAcknowledgesInTheReceiversPlace() public {
        Closing memory next = _show(closing, _delegated(START, signerKey[1], 0));
        assertEq(next.outNonce, 6);
    }

    function test_TheDelegationIsGoodOnItsLastSecond() public {
        Update memory update = _delegated(START + 5, signerKey[1], 0);
        vm.warp(START + 6);
        vm.expectRevert(abi.encodeWithSelector(Errors.Expired.selector, bytes32("delegation.validUntil"), START + 5));
        bank.update(params, closing, update);
        vm.warp(START + 5);
        _show(closing, update);
    }

    function test_RevertWhen_TheDelegationIsNotTheReceivers() public {
        Update memory update = _delegated(START, signerKey[0], 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                Errors.WrongSignature.selector, bytes32("delegation.signature"), signer[1], signer[0]
            )
        );
        bank.update(params, closing, update);
    }

    function test_RevertWhen_TheDelegationIsForTheOtherDirection() public {
        Update memory update = _delegated(START, signerKey[1], 1);
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.update(params, closing, update);
    }

    function test_RevertWhen_AnotherKeyOrTimeWasDelegated() public {
        Update memory update = _delegated(START, signerKey[1], 0);
        update.delegation.validUntil += 1;
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.update(params, closing, update);
        update = _delegated(START, signerKey[1], 0);
        update.delegation.key = stranger;
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.update(params, closing, update);
    }

    function test_RevertWhen_TheDelegateDidNotAcknowledge() public {
        Update memory update = _delegated(START, signerKey[1], 0);
        update.ack = _signLine(signerKey[1], 0, 6, 5, _hash(_sent(310)));
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongSignature.selector, bytes32("ack"), delegate, signer[1]));
        bank.update(params, closing, update);
    }

    function test_Trap_ThePayerCannotBeTheDelegate() public {
        // Even with the receiver's signature: a payer's line would be its own acknowledgement.
        Update memory update = _update(0, 6, _sent(0));
        update.ack = update.payerPromise;
        update.delegation.key = signer[0];
        update.delegation.validUntil = START;
        update.delegation.signature = _sign(signerKey[1], Messages.ackDelegate(id, 0, signer[0], START));
        vm.expectRevert(abi.encodeWithSelector(Errors.DelegateIsPayer.selector, signer[0]));
        bank.update(params, closing, update);
    }

    function test_Trap_AnUpdateAfterACloseDoesNotClaimALockTwice() public {
        // The stated line has the lock pending, the newer one has it folded: only the newer one counts at settle, and
        // claims start after it.
        params.salt += 1;
        _useParams(params);
        _open();
        Content memory pending = _sentAndLocked(300, _oneLock(4, 60, START + PERIOD));
        Content memory folded = _sent(360);
        closing = _close(0, _statement(0, 5, pending, 0, _none()));
        _reveal(4);
        Closing memory next = _show(closing, _update(0, 6, folded));
        _settle(next, folded, _none());
        assertEq(token.balanceOf(address(bank)), 820, "only the first channel's money is left");
        _assertStatus(Status.Closed);
    }

    function _delegated(uint64 validUntil, uint256 byKey, uint8 direction) private view returns (Update memory update) {
        update = _update(0, 6, _sent(310));
        update.ack = _signLine(DELEGATE_KEY, 0, 6, 5, _hash(_sent(310)));
        update.delegation.key = delegate;
        update.delegation.validUntil = validUntil;
        update.delegation.signature = _sign(byKey, Messages.ackDelegate(id, direction, delegate, validUntil));
    }
}
