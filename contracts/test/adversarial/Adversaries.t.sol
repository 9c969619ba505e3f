// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {IVirtualBankErrors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {ChannelParams, Signature, Status} from "../../src/interfaces/Types.sol";
import {Test} from "../support/Test.sol";
import {TestToken} from "../support/TestToken.sol";
import {BombingReceiver, GasBurningReceiver, ReentrantReceiver, RevertingReceiver} from "./Receivers.sol";
import {
    BlacklistToken,
    BombToken,
    ConjuringToken,
    FeeToken,
    GasBurningToken,
    HookToken,
    SilentToken,
    TwoFacedToken
} from "./Tokens.sol";

/// Hostile tokens and hostile owners, each by name: none stops the other party from being paid, none is paid twice, none
/// reaches another channel's money.
contract Adversaries is Test {
    uint256 private constant KEY0 = 0xA11CE;
    uint256 private constant KEY1 = 0xB0B;
    uint128 private constant DEPOSIT = 1_000;

    IVirtualBank private bank;
    address private alice = address(0xA);
    address private bob = address(0xB);

    function setUp() public {
        address registry = vm.deployCode("ConditionRegistry.sol:ConditionRegistry");
        bank = IVirtualBank(vm.deployCode("VirtualBank.sol:VirtualBank", abi.encode(registry)));
    }

    function test_FeeTokenIsRefusedAtFunding() public {
        FeeToken token = new FeeToken();
        ChannelParams memory params = paramsOf(address(token), alice, bob);
        token.mint(address(this), DEPOSIT);
        token.approve(address(bank), DEPOSIT);
        vm.expectRevert(
            abi.encodeWithSelector(
                IVirtualBankErrors.WrongAmountReceived.selector, address(token), DEPOSIT, DEPOSIT - 1
            )
        );
        bank.fund(params, 0, DEPOSIT);
    }

    function test_FeeTokenIsRefusedInJointFunding() public {
        FeeToken token = new FeeToken();
        address owner0 = vm.addr(KEY0);
        address owner1 = vm.addr(KEY1);
        ChannelParams memory params = paramsOf(address(token), owner0, owner1);
        grant(token, owner0, DEPOSIT);
        grant(token, owner1, DEPOSIT);
        uint128[2] memory amounts = [DEPOSIT, DEPOSIT];
        bytes memory authorisation = authorise(KEY1, params, amounts, owner0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IVirtualBankErrors.WrongAmountReceived.selector, address(token), 2 * DEPOSIT, 2 * DEPOSIT - 2
            )
        );
        vm.prank(owner0);
        bank.fundJointly(params, 0, amounts, uint64(block.timestamp), authorisation);
    }

    function test_ConjuringTokenIsRefusedAtFunding() public {
        ConjuringToken token = new ConjuringToken();
        vm.expectRevert(
            abi.encodeWithSelector(IVirtualBankErrors.WrongAmountReceived.selector, address(token), DEPOSIT, 0)
        );
        bank.fund(paramsOf(address(token), alice, bob), 0, DEPOSIT);
    }

    function test_SilentTokenIsRefusedAtFunding() public {
        SilentToken token = new SilentToken();
        token.refuse(true);
        vm.expectRevert(
            abi.encodeWithSelector(
                IVirtualBankErrors.TransferFromFailed.selector, address(token), address(this), DEPOSIT
            )
        );
        bank.fund(paramsOf(address(token), alice, bob), 0, DEPOSIT);
    }

    function test_TokenWithoutCodeIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IVirtualBankErrors.NotAToken.selector, address(0xDEAD)));
        bank.fund(paramsOf(address(0xDEAD), alice, bob), 0, DEPOSIT);
    }

    function test_BlacklistedOwnerDoesNotStopTheOther() public {
        BlacklistToken token = new BlacklistToken();
        ChannelParams memory params = funded(token, alice, bob);
        token.list(alice, true);
        closeEvenly(params);
        assertEq(token.balanceOf(bob), DEPOSIT);
        assertEq(bank.claimable(alice, address(token)), DEPOSIT);
        // Nobody else can take it, and the owner can send it to any address.
        vm.expectRevert(
            abi.encodeWithSelector(IVirtualBankErrors.NothingClaimable.selector, bob, address(token))
        );
        vm.prank(bob);
        bank.takeClaimable(address(token), bob);
        vm.prank(alice);
        bank.takeClaimable(address(token), address(0xCAFE));
        assertEq(token.balanceOf(address(0xCAFE)), DEPOSIT);
        assertEq(token.balanceOf(address(bank)), 0);
    }

    function test_TakingToABlacklistedAddressLosesNothing() public {
        BlacklistToken token = new BlacklistToken();
        ChannelParams memory params = funded(token, alice, bob);
        token.list(alice, true);
        closeEvenly(params);
        vm.expectRevert(
            abi.encodeWithSelector(IVirtualBankErrors.PayoutRefused.selector, address(token), alice, DEPOSIT)
        );
        vm.prank(alice);
        bank.takeClaimable(address(token), alice);
        assertEq(bank.claimable(alice, address(token)), DEPOSIT);
    }

    function test_SilentTokenBecomesClaimable() public {
        SilentToken token = new SilentToken();
        ChannelParams memory params = funded(token, alice, bob);
        token.refuse(true);
        closeEvenly(params);
        assertEq(bank.claimable(alice, address(token)), DEPOSIT);
        assertEq(bank.claimable(bob, address(token)), DEPOSIT);
        token.refuse(false);
        vm.prank(alice);
        bank.takeClaimable(address(token), alice);
        assertEq(token.balanceOf(alice), DEPOSIT);
    }

    /// A transfer that happened must not be credited as well: other channels of the token would pay for it.
    function test_TwoFacedTokenIsNotPaidTwice() public {
        TwoFacedToken token = new TwoFacedToken();
        ChannelParams memory other = funded(token, address(0xC), address(0xD));
        ChannelParams memory params = paramsOf(address(token), alice, bob);
        fundBoth(token, params);
        token.lie(true);
        closeEvenly(params);
        assertEq(
            token.balanceOf(alice) + bank.claimable(alice, address(token)), DEPOSIT, "paid once, one way or the other"
        );
        token.lie(false);
        closeEvenly(other);
        assertEq(token.balanceOf(address(0xC)) + token.balanceOf(address(0xD)), 2 * DEPOSIT);
    }

    function test_GasBurningTokenDoesNotBlockTheClose() public {
        GasBurningToken token = new GasBurningToken();
        ChannelParams memory params = funded(token, alice, bob);
        token.burnGas(true);
        closeEvenly(params);
        assertEq(bank.claimable(alice, address(token)), DEPOSIT);
        assertEq(bank.claimable(bob, address(token)), DEPOSIT);
    }

    function test_BombTokenDoesNotBlockTheClose() public {
        BombToken token = new BombToken();
        ChannelParams memory params = funded(token, alice, bob);
        token.bomb(true);
        closeEvenly(params);
        assertEq(bank.claimable(alice, address(token)), DEPOSIT);
    }

    /// While a token runs its hook the bank cannot be entered, not even to end another channel in agreement.
    function test_HookTokenCannotReenter() public {
        HookToken token = new HookToken();
        ChannelParams memory params = funded(token, alice, bob);
        ChannelParams memory other = paramsOf(address(token), alice, bob);
        other.salt = 99;
        fundBoth(token, other);
        token.setHook(address(bank), closeTogetherCall(other, 0));
        token.mint(address(this), 1);
        token.approve(address(bank), 1);
        bank.fund(params, 0, 1);
        assertFalse(token.hookSucceeded(), "the bank was entered again");
        assertEq(uint256(bank.statusOf(bank.channelIdOf(other))), uint256(Status.Open));
    }

    /// A hook that pays the bank during a funding would have its money counted as the funder's.
    function test_HookTokenCannotInflateAFunding() public {
        HookToken token = new HookToken();
        ChannelParams memory params = funded(token, alice, bob);
        Gift gift = new Gift(token, address(bank));
        token.mint(address(gift), 5);
        token.setHook(address(gift), abi.encodeCall(Gift.give, ()));
        token.mint(address(this), DEPOSIT);
        token.approve(address(bank), DEPOSIT);
        vm.expectPartialRevert(IVirtualBankErrors.WrongAmountReceived.selector);
        bank.fund(params, 0, DEPOSIT);
    }

    function test_RevertingReceiverDoesNotStopTheOther() public {
        RevertingReceiver receiver = new RevertingReceiver();
        ChannelParams memory params = fundedNative(address(receiver), bob);
        closeEvenly(params);
        assertEq(bob.balance, DEPOSIT);
        assertEq(bank.claimable(address(receiver), address(0)), DEPOSIT);
        receiver.take(bank, address(0), address(0xCAFE));
        assertEq(address(0xCAFE).balance, DEPOSIT);
    }

    function test_GasBurningReceiverDoesNotStopTheOther() public {
        ChannelParams memory params = fundedNative(address(new GasBurningReceiver()), bob);
        uint256 before = gasleft();
        closeEvenly(params);
        assertLt(before - gasleft(), 400_000, "a stranger's close stays affordable");
        assertEq(bob.balance, DEPOSIT);
    }

    function test_BombingReceiverDoesNotStopTheOther() public {
        ChannelParams memory params = fundedNative(address(new BombingReceiver()), bob);
        uint256 before = gasleft();
        closeEvenly(params);
        assertLt(before - gasleft(), 400_000, "its answer is not copied");
        assertEq(bob.balance, DEPOSIT);
    }

    /// The taker of a claimable balance is given all the gas, and still cannot enter the bank again.
    function test_ReentrantReceiverCannotReenter() public {
        RevertingReceiver owner = new RevertingReceiver();
        ReentrantReceiver receiver = new ReentrantReceiver(address(bank));
        closeEvenly(fundedNative(address(owner), bob));
        ChannelParams memory other = paramsOf(address(0), alice, bob);
        other.salt = 7;
        vm.deal(address(this), 1);
        bank.fund{value: 1}(other, 1, 1);
        receiver.prepare(closeTogetherCall(other, 1));
        owner.take(bank, address(0), address(receiver));
        assertTrue(receiver.tried());
        assertFalse(receiver.succeeded(), "the bank was entered again");
        assertEq(uint256(bank.statusOf(bank.channelIdOf(other))), uint256(Status.Open));
    }

    /// Whoever sends the transaction must not be able to starve the payout into the claimable balance: at every gas limit
    /// the close fails whole, or the receiver is paid.
    function testFuzz_StarvedPayoutRevertsWhole(uint256 gasLimit) public {
        RevertingReceiver receiver = new RevertingReceiver();
        receiver.accept(true);
        ChannelParams memory params = fundedNative(address(receiver), bob);
        gasLimit = bound(gasLimit, 30_000, 300_000);
        (bool success,) = address(bank).call{gas: gasLimit}(closeTogetherCall(params, 0));
        if (success) assertEq(address(receiver).balance, DEPOSIT, "starved");
        assertEq(bank.claimable(address(receiver), address(0)), 0);
    }

    function testFuzz_StarvedTokenPayoutRevertsWhole(uint256 gasLimit) public {
        TestToken token = new TestToken();
        ChannelParams memory params = funded(token, alice, bob);
        gasLimit = bound(gasLimit, 30_000, 600_000);
        (bool success,) = address(bank).call{gas: gasLimit}(closeTogetherCall(params, 0));
        if (success) assertEq(token.balanceOf(alice), DEPOSIT, "starved");
        assertEq(bank.claimable(alice, address(token)), 0);
    }

    function paramsOf(address token, address owner0, address owner1)
        private
        pure
        returns (ChannelParams memory params)
    {
        params.owner = [owner0, owner1];
        params.signer = [vm.addr(KEY0), vm.addr(KEY1)];
        params.token = token;
        params.lockPeriod = 1 days;
        params.salt = 1;
    }

    function grant(TestToken token, address owner, uint256 amount) private {
        token.mint(owner, amount);
        vm.prank(owner);
        token.approve(address(bank), amount);
    }

    function fundBoth(TestToken token, ChannelParams memory params) private {
        token.mint(address(this), 2 * DEPOSIT);
        token.approve(address(bank), 2 * DEPOSIT);
        bank.fund(params, 0, DEPOSIT);
        bank.fund(params, 1, DEPOSIT);
    }

    function funded(TestToken token, address owner0, address owner1) private returns (ChannelParams memory params) {
        params = paramsOf(address(token), owner0, owner1);
        fundBoth(token, params);
    }

    function fundedNative(address owner0, address owner1) private returns (ChannelParams memory params) {
        params = paramsOf(address(0), owner0, owner1);
        vm.deal(address(this), 2 * DEPOSIT);
        bank.fund{value: DEPOSIT}(params, 0, DEPOSIT);
        bank.fund{value: DEPOSIT}(params, 1, DEPOSIT);
    }

    function closeEvenly(ChannelParams memory params) private {
        (bool success, bytes memory answer) = address(bank).call(closeTogetherCall(params, 0));
        if (success) return;
        assembly {
            revert(add(answer, 0x20), mload(answer))
        }
    }

    function closeTogetherCall(ChannelParams memory params, int256 delta) private view returns (bytes memory) {
        uint64 validUntil = uint64(block.timestamp);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("CloseTogether(bytes32 channelId,int256 delta,uint64 validUntil)"),
                bank.channelIdOf(params),
                delta,
                validUntil
            )
        );
        Signature[2] memory signatures;
        (signatures[0].r, signatures[0].vs) = vm.signCompact(KEY0, digest(structHash));
        (signatures[1].r, signatures[1].vs) = vm.signCompact(KEY1, digest(structHash));
        return abi.encodeCall(IVirtualBank.closeTogether, (params, delta, validUntil, signatures));
    }

    function authorise(uint256 key, ChannelParams memory params, uint128[2] memory amounts, address sender)
        private
        view
        returns (bytes memory)
    {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "JointFunding(bytes32 channelId,uint128 amount0,uint128 amount1,address sender,uint64 validUntil)"
                ),
                bank.channelIdOf(params),
                amounts[0],
                amounts[1],
                sender,
                uint64(block.timestamp)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest(structHash));
        return abi.encodePacked(r, s, v);
    }

    function digest(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Tallystick"),
                keccak256("1"),
                block.chainid,
                address(bank)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}

/// Sends its tokens to the bank when it is called.
contract Gift {
    HookToken private immutable token;
    address private immutable bank;
    bool private given;

    constructor(HookToken token_, address bank_) {
        token = token_;
        bank = bank_;
    }

    function give() external {
        if (given) return;
        given = true;
        token.transfer(bank, 5);
    }
}
