// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Lock} from "../interfaces/Types.sol";

/// @title The tree of pending locks
/// @notice Fixed depth 9, 512 slots, position = slot. A leaf hashes 160 bytes and a node 64, so neither can pass for the
/// other. An empty subtree is zero at every height, which makes sparse paths cheap. Source: docs/spec/encoding.md.
library LockTree {
    bytes32 internal constant LOCK_TYPEHASH =
        keccak256("Lock(uint16 slot,uint128 amount,bytes32 condition,uint64 expiry)");
    uint256 internal constant SLOTS = 512;

    function leaf(Lock calldata lock) internal pure returns (bytes32) {
        return keccak256(abi.encode(LOCK_TYPEHASH, lock.slot, lock.amount, lock.condition, lock.expiry));
    }

    /// @param path Nine siblings, leaf upwards.
    function rootOf(Lock calldata lock, bytes32[9] calldata path) internal pure returns (bytes32 hash) {
        hash = leaf(lock);
        uint256 slot = lock.slot;
        assembly ("memory-safe") {
            for { let sibling := path } lt(sibling, add(path, 0x120)) { sibling := add(sibling, 0x20) } {
                // A node above something is never empty, so the rule for empty subtrees has no use on a path.
                let side := shl(5, and(slot, 1))
                mstore(side, hash)
                mstore(xor(side, 0x20), calldataload(sibling))
                hash := keccak256(0x00, 0x40)
                slot := shr(1, slot)
            }
        }
    }
}
