// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ChannelParams, Lock, Settlement} from "../interfaces/Types.sol";
import {IConditionRegistry} from "../interfaces/IConditionRegistry.sol";
import {IVirtualBank} from "../interfaces/IVirtualBank.sol";
import {LockTree} from "../libraries/LockTree.sol";
import {Channels} from "./Channels.sol";
import {Payouts} from "./Payouts.sol";

/// @title Locks of a settled channel: paid to their receiver when met in time, else back to their payer
abstract contract LockClaims is Channels, Payouts {
    /// @inheritdoc IVirtualBank
    IConditionRegistry public immutable registry;

    constructor(IConditionRegistry registry_) {
        if (address(registry_).code.length == 0) revert ZeroAddress("registry");
        registry = registry_;
    }

    /// @inheritdoc IVirtualBank
    function claimLocks(
        ChannelParams calldata params,
        Settlement calldata settlement,
        uint8 direction,
        Lock[] calldata locks,
        bytes32[9][] calldata paths
    ) external nonReentrant {
        bytes32 channelId = channelIdOf(params);
        uint128 locked = _requireLocked(channelId, settlement, direction);
        if (locks.length == 0 || locks.length != paths.length) revert WrongNumberOfPaths(locks.length, paths.length);

        Settlement memory next = settlement;
        uint256 claimed = _claim(next.claimed[direction], settlement.locksRoot[direction], locks, paths);
        // More than the line says is locked is never paid; the slots are used all the same.
        uint128 amount = claimed < locked ? uint128(claimed) : locked;
        uint256 paid = _move(next, direction, 1 - direction, amount);
        _commitSettled(channelId, next);
        emit LocksClaimed(channelId, direction, amount, uint128(paid), next.claimed[direction]);
        _pay(params.token, params.owner[1 - direction], paid);
    }

    /// @inheritdoc IVirtualBank
    function releaseLocks(ChannelParams calldata params, Settlement calldata settlement, uint8 direction)
        external
        nonReentrant
    {
        bytes32 channelId = channelIdOf(params);
        uint128 amount = _requireLocked(channelId, settlement, direction);
        uint64 releaseAfter = settlement.releaseAfter[direction];
        if (block.timestamp <= releaseAfter) revert ClaimWindowOpen(releaseAfter);

        Settlement memory next = settlement;
        uint256 paid = _move(next, direction, direction, amount);
        _commitSettled(channelId, next);
        emit LocksReleased(channelId, direction, amount, uint128(paid));
        _pay(params.token, params.owner[direction], paid);
    }

    function _requireLocked(bytes32 channelId, Settlement calldata settlement, uint8 direction)
        private
        view
        returns (uint128 locked)
    {
        if (direction > 1) revert DirectionOutOfRange(direction);
        _requireSettled(channelId, settlement);
        locked = settlement.locked[direction];
        if (locked == 0) revert NothingLocked(direction);
    }

    /// @dev Marks the slots and sums the amounts; one bad lock refuses all.
    function _claim(
        uint256[2] memory claimedSlots,
        bytes32 root,
        Lock[] calldata locks,
        bytes32[9][] calldata paths
    ) private view returns (uint256 sum) {
        for (uint256 i = 0; i < locks.length; ++i) {
            Lock calldata lock = locks[i];
            uint16 slot = lock.slot;
            if (slot >= LockTree.SLOTS) revert SlotOutOfRange(i, slot);
            uint256 bit = 1 << (slot & 0xff);
            uint256 word = claimedSlots[slot >> 8];
            if (word & bit != 0) revert SlotClaimed(i, slot);
            claimedSlots[slot >> 8] = word | bit;
            if (LockTree.rootOf(lock, paths[i]) != root) revert LockNotInTree(i, slot);
            uint64 resolvedAt = registry.resolvedAt(lock.condition);
            if (resolvedAt == 0 || resolvedAt > lock.expiry) {
                revert NotMetInTime(i, lock.condition, resolvedAt, lock.expiry);
            }
            sum += lock.amount;
        }
    }

    /// @dev Takes `amount` out of what is locked in `direction` and adds it to what `party` is owed, of which it pays
    /// what it can.
    function _move(Settlement memory settlement, uint8 direction, uint8 party, uint128 amount)
        private
        pure
        returns (uint256 paid)
    {
        settlement.locked[direction] -= amount;
        int256 due = settlement.owed[party] + int256(uint256(amount));
        paid = _payable(due, settlement.held);
        settlement.owed[party] = due - int256(paid);
        settlement.held -= uint128(paid);
    }
}
