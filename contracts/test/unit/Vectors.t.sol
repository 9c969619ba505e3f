// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {Approval, IConditionRegistry} from "../../src/interfaces/IConditionRegistry.sol";
import {ChannelParams, Content, Lock, Signature} from "../../src/interfaces/Types.sol";
import {Conditions} from "../../src/libraries/Conditions.sol";
import {LockTree} from "../../src/libraries/LockTree.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {BankTest} from "../support/BankTest.sol";
import {LockSet} from "../support/LockSet.sol";
import {Messages} from "../support/Messages.sol";

/// The contracts' own encodings, callable with calldata.
contract Encodings {
    function contentHash(Content calldata content) external pure returns (bytes32) {
        return TypedData.contentHash(content);
    }

    function jointFunding(bytes32 id, uint128[2] calldata amounts, address sender, uint64 validUntil)
        external
        pure
        returns (bytes32)
    {
        return TypedData.jointFunding(id, amounts, sender, validUntil);
    }

    function leaf(Lock calldata lock) external pure returns (bytes32) {
        return LockTree.leaf(lock);
    }

    function rootOf(Lock calldata lock, bytes32[9] calldata path) external pure returns (bytes32) {
        return LockTree.rootOf(lock, path);
    }

    function signedId(address registry, address[] calldata keys, bytes32 terms) external view returns (bytes32) {
        return Conditions.signedId(registry, keys, terms);
    }

    function contractId(address registry, address target, bytes calldata data) external view returns (bytes32) {
        return Conditions.contractId(registry, target, data);
    }

    function batchRoot(bytes32 conditionId, uint256 index, bytes32[] calldata path) external pure returns (bytes32) {
        return Conditions.batchRoot(conditionId, index, path);
    }
}

/// vectors/*.json, which the TypeScript side writes and reads too: both must say the same, byte for byte.
contract VectorsTest is BankTest {
    Encodings private encodings;

    function setUp() public override {
        super.setUp();
        encodings = new Encodings();
    }

    function test_ChannelIds() public {
        string memory json = vm.readFile("vectors/channel.json");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".cases", i)); ++i) {
            string memory key = _at(".cases", i);
            address bankThere = _address(json, key, "bank");
            vm.chainId(_uint(json, key, "chainId") % 2 ** 64);
            if (_uint(json, key, "chainId") >= 2 ** 64) continue; // forge keeps chain ids in 64 bits
            vm.etch(bankThere, address(bank).code);
            ChannelParams memory channel = ChannelParams({
                owner: [_address(json, key, "owner0"), _address(json, key, "owner1")],
                signer: [_address(json, key, "signer0"), _address(json, key, "signer1")],
                token: _address(json, key, "token"),
                lockPeriod: uint32(_uint(json, key, "lockPeriod")),
                salt: uint64(_uint(json, key, "salt"))
            });
            (bool success, bytes memory answer) = bankThere.call(abi.encodeCall(bank.channelIdOf, (channel)));
            assertTrue(success);
            assertEq(abi.decode(answer, (bytes32)), _bytes32(json, key, "channelId"), key);
        }
        assertGt(i, 2);
    }

    function test_ContentHashes() public view {
        string memory json = vm.readFile("vectors/digests.json");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".contents", i)); ++i) {
            string memory key = _at(".contents", i);
            Content memory content = Content({
                sent: uint128(_uint(json, key, "sent")),
                locked: uint128(_uint(json, key, "locked")),
                lockedUntil: uint64(_uint(json, key, "lockedUntil")),
                locksRoot: _bytes32(json, key, "locksRoot"),
                memoRoot: _bytes32(json, key, "memoRoot")
            });
            bytes32 expected = _bytes32(json, key, "contentHash");
            assertEq(encodings.contentHash(content), expected, key);
            assertEq(Messages.contentHash(content), expected, key);
        }
        assertGt(i, 1);
    }

    function test_TypeHashes() public view {
        string memory json = vm.readFile("vectors/digests.json");
        bytes32[8] memory ours = [
            TypedData.BALANCE_PROOF,
            TypedData.WITHDRAWAL,
            TypedData.CLOSE_TOGETHER,
            TypedData.CLOSE_STATEMENT,
            TypedData.JOINT_FUNDING,
            TypedData.ACK_DELEGATE,
            TypedData.CONDITION,
            TypedData.CONDITION_BATCH
        ];
        for (uint256 i = 0; i < 8; ++i) {
            assertEq(_bytes32(json, _at(".types", i), "hash"), ours[i], _at(".types", i));
        }
    }

    function test_DomainsAreThoseOfTheDeployedContracts() public {
        string memory json = vm.readFile("vectors/digests.json");
        vm.chainId(vm.parseJsonUint(json, ".chainId"));
        _assertDomain(address(bank), vm.parseJsonAddress(json, ".bank"), vm.parseJsonBytes32(json, ".bankSeparator"));
        _assertDomain(
            address(registry), vm.parseJsonAddress(json, ".registry"), vm.parseJsonBytes32(json, ".registrySeparator")
        );
    }

    function test_DigestsAndSignatures() public view {
        string memory json = vm.readFile("vectors/digests.json");
        address by = vm.parseJsonAddress(json, ".signer");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".messages", i)); ++i) {
            string memory key = _at(".messages", i);
            string memory type_ = vm.parseJsonString(json, string.concat(key, ".type"));
            (bytes32 structHash, bytes32 apart) = _structHash(json, string.concat(key, ".fields"), type_);
            assertEq(structHash, apart, "the library and the tests' own spelling");
            string memory domain = _startsWith(type_, "Condition") ? ".registrySeparator" : ".bankSeparator";
            bytes32 digest = keccak256(bytes.concat(hex"1901", vm.parseJsonBytes32(json, domain), structHash));
            assertEq(digest, _bytes32(json, key, "digest"), type_);
            (bytes32 r, bytes32 vs) = _split(vm.parseJsonBytes(json, string.concat(key, ".signature")));
            (address recovered,,) = ECDSA.tryRecover(digest, r, vs);
            assertEq(recovered, by, type_);
        }
        assertGt(i, 7, "every type occurs");
    }

    function test_RecoveryIsThatOfTheChain() public view {
        string memory json = vm.readFile("vectors/signatures.json");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".recover", i)); ++i) {
            string memory key = _at(".recover", i);
            (bytes32 r, bytes32 vs) = _split(vm.parseJsonBytes(json, string.concat(key, ".signature")));
            (address recovered,,) = ECDSA.tryRecover(_bytes32(json, key, "digest"), r, vs);
            bool nobody = _is(vm.parseJsonString(json, string.concat(key, ".address")), "null");
            assertEq(recovered, nobody ? address(0) : _address(json, key, "address"), key);
        }
        assertGt(i, 3);
    }

    function test_LockTrees() public view {
        string memory json = vm.readFile("vectors/locks.json");
        assertEq(vm.parseJsonBytes32(json, ".typeHash"), LockTree.LOCK_TYPEHASH);
        uint256 seen = 0;
        for (uint256 t = 0; vm.keyExistsJson(json, _at(".trees", t)); ++t) {
            string memory tree = _at(".trees", t);
            uint256 count = 0;
            while (vm.keyExistsJson(json, _at(string.concat(tree, ".locks"), count))) ++count;
            Lock[] memory locks = new Lock[](count);
            bytes32 root = _bytes32(json, tree, "root");
            for (uint256 i = 0; i < count; ++i) {
                string memory key = _at(string.concat(tree, ".locks"), i);
                locks[i] = Lock({
                    slot: uint16(_uint(json, key, "slot")),
                    amount: uint128(_uint(json, key, "amount")),
                    condition: _bytes32(json, key, "condition"),
                    expiry: uint64(_uint(json, key, "expiry"))
                });
                bytes32[] memory path = vm.parseJsonBytes32Array(json, string.concat(key, ".path"));
                bytes32[9] memory siblings;
                assertEq(path.length, 9);
                for (uint256 height = 0; height < 9; ++height) {
                    siblings[height] = path[height];
                }
                assertEq(encodings.leaf(locks[i]), _bytes32(json, key, "leaf"), key);
                assertEq(encodings.rootOf(locks[i], siblings), root, key);
                ++seen;
            }
            assertEq(LockSet.root(locks), root, tree);
            assertEq(uint256(LockSet.sum(locks)), _uint(json, tree, "locked"), tree);
            assertEq(uint256(LockSet.lastExpiry(locks)), _uint(json, tree, "lockedUntil"), tree);
        }
        assertGt(seen, 5);
    }

    function test_Conditions() public {
        string memory json = vm.readFile("vectors/conditions.json");
        IConditionRegistry there = _registryThere(json);
        for (uint256 i = 0; vm.keyExistsJson(json, _at(".hash", i)); ++i) {
            string memory key = _at(".hash", i);
            bytes32 conditionId = there.revealHash(_bytes32(json, key, "preimage"));
            assertEq(conditionId, _bytes32(json, key, "conditionId"), key);
            assertEq(there.resolvedAt(conditionId), START, key);
        }
        for (uint256 i = 0; vm.keyExistsJson(json, _at(".contract", i)); ++i) {
            string memory key = _at(".contract", i);
            bytes32 conditionId = encodings.contractId(
                address(there), _address(json, key, "target"), vm.parseJsonBytes(json, string.concat(key, ".callData"))
            );
            assertEq(conditionId, _bytes32(json, key, "conditionId"), key);
        }
    }

    function test_SignedConditionsAreCompletedOnChain() public {
        string memory json = vm.readFile("vectors/conditions.json");
        IConditionRegistry there = _registryThere(json);
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".signed", i)); ++i) {
            string memory key = _at(".signed", i);
            address[] memory keys = vm.parseJsonAddressArray(json, string.concat(key, ".keys"));
            bytes32 terms = _bytes32(json, key, "termsHash");
            assertEq(encodings.signedId(address(there), keys, terms), _bytes32(json, key, "conditionId"), key);
            Approval[] memory approvals = new Approval[](keys.length);
            for (uint256 k = 0; k < keys.length; ++k) {
                (bytes32 r, bytes32 vs) = _split(vm.parseJsonBytes(json, _at(string.concat(key, ".signatures"), k)));
                approvals[k].signature = Signature(r, vs);
            }
            bytes32 conditionId = there.completeSigned(keys, terms, approvals);
            assertEq(conditionId, _bytes32(json, key, "conditionId"), key);
            assertEq(there.resolvedAt(conditionId), START, key);
        }
        assertGt(i, 1);
    }

    function test_BatchesOfConditions() public view {
        string memory json = vm.readFile("vectors/conditions.json");
        uint256 seen = 0;
        for (uint256 i = 0; vm.keyExistsJson(json, _at(".batches", i)); ++i) {
            string memory key = _at(".batches", i);
            bytes32[] memory ids = vm.parseJsonBytes32Array(json, string.concat(key, ".conditionIds"));
            for (uint256 k = 0; k < ids.length; ++k) {
                bytes32[] memory path = vm.parseJsonBytes32Array(json, _at(string.concat(key, ".paths"), k));
                assertEq(encodings.batchRoot(ids[k], k, path), _bytes32(json, key, "root"), key);
                ++seen;
            }
        }
        assertGt(seen, 5);
    }

    /// The struct hash by the contracts' library and by the tests' own spelling.
    function _structHash(string memory json, string memory f, string memory type_)
        private
        view
        returns (bytes32, bytes32)
    {
        if (_is(type_, "Condition")) {
            bytes32 conditionId = _bytes32(json, f, "conditionId");
            return (TypedData.condition(conditionId), Messages.condition(conditionId));
        }
        if (_is(type_, "ConditionBatch")) {
            bytes32 root = _bytes32(json, f, "root");
            return (TypedData.conditionBatch(root), Messages.conditionBatch(root));
        }
        bytes32 channel = _bytes32(json, f, "channelId");
        if (_is(type_, "BalanceProof")) return _balanceProof(json, f, channel);
        if (_is(type_, "CloseStatement")) return _closeStatement(json, f, channel);
        uint64 until = _uint64(json, f, "validUntil");
        if (_is(type_, "Withdrawal")) {
            uint128 total = uint128(_uint(json, f, "total"));
            uint8 party = uint8(_uint(json, f, "party"));
            return
                (TypedData.withdrawal(channel, party, total, until), Messages.withdrawal(channel, party, total, until));
        }
        if (_is(type_, "CloseTogether")) {
            int256 delta = vm.parseJsonInt(json, string.concat(f, ".delta"));
            return (TypedData.closeTogether(channel, delta, until), Messages.closeTogether(channel, delta, until));
        }
        if (_is(type_, "JointFunding")) {
            uint128[2] memory amounts = [uint128(_uint(json, f, "amount0")), uint128(_uint(json, f, "amount1"))];
            address sender = _address(json, f, "sender");
            return (
                encodings.jointFunding(channel, amounts, sender, until),
                Messages.jointFunding(channel, amounts[0], amounts[1], sender, until)
            );
        }
        require(_is(type_, "AckDelegate"), type_);
        uint8 direction = uint8(_uint(json, f, "direction"));
        address key = _address(json, f, "key");
        return
            (
                TypedData.ackDelegate(channel, direction, key, until),
                Messages.ackDelegate(channel, direction, key, until)
            );
    }

    function _balanceProof(string memory json, string memory f, bytes32 channel)
        private
        pure
        returns (bytes32, bytes32)
    {
        uint8 direction = uint8(_uint(json, f, "direction"));
        uint64 nonce = _uint64(json, f, "nonce");
        uint64 acked = _uint64(json, f, "acked");
        bytes32 hash = _bytes32(json, f, "contentHash");
        return (
            TypedData.balanceProof(channel, direction, nonce, acked, hash),
            Messages.balanceProof(channel, direction, nonce, acked, hash)
        );
    }

    function _closeStatement(string memory json, string memory f, bytes32 channel)
        private
        pure
        returns (bytes32 ours, bytes32 apart)
    {
        Messages.Stated memory stated = Messages.Stated({
            outNonce: _uint64(json, f, "outNonce"),
            outAcked: _uint64(json, f, "outAcked"),
            outContentHash: _bytes32(json, f, "outContentHash"),
            inNonce: _uint64(json, f, "inNonce"),
            inAcked: _uint64(json, f, "inAcked"),
            inContentHash: _bytes32(json, f, "inContentHash")
        });
        uint8 party = uint8(_uint(json, f, "party"));
        bool blind = vm.parseJsonBool(json, string.concat(f, ".blind"));
        uint64 until = _uint64(json, f, "validUntil");
        apart = Messages.closeStatement(channel, party, blind, stated, until);
        if (blind) return (TypedData.blindStatement(channel, party, until), apart);
        ours = TypedData.closeStatement(
            channel,
            party,
            stated.outNonce,
            stated.outAcked,
            stated.outContentHash,
            stated.inNonce,
            stated.inAcked,
            stated.inContentHash,
            until
        );
    }

    function _assertDomain(address deployed, address there, bytes32 separator) private {
        vm.etch(there, deployed.code);
        (bytes1 fields, string memory name, string memory version, uint256 chain, address verifier,,) =
            IERC5267(there).eip712Domain();
        assertEq(bytes32(fields), bytes32(bytes1(0x0f)));
        bytes32 type_ = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        assertEq(
            keccak256(abi.encode(type_, keccak256(bytes(name)), keccak256(bytes(version)), chain, verifier)), separator
        );
        assertEq(verifier, there);
    }

    function _registryThere(string memory json) private returns (IConditionRegistry there) {
        vm.chainId(vm.parseJsonUint(json, ".chainId"));
        there = IConditionRegistry(vm.parseJsonAddress(json, ".registry"));
        vm.etch(address(there), address(registry).code);
    }

    function _split(bytes memory signature) private pure returns (bytes32 r, bytes32 vs) {
        assertEq(signature.length, 64);
        return abi.decode(signature, (bytes32, bytes32));
    }

    function _at(string memory array, uint256 index) private pure returns (string memory) {
        return string.concat(array, "[", vm.toString(index), "]");
    }

    function _is(string memory left, string memory right) private pure returns (bool) {
        return keccak256(bytes(left)) == keccak256(bytes(right));
    }

    function _startsWith(string memory text, string memory start) private pure returns (bool) {
        bytes memory whole = bytes(text);
        bytes memory part = bytes(start);
        if (whole.length < part.length) return false;
        for (uint256 i = 0; i < part.length; ++i) {
            if (whole[i] != part[i]) return false;
        }
        return true;
    }

    function _uint(string memory json, string memory key, string memory field) private pure returns (uint256) {
        return vm.parseJsonUint(json, string.concat(key, ".", field));
    }

    function _uint64(string memory json, string memory key, string memory field) private pure returns (uint64) {
        return uint64(_uint(json, key, field));
    }

    function _address(string memory json, string memory key, string memory field) private pure returns (address) {
        return vm.parseJsonAddress(json, string.concat(key, ".", field));
    }

    function _bytes32(string memory json, string memory key, string memory field) private pure returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(key, ".", field));
    }
}
