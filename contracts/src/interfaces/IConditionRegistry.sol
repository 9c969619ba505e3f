// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Signature} from "./Types.sol";

/// What `isMet` of a contract key must answer: exactly the 32-byte word 1 for "met".
interface ICondition {
    function isMet(bytes calldata data) external view returns (bool);
}

/// One key holder's approval: a signature over the condition itself (`path` empty), or over the root of a batch in
/// which the condition id is leaf number `index`.
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
    event Resolved(bytes32 indexed conditionId, uint8 indexed kind, bytes key);

    /// @notice Kind 1: data = abi.encode(bytes32 sha256Hash); met by the 32-byte preimage.
    function revealHash(bytes32 preimage) external returns (bytes32 conditionId);

    /// @notice Kind 2: data = abi.encode(address[] keys, bytes32 termsHash); keys strictly ascending, 1 to MAX_KEYS;
    /// met when every key has signed EIP-712 `Condition(bytes32 conditionId)` or a `ConditionBatch(bytes32 root)` over it.
    function completeSigned(address[] calldata keys, bytes32 termsHash, Approval[] calldata approvals)
        external
        returns (bytes32 conditionId);

    /// @notice Kind 3: data = abi.encode(address target, bytes callData); met when `target.isMet(callData)` answers true.
    function meetContract(address target, bytes calldata callData) external returns (bytes32 conditionId);

    function resolveMany(Resolution[] calldata resolutions) external;

    /// @notice The block time at which the condition was first met; 0 if it was not.
    function resolvedAt(bytes32 conditionId) external view returns (uint64);
}
