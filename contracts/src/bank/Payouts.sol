// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IVirtualBank} from "../interfaces/IVirtualBank.sol";

/// @title Money in and out: payouts never block
/// @notice A payout that the token or the receiver refuses becomes a claimable balance, so no party can stop the other
/// from being paid. Source: docs/spec/bank.md, "Payouts never block".
abstract contract Payouts is IVirtualBank, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    address internal constant NATIVE = address(0);

    /// @dev Enough for a contract account that logs a receipt; too little to make a stranger's `settle` expensive.
    uint256 internal constant NATIVE_PAYOUT_GAS = 50_000;

    /// @dev Several times what known tokens use for a transfer.
    uint256 internal constant TOKEN_PAYOUT_GAS = 300_000;

    /// @dev More than a call with value to a new account costs beside the gas it passes on (EIP-2929, EIP-150).
    uint256 private constant CALL_OVERHEAD = 45_000;

    /// @inheritdoc IVirtualBank
    mapping(address owner => mapping(address token => uint256)) public claimable;

    /// @inheritdoc IVirtualBank
    function takeClaimable(address token, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert ZeroAddress("to");
        amount = claimable[msg.sender][token];
        if (amount == 0) revert NothingClaimable(msg.sender, token);
        claimable[msg.sender][token] = 0;
        emit ClaimableTaken(msg.sender, token, to, amount);
        // The taker chose the receiver and pays the gas, so this one may use all of it and may fail.
        bool taken = token == NATIVE ? _callWithValue(gasleft(), to, amount) : IERC20(token).trySafeTransfer(to, amount);
        if (!taken) revert PayoutRefused(token, to, amount);
    }

    /// @inheritdoc IVirtualBank
    function transferOut(address token, address to, uint256 amount) external {
        if (msg.sender != address(this)) revert OnlySelf();
        IERC20(token).safeTransfer(to, amount);
    }

    /// @dev Pays, or credits what could not be paid. Never reverts for what token or receiver do.
    function _pay(address token, address to, uint256 amount) internal {
        if (amount == 0) return;
        uint256 allowance = token == NATIVE ? NATIVE_PAYOUT_GAS : TOKEN_PAYOUT_GAS;
        uint256 gasBefore = gasleft();
        bool paid =
            token == NATIVE ? _callWithValue(allowance, to, amount) : _callTransferOut(allowance, token, to, amount);
        if (paid) return;
        // EIP-150 passes on at most 63/64 of the gas left. A failure counts only if the call had its full allowance;
        // otherwise whoever sends the transaction could starve it and so delay the payout.
        uint256 needed = allowance + allowance / 63 + CALL_OVERHEAD;
        if (gasBefore < needed) revert GasTooLow(needed);
        claimable[to][token] += amount;
        emit PayoutFailed(to, token, amount);
    }

    /// @dev Takes exactly `amount` of the native coin or of the token from the sender.
    function _collect(address token, uint256 amount) internal {
        if (token == NATIVE) {
            if (msg.value != amount) revert WrongNativeValue(msg.value, amount);
            return;
        }
        if (msg.value != 0) revert WrongNativeValue(msg.value, 0);
        uint256 balance = _balanceOf(token);
        _pull(token, msg.sender, amount);
        _requireReceived(token, balance, amount);
    }

    function _pull(address token, address from, uint256 amount) internal {
        if (!IERC20(token).trySafeTransferFrom(from, address(this), amount)) {
            revert TransferFromFailed(token, from, amount);
        }
    }

    /// @dev Refuses tokens that take a fee on transfer, and those that lie about having moved anything.
    function _requireReceived(address token, uint256 balanceBefore, uint256 amount) internal view {
        uint256 balance = _balanceOf(token);
        uint256 received = balance > balanceBefore ? balance - balanceBefore : 0;
        if (received != amount) revert WrongAmountReceived(token, amount, received);
    }

    /// @dev Low-level, so that an address without code or with another interface is refused by name.
    function _balanceOf(address token) internal view returns (uint256 amount) {
        bytes4 selector = IERC20.balanceOf.selector;
        bool answered;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            mstore(0x04, address())
            let success := staticcall(gas(), token, 0x00, 0x24, 0x00, 0x20)
            answered := and(success, gt(returndatasize(), 0x1f))
            amount := mload(0x00)
        }
        if (!answered) revert NotAToken(token);
    }

    /// @dev No return data is copied, so a receiver cannot make it expensive.
    function _callWithValue(uint256 gasAllowance, address to, uint256 amount) private returns (bool success) {
        assembly ("memory-safe") {
            success := call(gasAllowance, to, amount, 0, 0, 0, 0)
        }
    }

    /// @dev A frame of its own: a token that moves the money and then says "no" is undone before the amount is credited,
    /// so a failed payout never costs the bank twice.
    function _callTransferOut(uint256 gasAllowance, address token, address to, uint256 amount)
        private
        returns (bool success)
    {
        bytes4 selector = IVirtualBank.transferOut.selector;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, selector)
            mstore(add(pointer, 0x04), token)
            mstore(add(pointer, 0x24), to)
            mstore(add(pointer, 0x44), amount)
            success := call(gasAllowance, address(), 0, pointer, 0x64, 0, 0)
        }
    }
}
