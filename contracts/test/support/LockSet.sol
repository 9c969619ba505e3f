// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Lock} from "../../src/interfaces/Types.sol";

/// @title The whole lock tree of a line, computed the plain way
/// @notice Written apart from LockTree, straight from docs/spec/encoding.md (EN-40 to EN-43).
library LockSet {
    uint256 internal constant SLOTS = 512;

    function leaf(Lock memory lock) internal pure returns (bytes32) {
        bytes32 typeHash = keccak256("Lock(uint16 slot,uint128 amount,bytes32 condition,uint64 expiry)");
        return keccak256(abi.encode(typeHash, lock.slot, lock.amount, lock.condition, lock.expiry));
    }

    function root(Lock[] memory locks) internal pure returns (bytes32) {
        bytes32[] memory level = leaves(locks);
        while (level.length > 1) level = parents(level);
        return level[0];
    }

    /// Nine siblings, leaf upwards.
    function path(Lock[] memory locks, uint256 slot) internal pure returns (bytes32[9] memory siblings) {
        bytes32[] memory level = leaves(locks);
        for (uint256 height = 0; height < 9; ++height) {
            siblings[height] = level[(slot >> height) ^ 1];
            level = parents(level);
        }
    }

    function paths(Lock[] memory locks) internal pure returns (bytes32[9][] memory all) {
        all = new bytes32[9][](locks.length);
        for (uint256 i = 0; i < locks.length; ++i) {
            all[i] = path(locks, locks[i].slot);
        }
    }

    function sum(Lock[] memory locks) internal pure returns (uint128 amount) {
        for (uint256 i = 0; i < locks.length; ++i) {
            amount += locks[i].amount;
        }
    }

    function lastExpiry(Lock[] memory locks) internal pure returns (uint64 latest) {
        for (uint256 i = 0; i < locks.length; ++i) {
            if (locks[i].expiry > latest) latest = locks[i].expiry;
        }
    }

    function leaves(Lock[] memory locks) private pure returns (bytes32[] memory level) {
        level = new bytes32[](SLOTS);
        for (uint256 i = 0; i < locks.length; ++i) {
            level[locks[i].slot] = leaf(locks[i]);
        }
    }

    function parents(bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[](level.length / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            (bytes32 left, bytes32 right) = (level[2 * i], level[2 * i + 1]);
            if (left != 0 || right != 0) above[i] = keccak256(bytes.concat(left, right));
        }
    }
}
