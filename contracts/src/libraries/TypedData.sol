// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ChannelParams, Closing, Content} from "../interfaces/Types.sol";

/// @title What is signed and hashed
/// @notice EIP-712 struct hashes (one type for each purpose, so that a signature for one is never good for another),
/// channel ids and content hashes. Source: docs/spec/encoding.md; pinned by vectors/.
library TypedData {
    bytes32 internal constant BALANCE_PROOF =
        keccak256("BalanceProof(bytes32 channelId,uint8 direction,uint64 nonce,uint64 acked,bytes32 contentHash)");
    bytes32 internal constant WITHDRAWAL =
        keccak256("Withdrawal(bytes32 channelId,uint8 party,uint128 total,uint64 validUntil)");
    bytes32 internal constant CLOSE_TOGETHER =
        keccak256("CloseTogether(bytes32 channelId,int256 delta,uint64 validUntil)");
    bytes32 internal constant CLOSE_STATEMENT = keccak256(
        "CloseStatement(bytes32 channelId,uint8 party,bool blind,uint64 outNonce,uint64 outAcked,bytes32 outContentHash,uint64 inNonce,uint64 inAcked,bytes32 inContentHash,uint64 validUntil)"
    );
    bytes32 internal constant JOINT_FUNDING =
        keccak256("JointFunding(bytes32 channelId,uint128 amount0,uint128 amount1,address sender,uint64 validUntil)");
    bytes32 internal constant ACK_DELEGATE =
        keccak256("AckDelegate(bytes32 channelId,uint8 direction,address key,uint64 validUntil)");
    bytes32 internal constant CONDITION = keccak256("Condition(bytes32 conditionId)");
    bytes32 internal constant CONDITION_BATCH = keccak256("ConditionBatch(bytes32 root)");

    // The calldata of a static struct is its `abi.encode`, so it is hashed as it stands. Should it have bits outside its
    // types, the hash is one that nobody signed or committed to, and reading the member reverts.

    /// @notice `keccak256(abi.encode(chainId, bank, params))`: another chain or bank is another channel.
    function channelId(address bank, ChannelParams calldata params) internal view returns (bytes32 id) {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, chainid())
            mstore(add(pointer, 0x20), bank)
            calldatacopy(add(pointer, 0x40), params, 0xe0)
            id := keccak256(pointer, 0x120)
        }
    }

    /// @notice `keccak256(abi.encode(content))`
    function contentHash(Content calldata content) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            calldatacopy(pointer, content, 0xa0)
            hash := keccak256(pointer, 0xa0)
        }
    }

    /// @notice `keccak256(abi.encode(closing))`
    function closingHash(Closing calldata closing) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            calldatacopy(pointer, closing, 0x1a0)
            hash := keccak256(pointer, 0x1a0)
        }
    }

    /// @notice The payer's promise and the receiver's acknowledgement sign the same struct.
    function balanceProof(bytes32 id, uint8 direction, uint64 nonce, uint64 acked, bytes32 hash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(BALANCE_PROOF, id, direction, nonce, acked, hash));
    }

    function withdrawal(bytes32 id, uint8 party, uint128 total, uint64 validUntil) internal pure returns (bytes32) {
        return keccak256(abi.encode(WITHDRAWAL, id, party, total, validUntil));
    }

    function closeTogether(bytes32 id, int256 delta, uint64 validUntil) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLOSE_TOGETHER, id, delta, validUntil));
    }

    function closeStatement(
        bytes32 id,
        uint8 party,
        uint64 outNonce,
        uint64 outAcked,
        bytes32 outHash,
        uint64 inNonce,
        uint64 inAcked,
        bytes32 inHash,
        uint64 validUntil
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                CLOSE_STATEMENT, id, party, false, outNonce, outAcked, outHash, inNonce, inAcked, inHash, validUntil
            )
        );
    }

    /// @notice A blind statement is a close statement that states nothing.
    function blindStatement(bytes32 id, uint8 party, uint64 validUntil) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLOSE_STATEMENT, id, party, true, 0, 0, 0, 0, 0, 0, validUntil));
    }

    function jointFunding(bytes32 id, uint128[2] calldata amounts, address sender, uint64 validUntil)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(JOINT_FUNDING, id, amounts[0], amounts[1], sender, validUntil));
    }

    function ackDelegate(bytes32 id, uint8 direction, address key, uint64 validUntil) internal pure returns (bytes32) {
        return keccak256(abi.encode(ACK_DELEGATE, id, direction, key, validUntil));
    }

    function condition(bytes32 conditionId) internal pure returns (bytes32) {
        return keccak256(abi.encode(CONDITION, conditionId));
    }

    function conditionBatch(bytes32 root) internal pure returns (bytes32) {
        return keccak256(abi.encode(CONDITION_BATCH, root));
    }
}
