// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Signature} from "./Types.sol";

/// What `isMet` of a contract key must answer: exactly the 32-byte word 1 for "met".
interface ICondition {
    function isMet(bytes calldata data) external view returns (bool);
}

/// One key holder's approval: a signature over the condition itself (`path` empty, `index` zero), or over the root of a
/// batch. Leaves of a batch are keccak256(0x00 ++ conditionId), nodes keccak256(0x01 ++ left ++ right); `path` holds the
/// siblings, leaf upwards, and bit k of `index` says whether the node at height k is a right child.
struct Approval {
    Signature signature;
    uint256 index;
    bytes32[] path;
}

/// One resolution in `resolveMany`: `kind` as in the condition id, `key` its ABI-encoded arguments (see docs/spec/registry.md).
struct Resolution {
    uint8 kind;
    bytes key;
}

/// @title The condition registry: when was a condition first met
/// @notice One answer for every channel on the chain. `conditionId = keccak256(abi.encode(kind, chainId, registry,
/// keccak256(data)))`. A lock pays iff `0 < resolvedAt <= expiry`. Repeating a resolution changes nothing.
interface IConditionRegistry {
    /// @notice Emitted once a condition. `key` is `abi.encode` of the arguments that met it, in canonical form.
    event Resolved(bytes32 indexed conditionId, uint8 indexed kind, bytes key);

    /// @notice A signed condition names 1 to `maximum` keys.
    error WrongNumberOfKeys(uint256 given, uint256 maximum);

    /// @notice Each key needs exactly one approval, in the order of the keys.
    error WrongNumberOfApprovals(uint256 given, uint256 needed);

    /// @notice The key at `index` is zero, repeated, or below the one before it; sort them ascending.
    error KeysNotAscending(uint256 index);

    /// @notice The approval at `index` was not signed by `key`: the signature is malformed, has a high s, or recovers to
    /// another address (`recovered`, zero when malformed).
    error WrongApproval(uint256 index, address key, address recovered);

    /// @notice The batch path of the approval at `index` is longer than 32 or its leaf number does not fit the path.
    error PathRefused(uint256 index);

    /// @notice `target.isMet` did not answer exactly the 32-byte word 1; try again once the condition is met.
    error NotMet(address target);

    /// @notice The resolution at `index` has a kind that this registry does not know: 1 hash, 2 signed, 3 contract.
    error UnknownKind(uint256 index, uint8 kind);

    /// @notice The resolution at `index` failed with `reason`, empty when its key is not the ABI encoding of the arguments.
    error ResolutionRefused(uint256 index, bytes reason);

    /// @notice Kind 1: data = abi.encode(bytes32 sha256Hash); met by the 32-byte preimage.
    function revealHash(bytes32 preimage) external returns (bytes32 conditionId);

    /// @notice Kind 2: data = abi.encode(address[] keys, bytes32 termsHash); keys strictly ascending, 1 to MAX_KEYS;
    /// met when every key has signed EIP-712 `Condition(bytes32 conditionId)` or a `ConditionBatch(bytes32 root)` over it.
    function completeSigned(address[] calldata keys, bytes32 termsHash, Approval[] calldata approvals)
        external
        returns (bytes32 conditionId);

    /// @notice Kind 3: data = abi.encode(address target, bytes callData); met when `target.isMet(callData)` answers true.
    function meetContract(address target, bytes calldata callData) external returns (bytes32 conditionId);

    /// @notice Several resolutions in one transaction; one that fails refuses all.
    function resolveMany(Resolution[] calldata resolutions) external;

    /// @notice The block time at which the condition was first met; 0 if it was not.
    function resolvedAt(bytes32 conditionId) external view returns (uint64);
}
