// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {ChannelParams, Signature, Status} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";
import {Messages} from "../support/Messages.sol";

/// BK-30.
contract WithdrawTest is BankTest {
    function setUp() public override {
        super.setUp();
        _open();
    }

    function test_PaysTheOwnerAndKeepsTheChannelOpen() public {
        Signature[2] memory signatures = _signed(0, 300, START);
        vm.expectEmit(address(bank));
        emit IVirtualBank.Withdrawn(id, 0, 300);
        vm.prank(stranger);
        bank.withdraw(params, 0, 300, START, signatures);
        assertEq(_gained(owner[0]), -700);
        _assertStatus(Status.Open);
        _assertWithdrawn(300, 0);
        assertEq(bank.depositsOf(id)[0], DEPOSIT0);
    }

    function test_TotalsAreCumulative() public {
        _withdraw(0, 300);
        _withdraw(1, 50);
        _withdraw(0, 310);
        _withdraw(1, 51);
        _assertWithdrawn(310, 51);
        assertEq(_gained(owner[0]), -690);
        assertEq(_gained(owner[1]), -449);
    }

    function test_MayExceedThePartysOwnDepositButNotWhatIsHeld() public {
        _withdraw(1, 1500);
        assertEq(_gained(owner[1]), 1000);
        _assertStatus(Status.Open);
        Signature[2] memory signatures = _signed(0, 1, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.MoreThanHeld.selector, 1, 0));
        bank.withdraw(params, 0, 1, START, signatures);
    }

    function test_RevertWhen_MoreThanHeld() public {
        Signature[2] memory signatures = _signed(0, 1501, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.MoreThanHeld.selector, 1501, 1500));
        bank.withdraw(params, 0, 1501, START, signatures);
        signatures = _signed(1, type(uint128).max, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.MoreThanHeld.selector, type(uint128).max, 1500));
        bank.withdraw(params, 1, type(uint128).max, START, signatures);
    }

    function test_Trap_AWithdrawalIsNotRepeated() public {
        _withdraw(0, 300);
        Signature[2] memory signatures = _signed(0, 300, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.WithdrawalNotAbove.selector, 300, 300));
        bank.withdraw(params, 0, 300, START, signatures);
        signatures = _signed(0, 299, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.WithdrawalNotAbove.selector, 299, 300));
        bank.withdraw(params, 0, 299, START, signatures);
    }

    function test_RevertWhen_TotalZero() public {
        Signature[2] memory signatures = _signed(0, 0, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.WithdrawalNotAbove.selector, 0, 0));
        bank.withdraw(params, 0, 0, START, signatures);
    }

    function test_ValidUntilIsGoodOnItsLastSecond() public {
        Signature[2] memory signatures = _signed(0, 1, START + 5);
        vm.warp(START + 6);
        vm.expectRevert(abi.encodeWithSelector(Errors.Expired.selector, bytes32("validUntil"), START + 5));
        bank.withdraw(params, 0, 1, START + 5, signatures);
        vm.warp(START + 5);
        bank.withdraw(params, 0, 1, START + 5, signatures);
    }

    function test_RevertWhen_OneSignatureIsMissing() public {
        bytes32 structHash = Messages.withdrawal(id, 0, 300, START);
        for (uint256 party = 0; party < 2; ++party) {
            Signature[2] memory signatures = _bothSign(structHash);
            signatures[party] = _sign(signerKey[1 - party], structHash);
            vm.expectRevert(
                abi.encodeWithSelector(
                    Errors.WrongSignature.selector,
                    party == 0 ? bytes32("signatures[0]") : bytes32("signatures[1]"),
                    signer[party],
                    signer[1 - party]
                )
            );
            bank.withdraw(params, 0, 300, START, signatures);
        }
    }

    function test_RevertWhen_TheOwnerSignsInsteadOfTheSigner() public {
        bytes32 structHash = Messages.withdrawal(id, 0, 300, START);
        Signature[2] memory signatures = _bothSign(structHash);
        signatures[0] = _sign(ownerKey[0], structHash);
        vm.expectRevert(
            abi.encodeWithSelector(Errors.WrongSignature.selector, bytes32("signatures[0]"), signer[0], owner[0])
        );
        bank.withdraw(params, 0, 300, START, signatures);
    }

    function test_RevertWhen_HighS() public {
        Signature[2] memory signatures = _signed(0, 300, START);
        signatures[1] = _withHighS(signatures[1]);
        bytes32 digest = Messages.digest(address(bank), Messages.withdrawal(id, 0, 300, START));
        address taken = ecrecover(digest, 27, signatures[1].r, signatures[1].vs);
        assertTrue(taken != address(0), "ecrecover itself takes it");
        vm.expectRevert(
            abi.encodeWithSelector(Errors.WrongSignature.selector, bytes32("signatures[1]"), signer[1], address(0))
        );
        bank.withdraw(params, 0, 300, START, signatures);
    }

    function test_RevertWhen_SignatureIsRubbish() public {
        Signature[2] memory signatures = _signed(0, 300, START);
        signatures[0] = Signature(0, 0);
        vm.expectRevert(
            abi.encodeWithSelector(Errors.WrongSignature.selector, bytes32("signatures[0]"), signer[0], address(0))
        );
        bank.withdraw(params, 0, 300, START, signatures);
    }

    function test_RevertWhen_AnotherFieldWasSigned() public {
        _wrong(1, 300, START, _signed(0, 300, START));
        _wrong(0, 301, START, _signed(0, 300, START));
        _wrong(0, 300, START + 1, _signed(0, 300, START));
    }

    function test_RevertWhen_SignedForAnotherChannel() public {
        ChannelParams memory first = params;
        Signature[2] memory signatures = _signed(0, 300, START);
        params.salt += 1;
        _useParams(params);
        _open();
        _wrong(0, 300, START, signatures);
        bank.withdraw(first, 0, 300, START, signatures);
    }

    function test_RevertWhen_SignedForAnotherChain() public {
        Signature[2] memory signatures = _signed(0, 300, START);
        bytes32 here = id;
        vm.chainId(999);
        // The id itself is another one there, and was never funded.
        assertNotEq(bank.channelIdOf(params), here);
        vm.expectRevert(
            abi.encodeWithSelector(Errors.WrongStatus.selector, bank.channelIdOf(params), Status.Open, Status.None)
        );
        bank.withdraw(params, 0, 300, START, signatures);
    }

    function test_RevertWhen_NotFunded() public {
        params.salt += 1;
        _useParams(params);
        Signature[2] memory signatures = _signed(0, 1, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Open, Status.None));
        bank.withdraw(params, 0, 1, START, signatures);
    }

    function test_RevertWhen_Closing() public {
        _closeBlind(1);
        Signature[2] memory signatures = _signed(0, 1, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Open, Status.Closing));
        bank.withdraw(params, 0, 1, START, signatures);
    }

    function test_RevertWhen_PartyOutOfRange() public {
        Signature[2] memory signatures = _signed(2, 1, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.PartyOutOfRange.selector, 2));
        bank.withdraw(params, 2, 1, START, signatures);
    }

    function test_ATopUpAfterAWithdrawalForgetsNeither() public {
        _withdraw(0, 300);
        _fund(0, 40);
        _withdraw(0, 340);
        _assertWithdrawn(340, 0);
        assertEq(bank.depositsOf(id)[0], 1040);
        _closeAllTo0();
        assertEq(_gained(owner[0]), 500, "all that was held went to party 0");
    }

    function test_NativeCoin() public {
        _useNative();
        _open();
        _withdraw(1, 20);
        assertEq(_gained(owner[1]), -480);
    }

    function _closeAllTo0() private {
        bank.closeTogether(params, 500, START, _bothSign(Messages.closeTogether(id, 500, START)));
    }

    function _signed(uint8 party, uint128 total, uint64 validUntil) private view returns (Signature[2] memory) {
        return _bothSign(Messages.withdrawal(id, party, total, validUntil));
    }

    function _withdraw(uint8 party, uint128 total) private {
        bank.withdraw(params, party, total, START, _signed(party, total, START));
    }

    function _wrong(uint8 party, uint128 total, uint64 validUntil, Signature[2] memory signatures) private {
        vm.expectPartialRevert(Errors.WrongSignature.selector);
        bank.withdraw(params, party, total, validUntil, signatures);
    }

    function _assertWithdrawn(uint128 withdrawn0, uint128 withdrawn1) private view {
        assertEq(bank.withdrawnOf(id)[0], withdrawn0);
        assertEq(bank.withdrawnOf(id)[1], withdrawn1);
    }
}
