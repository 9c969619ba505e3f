// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {Signature, Status} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";
import {Messages} from "../support/Messages.sol";

/// BK-31.
contract CloseTogetherTest is BankTest {
    function setUp() public override {
        super.setUp();
        _open();
    }

    function test_PaysBothAtOnce() public {
        Signature[2] memory signatures = _signed(-400, START);
        vm.expectEmit(address(bank));
        emit IVirtualBank.ClosedTogether(id, 600, 900);
        vm.prank(stranger);
        bank.closeTogether(params, -400, START, signatures);
        assertEq(_gained(owner[0]), -400);
        assertEq(_gained(owner[1]), 400);
        _assertStatus(Status.Closed);
        assertEq(token.balanceOf(address(bank)), 0);
        assertEq(bank.commitmentOf(id), bytes32(0));
        assertEq(bank.depositsOf(id)[0], 0);
    }

    function test_BothBoundsArePossible() public {
        uint256 snapshot = vm.snapshotState();
        bank.closeTogether(params, -1000, START, _signed(-1000, START));
        assertEq(_gained(owner[1]), 1000);
        vm.revertToState(snapshot);
        bank.closeTogether(params, 500, START, _signed(500, START));
        assertEq(_gained(owner[0]), 500);
    }

    function test_Trap_OutOfRangeIsRefusedNotClamped() public {
        int256[6] memory bad = [int256(-1001), 501, type(int256).min, type(int256).max, -2 ** 255 + 1, 2 ** 254];
        for (uint256 i = 0; i < bad.length; ++i) {
            Signature[2] memory signatures = _signed(bad[i], START);
            vm.expectRevert(abi.encodeWithSelector(Errors.DeltaOutOfRange.selector, bad[i], int256(-1000), int256(500)));
            bank.closeTogether(params, bad[i], START, signatures);
        }
    }

    function test_Trap_AWithdrawalDoesNotShiftThePayout() public {
        // Signed before the withdrawal of 300 was executed: what party 1 gets stays the same.
        Signature[2] memory signatures = _signed(-400, START);
        bank.withdraw(params, 0, 300, START, _bothSign(Messages.withdrawal(id, 0, 300, START)));
        bank.closeTogether(params, -400, START, signatures);
        assertEq(_gained(owner[0]), -400);
        assertEq(_gained(owner[1]), 400);
    }

    function test_Trap_AStrangersTopUpDoesNotShiftThePayout() public {
        Signature[2] memory signatures = _signed(-400, START);
        vm.prank(stranger);
        bank.fund(params, 1, 77);
        bank.closeTogether(params, -400, START, signatures);
        assertEq(_gained(owner[0]), -400);
        assertEq(_gained(owner[1]), 477);
    }

    function test_AfterAWithdrawalAboveTheOwnDeposit() public {
        bank.withdraw(params, 0, 1200, START, _bothSign(Messages.withdrawal(id, 0, 1200, START)));
        // base is -200 now: zero for party 0 needs a delta of 200.
        Signature[2] memory signatures = _signed(199, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.DeltaOutOfRange.selector, int256(199), int256(200), int256(500)));
        bank.closeTogether(params, 199, START, signatures);
        bank.closeTogether(params, 200, START, _signed(200, START));
        assertEq(_gained(owner[0]), 200);
        assertEq(_gained(owner[1]), -200);
    }

    function test_ValidUntilIsGoodOnItsLastSecond() public {
        Signature[2] memory signatures = _signed(0, START + 1);
        vm.warp(START + 2);
        vm.expectRevert(abi.encodeWithSelector(Errors.Expired.selector, bytes32("validUntil"), START + 1));
        bank.closeTogether(params, 0, START + 1, signatures);
        vm.warp(START + 1);
        bank.closeTogether(params, 0, START + 1, signatures);
    }

    function test_RevertWhen_OneSignatureIsMissing() public {
        bytes32 structHash = Messages.closeTogether(id, 0, START);
        Signature[2] memory signatures = _bothSign(structHash);
        signatures[1] = signatures[0];
        vm.expectRevert(
            abi.encodeWithSelector(Errors.WrongSignature.selector, bytes32("signatures[1]"), signer[1], signer[0])
        );
        bank.closeTogether(params, 0, START, signatures);
    }

    function test_RevertWhen_AnotherDeltaWasSigned() public {
        Signature[2] memory signatures = _signed(0, START);
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.closeTogether(params, 1, START, signatures);
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.closeTogether(params, 0, START + 1, signatures);
    }

    function test_Trap_AnOldOfferIsUselessOnceClosing() public {
        Signature[2] memory signatures = _signed(500, START);
        _closeBlind(1);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Open, Status.Closing));
        bank.closeTogether(params, 500, START, signatures);
    }

    function test_Trap_AnOldOfferIsUselessInANewChannel() public {
        Signature[2] memory signatures = _signed(500, START);
        bank.closeTogether(params, 0, START, _signed(0, START));
        // The same parties and token again: only another salt can open, which is another id.
        params.salt += 1;
        _useParams(params);
        _open();
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.closeTogether(params, 500, START, signatures);
    }

    function test_Trap_AWithdrawalSignatureClosesNothing() public {
        // Both messages are three words of the same width: only the type keeps them apart.
        Signature[2] memory signatures = _bothSign(Messages.withdrawal(id, 0, 1, START));
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.closeTogether(params, 1, START, signatures);
    }

    function test_TheWithdrawnTotalsStayReadable() public {
        bank.withdraw(params, 0, 300, START, _bothSign(Messages.withdrawal(id, 0, 300, START)));
        bank.closeTogether(params, 0, START, _signed(0, START));
        assertEq(bank.withdrawnOf(id)[0], 300);
    }

    function test_NativeCoin() public {
        _useNative();
        _open();
        bank.closeTogether(params, 100, START, _signed(100, START));
        assertEq(_gained(owner[0]), 100);
        assertEq(_gained(owner[1]), -100);
    }

    function _signed(int256 delta, uint64 validUntil) private view returns (Signature[2] memory) {
        return _bothSign(Messages.closeTogether(id, delta, validUntil));
    }
}
