// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Lock} from "../../src/interfaces/Types.sol";

/// What the parties of a channel keep off chain, for the invariant suites: every line ever signed in a direction, so that
/// a liar can choose any of them. Four slots are enough to have neighbours, gaps and a full small tree.
struct SignedLine {
    uint64 nonce;
    uint64 acked;
    uint128 sent;
    // The receiver accepted it (it holds the promise); a refused line is signed all the same.
    bool accepted;
    // The receiver signed it too.
    bool agreed;
    // That signature reached the payer.
    bool ackDelivered;
    // Amount zero: the slot is empty.
    Lock[4] locks;
}

library SparseTree {
    bytes32 private constant LOCK_TYPEHASH =
        keccak256("Lock(uint16 slot,uint128 amount,bytes32 condition,uint64 expiry)");

    /// Written again here, apart from the library under test, so that both would have to be wrong in the same way.
    function leaf(Lock memory lock) internal pure returns (bytes32) {
        if (lock.amount == 0) return 0;
        return keccak256(abi.encode(LOCK_TYPEHASH, lock.slot, lock.amount, lock.condition, lock.expiry));
    }

    function join(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        if (left == 0 && right == 0) return 0;
        return keccak256(abi.encodePacked(left, right));
    }

    function root(Lock[4] memory locks) internal pure returns (bytes32 hash) {
        hash = join(join(leaf(locks[0]), leaf(locks[1])), join(leaf(locks[2]), leaf(locks[3])));
        for (uint256 height = 2; height < 9; ++height) {
            hash = join(hash, 0);
        }
    }

    function path(Lock[4] memory locks, uint256 slot) internal pure returns (bytes32[9] memory siblings) {
        siblings[0] = leaf(locks[slot ^ 1]);
        siblings[1] = slot < 2 ? join(leaf(locks[2]), leaf(locks[3])) : join(leaf(locks[0]), leaf(locks[1]));
    }
}
