// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Approval, ICondition, IConditionRegistry, Resolution} from "./interfaces/IConditionRegistry.sol";
import {Conditions} from "./libraries/Conditions.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title The condition registry
/// @notice See IConditionRegistry. Deliberately absent: owner, upgrade, any way to change or remove an answer.
contract ConditionRegistry is IConditionRegistry, EIP712 {
    /// @inheritdoc IConditionRegistry
    mapping(bytes32 conditionId => uint64) public resolvedAt;

    constructor() EIP712("Tallystick", "1") {}

    /// @inheritdoc IConditionRegistry
    function revealHash(bytes32 preimage) external returns (bytes32 conditionId) {
        conditionId = Conditions.hashId(address(this), sha256(abi.encode(preimage)));
        if (resolvedAt[conditionId] == 0) _resolve(conditionId, Conditions.HASH, abi.encode(preimage));
    }

    /// @inheritdoc IConditionRegistry
    function completeSigned(address[] calldata keys, bytes32 termsHash, Approval[] calldata approvals)
        external
        returns (bytes32 conditionId)
    {
        if (keys.length == 0 || keys.length > Conditions.MAX_KEYS) {
            revert WrongNumberOfKeys(keys.length, Conditions.MAX_KEYS);
        }
        if (approvals.length != keys.length) revert WrongNumberOfApprovals(approvals.length, keys.length);
        conditionId = Conditions.signedId(address(this), keys, termsHash);
        if (resolvedAt[conditionId] != 0) return conditionId;

        bytes32 single = _hashTypedDataV4(TypedData.condition(conditionId));
        address previous = address(0);
        for (uint256 i = 0; i < keys.length; ++i) {
            address key = keys[i];
            if (key <= previous) revert KeysNotAscending(i);
            previous = key;
            Approval calldata approval = approvals[i];
            bytes32 digest = approval.path.length == 0 ? single : _batchDigest(i, conditionId, approval);
            if (approval.path.length == 0 && approval.index != 0) revert PathRefused(i);
            (address recovered,,) = ECDSA.tryRecover(digest, approval.signature.r, approval.signature.vs);
            // Keys are above zero, so a malformed signature (recovered zero) is refused too.
            if (recovered != key) revert WrongApproval(i, key, recovered);
        }
        _resolve(conditionId, Conditions.SIGNED, abi.encode(keys, termsHash, approvals));
    }

    /// @inheritdoc IConditionRegistry
    function meetContract(address target, bytes calldata callData) external returns (bytes32 conditionId) {
        conditionId = Conditions.contractId(address(this), target, callData);
        if (resolvedAt[conditionId] != 0) return conditionId;
        bytes memory question = abi.encodeCall(ICondition.isMet, (callData));
        bool met;
        assembly ("memory-safe") {
            // Only the first word of the answer is copied, whatever its size.
            let success := staticcall(gas(), target, add(question, 0x20), mload(question), 0x00, 0x20)
            met := and(and(success, eq(returndatasize(), 0x20)), eq(mload(0x00), 1))
        }
        if (!met) revert NotMet(target);
        _resolve(conditionId, Conditions.CONTRACT, abi.encode(target, callData));
    }

    /// @inheritdoc IConditionRegistry
    function resolveMany(Resolution[] calldata resolutions) external {
        for (uint256 i = 0; i < resolutions.length; ++i) {
            // A call to itself, so that a malformed key is refused by name and not with an empty revert.
            (bool success, bytes memory answer) =
                address(this).delegatecall(abi.encodePacked(_selector(i, resolutions[i].kind), resolutions[i].key));
            if (!success) revert ResolutionRefused(i, answer);
        }
    }

    /// @dev The first time counts, for ever. The key is encoded anew: whoever reads the event gets the canonical bytes, with
    /// nothing appended or overlapping, whatever calldata the resolver sent.
    function _resolve(bytes32 conditionId, uint8 kind, bytes memory key) private {
        resolvedAt[conditionId] = uint64(block.timestamp);
        emit Resolved(conditionId, kind, key);
    }

    function _selector(uint256 index, uint8 kind) private pure returns (bytes4) {
        if (kind == Conditions.HASH) return this.revealHash.selector;
        if (kind == Conditions.SIGNED) return this.completeSigned.selector;
        if (kind == Conditions.CONTRACT) return this.meetContract.selector;
        revert UnknownKind(index, kind);
    }

    function _batchDigest(uint256 index, bytes32 conditionId, Approval calldata approval)
        private
        view
        returns (bytes32)
    {
        uint256 depth = approval.path.length;
        if (depth > Conditions.MAX_BATCH_DEPTH || approval.index >> depth != 0) revert PathRefused(index);
        bytes32 root = Conditions.batchRoot(conditionId, approval.index, approval.path);
        return _hashTypedDataV4(TypedData.conditionBatch(root));
    }
}
