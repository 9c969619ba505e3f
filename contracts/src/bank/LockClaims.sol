// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ChannelParams, Lock, Settlement} from "../interfaces/Types.sol";
import {IConditionRegistry} from "../interfaces/IConditionRegistry.sol";
import {IVirtualBank} from "../interfaces/IVirtualBank.sol";
import {LockTree} from "../libraries/LockTree.sol";
import {SettlementWords} from "../libraries/SettlementWords.sol";
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
        uint256[13] memory words = SettlementWords.load(settlement);
        uint256 amount = _requireLocked(channelId, words, direction);
        if (locks.length == 0 || locks.length != paths.length) revert WrongNumberOfPaths(locks.length, paths.length);

        uint256[2] memory claimed = settlement.claimed[direction];
        uint256 sum = _claim(claimed, settlement.locksRoot[direction], locks, paths);
        // More than the line says is locked is never paid; the slots are used all the same.
        if (sum < amount) amount = sum;
        words[SettlementWords.CLAIMED + 2 * direction] = claimed[0];
        words[SettlementWords.CLAIMED + 2 * direction + 1] = claimed[1];
        uint256 paid = _move(words, direction, 1 - direction, amount);
        _commitSettled(channelId, words[SettlementWords.HELD], SettlementWords.hash(words));
        emit LocksClaimed(channelId, direction, uint128(amount), uint128(paid), claimed);
        _pay(params.token, params.owner[1 - direction], paid);
    }

    /// @inheritdoc IVirtualBank
    function releaseLocks(ChannelParams calldata params, Settlement calldata settlement, uint8 direction)
        external
        nonReentrant
    {
        bytes32 channelId = channelIdOf(params);
        uint256[13] memory words = SettlementWords.load(settlement);
        uint256 amount = _requireLocked(channelId, words, direction);
        uint64 releaseAfter = settlement.releaseAfter[direction];
        if (block.timestamp <= releaseAfter) revert ClaimWindowOpen(releaseAfter);

        uint256 paid = _move(words, direction, direction, amount);
        _commitSettled(channelId, words[SettlementWords.HELD], SettlementWords.hash(words));
        emit LocksReleased(channelId, direction, uint128(amount), uint128(paid));
        _pay(params.token, params.owner[direction], paid);
    }

    function _requireLocked(bytes32 channelId, uint256[13] memory words, uint8 direction)
        private
        view
        returns (uint256 locked)
    {
        if (direction > 1) revert DirectionOutOfRange(direction);
        _requireSettled(channelId, SettlementWords.hash(words));
        locked = words[SettlementWords.LOCKED + direction];
        if (locked == 0) revert NothingLocked(direction);
    }

    /// @dev Marks the slots and sums the amounts; one bad lock refuses all.
    function _claim(uint256[2] memory claimedSlots, bytes32 root, Lock[] calldata locks, bytes32[9][] calldata paths)
        private
        view
        returns (uint256 sum)
    {
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
            uint64 expiry = lock.expiry;
            if (resolvedAt == 0 || resolvedAt > expiry) revert NotMetInTime(i, lock.condition, resolvedAt, expiry);
            // Below 2^128 each, and no calldata holds 2^128 of them.
            unchecked {
                sum += lock.amount;
            }
        }
    }

    /// @dev Takes `amount` out of what is locked in `direction` and adds it to what `party` is owed, of which it pays
    /// what it can.
    function _move(uint256[13] memory words, uint8 direction, uint8 party, uint256 amount)
        private
        pure
        returns (uint256 paid)
    {
        unchecked {
            // `amount` is at most what is locked, what is owed stays within a few times 2^128, `paid` within held.
            words[SettlementWords.LOCKED + direction] -= amount;
            int256 due = int256(words[SettlementWords.OWED + party]) + int256(amount);
            paid = _payable(due, words[SettlementWords.HELD]);
            words[SettlementWords.OWED + party] = uint256(due - int256(paid));
            words[SettlementWords.HELD] -= paid;
        }
    }
}
