// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {ChannelParams, Status} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";
import {ConjuringToken, FeeToken, SilentToken} from "../adversarial/Tokens.sol";

/// BK-10, BK-11.
contract FundTest is BankTest {
    uint256 private constant MAXIMUM = 2 ** 126 - 1;

    function test_FirstFundingCreatesTheChannel() public {
        _assertStatus(Status.None);
        vm.expectEmit(address(bank));
        emit IVirtualBank.Funded(id, 0, DEPOSIT0, params);
        vm.prank(owner[0]);
        assertEq(bank.fund(params, 0, DEPOSIT0), id);
        _assertStatus(Status.Open);
        _assertDeposits(DEPOSIT0, 0);
        assertEq(token.balanceOf(address(bank)), DEPOSIT0);
        assertEq(_gained(owner[0]), -int256(uint256(DEPOSIT0)));
        assertEq(bank.commitmentOf(id), bytes32(0));
    }

    function test_TopUpAddsWithoutInterruption() public {
        _fund(0, 1);
        _fund(1, 20);
        _fund(0, 300);
        _fund(1, 4000);
        _assertDeposits(301, 4020);
    }

    function test_AnyoneMayFundEitherParty() public {
        vm.prank(stranger);
        bank.fund(params, 1, 9);
        _assertDeposits(0, 9);
        assertEq(_gained(stranger), -9);
    }

    function test_NativeCoin() public {
        _useNative();
        _fund(0, 30);
        _fund(1, 4);
        _assertDeposits(30, 4);
        assertEq(address(bank).balance, 34);
    }

    function test_OwnersMayBeEqual() public {
        params.owner[1] = owner[0];
        _useParams(params);
        _fund(0, 1);
        _assertStatus(Status.Open);
    }

    function test_TheIdIsTheHashOfChainBankAndParams() public {
        assertEq(id, keccak256(abi.encode(block.chainid, address(bank), params)));
        vm.chainId(block.chainid + 1);
        assertNotEq(bank.channelIdOf(params), id);
    }

    function test_DepositsTogetherUpToTheMaximum() public {
        _fund(0, 1);
        _fund(1, uint128(MAXIMUM - 1));
        _assertDeposits(1, uint128(MAXIMUM - 1));
        assertEq(bank.withdrawnOf(id)[0] + bank.withdrawnOf(id)[1], 0);
    }

    function test_RevertWhen_OneDepositTooLarge() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.DepositTooLarge.selector, MAXIMUM + 1, MAXIMUM));
        vm.prank(owner[0]);
        bank.fund(params, 0, uint128(MAXIMUM + 1));
    }

    function test_RevertWhen_DepositsTogetherTooLarge() public {
        _fund(0, uint128(MAXIMUM));
        vm.expectRevert(abi.encodeWithSelector(Errors.DepositTooLarge.selector, MAXIMUM + 1, MAXIMUM));
        vm.prank(owner[1]);
        bank.fund(params, 1, 1);
        uint256 tooMuch = MAXIMUM + type(uint128).max;
        vm.expectRevert(abi.encodeWithSelector(Errors.DepositTooLarge.selector, tooMuch, MAXIMUM));
        vm.prank(owner[1]);
        bank.fund(params, 1, type(uint128).max);
    }

    function test_RevertWhen_PartyOutOfRange() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.PartyOutOfRange.selector, 2));
        bank.fund(params, 2, 1);
    }

    function test_RevertWhen_AmountZero() public {
        vm.expectRevert(Errors.ZeroAmount.selector);
        bank.fund(params, 0, 0);
    }

    function test_RevertWhen_OwnerZero() public {
        params.owner[0] = address(0);
        _refused(abi.encodeWithSelector(Errors.ZeroAddress.selector, bytes32("owner[0]")));
        params.owner = [owner[0], address(0)];
        _refused(abi.encodeWithSelector(Errors.ZeroAddress.selector, bytes32("owner[1]")));
    }

    function test_Trap_ZeroSignerIsRefused() public {
        params.signer[0] = address(0);
        _refused(abi.encodeWithSelector(Errors.ZeroAddress.selector, bytes32("signer[0]")));
        params.signer = [signer[0], address(0)];
        _refused(abi.encodeWithSelector(Errors.ZeroAddress.selector, bytes32("signer[1]")));
    }

    function test_Trap_EqualSignersAreRefused() public {
        params.signer[1] = signer[0];
        _refused(abi.encodeWithSelector(Errors.EqualSigners.selector, signer[0]));
    }

    function test_LockPeriodBounds() public {
        assertEq(bank.MIN_LOCK_PERIOD(), 10 minutes);
        assertEq(bank.MAX_LOCK_PERIOD(), 90 days);
        uint32[2] memory good = [uint32(10 minutes), uint32(90 days)];
        uint32[4] memory bad = [uint32(0), 10 minutes - 1, 90 days + 1, type(uint32).max];
        for (uint256 i = 0; i < 2; ++i) {
            params.lockPeriod = good[i];
            _fund(0, 1);
        }
        for (uint256 i = 0; i < 4; ++i) {
            params.lockPeriod = bad[i];
            _refused(
                abi.encodeWithSelector(
                    Errors.LockPeriodOutOfRange.selector, bad[i], uint32(10 minutes), uint32(90 days)
                )
            );
        }
    }

    function test_RevertWhen_NativeValueIsNotTheAmount() public {
        _useNative();
        for (uint256 value = 9; value <= 11; value += 2) {
            vm.expectRevert(abi.encodeWithSelector(Errors.WrongNativeValue.selector, value, 10));
            vm.prank(owner[0]);
            bank.fund{value: value}(params, 0, 10);
        }
    }

    function test_RevertWhen_NativeValueIsSentToATokenChannel() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongNativeValue.selector, 10, 0));
        vm.prank(owner[0]);
        bank.fund{value: 10}(params, 0, 10);
    }

    function test_RevertWhen_NativeCoinIsSentToTheBankItself() public {
        vm.prank(owner[0]);
        (bool success,) = address(bank).call{value: 1}("");
        assertFalse(success);
    }

    function test_RevertWhen_TokenHasNoCode() public {
        params.token = address(0xC0DE);
        _refused(abi.encodeWithSelector(Errors.NotAToken.selector, params.token));
    }

    function test_RevertWhen_TokenIsAnotherContract() public {
        params.token = address(registry);
        _refused(abi.encodeWithSelector(Errors.NotAToken.selector, params.token));
        params.token = address(bank);
        _refused(abi.encodeWithSelector(Errors.NotAToken.selector, params.token));
    }

    function test_RevertWhen_TokenIsAPrecompile() public {
        // The identity precompile answers balanceOf with its own calldata, twice the same.
        params.token = address(4);
        vm.expectRevert();
        vm.prank(owner[0]);
        bank.fund(params, 0, 1);
    }

    function test_RevertWhen_AllowanceIsMissing() public {
        vm.prank(owner[0]);
        token.approve(address(bank), 9);
        vm.expectRevert(
            abi.encodeWithSelector(Errors.TransferFromFailed.selector, address(token), owner[0], uint256(10))
        );
        vm.prank(owner[0]);
        bank.fund(params, 0, 10);
    }

    function test_RevertWhen_TokenSaysFalse() public {
        SilentToken silent = new SilentToken();
        _useToken(address(silent));
        silent.refuse(true);
        _refused(abi.encodeWithSelector(Errors.TransferFromFailed.selector, address(silent), owner[0], uint256(1)));
    }

    function test_RevertWhen_TokenTakesAFee() public {
        FeeToken fee = new FeeToken();
        _useToken(address(fee));
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongAmountReceived.selector, address(fee), 10, 9));
        vm.prank(owner[0]);
        bank.fund(params, 0, 10);
    }

    function test_RevertWhen_TokenOnlyClaimsToHavePaid() public {
        ConjuringToken conjuring = new ConjuringToken();
        _useToken(address(conjuring));
        _refused(abi.encodeWithSelector(Errors.WrongAmountReceived.selector, address(conjuring), 1, 0));
    }

    function test_RevertWhen_Closing() public {
        _open();
        _closeBlind(0);
        _refused(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Open, Status.Closing));
    }

    function test_Trap_AClosedIdNeverOpensAgain() public {
        _open();
        vm.prank(owner[0]);
        bank.closeTogether(params, 0, START, _bothSign(_together(0)));
        _assertStatus(Status.Closed);
        _refused(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Open, Status.Closed));
    }

    function test_RevertWhen_ParamsHaveBitsOutsideTheirTypes() public {
        // 4 bytes of selector, then owner[0], owner[1], signer[0], signer[1], token, lockPeriod, salt.
        for (uint256 word = 0; word < 7; ++word) {
            bytes memory call_ = abi.encodeCall(IVirtualBank.fund, (params, 0, 1));
            call_[4 + 32 * word] = 0x01;
            vm.prank(owner[0]);
            (bool success,) = address(bank).call(call_);
            assertFalse(success, "a dirty word was accepted");
        }
    }

    function _together(int256 delta) private view returns (bytes32) {
        return keccak256(
            abi.encode(keccak256("CloseTogether(bytes32 channelId,int256 delta,uint64 validUntil)"), id, delta, START)
        );
    }

    function _useToken(address other) private {
        params.token = other;
        _useParams(params);
        token = FeeToken(other);
        _enrich(owner[0]);
    }

    function _refused(bytes memory reason) private {
        ChannelParams memory given = params;
        vm.expectRevert(reason);
        vm.prank(owner[0]);
        bank.fund(given, 0, 1);
    }

    function _assertDeposits(uint128 deposit0, uint128 deposit1) private view {
        assertEq(bank.depositsOf(id)[0], deposit0, "deposit of party 0");
        assertEq(bank.depositsOf(id)[1], deposit1, "deposit of party 1");
    }
}
