// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Condition ids, and the tree by which one signature covers a batch of them
/// @notice `conditionId = keccak256(abi.encode(kind, chainId, registry, keccak256(data)))`. Source: docs/spec/registry.md.
library Conditions {
    uint8 internal constant HASH = 1;
    uint8 internal constant SIGNED = 2;
    uint8 internal constant CONTRACT = 3;

    uint256 internal constant MAX_KEYS = 32;
    uint256 internal constant MAX_BATCH_DEPTH = 32;

    function id(uint8 kind, address registry, bytes32 dataHash) internal view returns (bytes32) {
        return keccak256(abi.encode(kind, block.chainid, registry, dataHash));
    }

    function hashId(address registry, bytes32 sha256Hash) internal view returns (bytes32) {
        return id(HASH, registry, keccak256(abi.encode(sha256Hash)));
    }

    function signedId(address registry, address[] calldata keys, bytes32 termsHash) internal view returns (bytes32) {
        return id(SIGNED, registry, keccak256(abi.encode(keys, termsHash)));
    }

    function contractId(address registry, address target, bytes calldata callData) internal view returns (bytes32) {
        return id(CONTRACT, registry, keccak256(abi.encode(target, callData)));
    }

    /// @notice Leaves hash 33 bytes (0x00 ++ id), nodes 65 (0x01 ++ left ++ right), so neither can pass for the other.
    /// Bit k of `index` says whether the node at height k is a right child.
    function batchRoot(bytes32 conditionId, uint256 index, bytes32[] calldata path)
        internal
        pure
        returns (bytes32 hash)
    {
        hash = keccak256(abi.encodePacked(uint8(0), conditionId));
        for (uint256 height = 0; height < path.length; ++height) {
            hash = (index >> height) & 1 == 0
                ? keccak256(abi.encodePacked(uint8(1), hash, path[height]))
                : keccak256(abi.encodePacked(uint8(1), path[height], hash));
        }
    }
}
