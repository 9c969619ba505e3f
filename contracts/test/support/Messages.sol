// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Content} from "../../src/interfaces/Types.sol";

/// @title What the parties sign, composed apart from the contracts' own code
/// @notice The types are spelled as docs/spec/encoding.md (EN-63, EN-64) spells them, so a slip in the contracts does not
/// repeat itself here.
library Messages {
    function digest(address verifyingContract, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Tallystick"),
                keccak256("1"),
                block.chainid,
                verifyingContract
            )
        );
        return keccak256(bytes.concat(hex"1901", domain, structHash));
    }

    function balanceProof(bytes32 channelId, uint8 direction, uint64 nonce, uint64 acked, bytes32 hash)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash = keccak256(
            "BalanceProof(bytes32 channelId,uint8 direction,uint64 nonce,uint64 acked,bytes32 contentHash)"
        );
        return keccak256(abi.encode(typeHash, channelId, direction, nonce, acked, hash));
    }

    function withdrawal(bytes32 channelId, uint8 party, uint128 total, uint64 validUntil)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash = keccak256("Withdrawal(bytes32 channelId,uint8 party,uint128 total,uint64 validUntil)");
        return keccak256(abi.encode(typeHash, channelId, party, total, validUntil));
    }

    function closeTogether(bytes32 channelId, int256 delta, uint64 validUntil) internal pure returns (bytes32) {
        bytes32 typeHash = keccak256("CloseTogether(bytes32 channelId,int256 delta,uint64 validUntil)");
        return keccak256(abi.encode(typeHash, channelId, delta, validUntil));
    }

    /// The lines of a close statement, by hash.
    struct Stated {
        uint64 outNonce;
        uint64 outAcked;
        bytes32 outContentHash;
        uint64 inNonce;
        uint64 inAcked;
        bytes32 inContentHash;
    }

    function closeStatement(bytes32 channelId, uint8 party, bool blind, Stated memory stated, uint64 validUntil)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash = keccak256(
            "CloseStatement(bytes32 channelId,uint8 party,bool blind,uint64 outNonce,uint64 outAcked,bytes32 outContentHash,uint64 inNonce,uint64 inAcked,bytes32 inContentHash,uint64 validUntil)"
        );
        return keccak256(
            bytes.concat(abi.encode(typeHash, channelId, party, blind), abi.encode(stated), abi.encode(validUntil))
        );
    }

    function jointFunding(bytes32 channelId, uint128 amount0, uint128 amount1, address sender, uint64 validUntil)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash = keccak256(
            "JointFunding(bytes32 channelId,uint128 amount0,uint128 amount1,address sender,uint64 validUntil)"
        );
        return keccak256(abi.encode(typeHash, channelId, amount0, amount1, sender, validUntil));
    }

    function ackDelegate(bytes32 channelId, uint8 direction, address key, uint64 validUntil)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash = keccak256("AckDelegate(bytes32 channelId,uint8 direction,address key,uint64 validUntil)");
        return keccak256(abi.encode(typeHash, channelId, direction, key, validUntil));
    }

    function condition(bytes32 conditionId) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Condition(bytes32 conditionId)"), conditionId));
    }

    function conditionBatch(bytes32 root) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("ConditionBatch(bytes32 root)"), root));
    }

    function contentHash(Content memory content) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(content.sent, content.locked, content.lockedUntil, content.locksRoot, content.memoRoot)
            );
    }
}
