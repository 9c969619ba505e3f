// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {Approval, IConditionRegistry} from "../../src/interfaces/IConditionRegistry.sol";
import {Signature} from "../../src/interfaces/Types.sol";
import {Conditions} from "../../src/libraries/Conditions.sol";
import {BankTest} from "../support/BankTest.sol";
import {Messages} from "../support/Messages.sol";

/// The registry's own condition id, callable with calldata.
contract SignedIds {
    function signedId(address registry, address[] calldata keys, bytes32 terms) external view returns (bytes32) {
        return Conditions.signedId(registry, keys, terms);
    }
}

/// vectors/joint.json: what a joint payment signs is what the registry resolves (docs/spec/joint.md JP-2 to JP-4).
contract JointVectorsTest is BankTest {
    string private json;
    IConditionRegistry private there;
    SignedIds private ids;

    function setUp() public override {
        super.setUp();
        ids = new SignedIds();
        json = vm.readFile("vectors/joint.json");
        vm.chainId(vm.parseJsonUint(json, ".chainId"));
        there = IConditionRegistry(vm.parseJsonAddress(json, ".registry"));
        vm.etch(address(there), address(registry).code);
    }

    function test_TermsAndConditionIds() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _case(i, "")); ++i) {
            bytes memory encoded = _encoded(i);
            assertEq(keccak256(encoded), keccak256(vm.parseJsonBytes(json, _case(i, ".encoded"))), "encoded");
            bytes32 termsHash = keccak256(bytes.concat("Tallystick joint payment terms, version 1\n", encoded));
            assertEq(termsHash, vm.parseJsonBytes32(json, _case(i, ".termsHash")), "termsHash");
            address[] memory keys = vm.parseJsonAddressArray(json, _case(i, ".keys"));
            assertEq(ids.signedId(address(there), keys, termsHash), _conditionId(i), "conditionId");
        }
        assertGt(i, 3);
    }

    function test_TheRegistryTakesEverySet() public {
        for (uint256 i = 0; vm.keyExistsJson(json, _case(i, "")); ++i) {
            address[] memory keys = vm.parseJsonAddressArray(json, _case(i, ".keys"));
            Approval[] memory approvals = new Approval[](keys.length);
            for (uint256 k = 0; k < keys.length; ++k) {
                approvals[k].signature = _signature(_at(_case(i, ".signatures"), k));
            }
            bytes32 termsHash = vm.parseJsonBytes32(json, _case(i, ".termsHash"));
            bytes32 conditionId = there.completeSigned(keys, termsHash, approvals);
            assertEq(conditionId, _conditionId(i), "conditionId");
            assertEq(there.resolvedAt(conditionId), START, "resolvedAt");
        }
    }

    function test_AbortsAndReceipts() public view {
        for (uint256 i = 0; vm.keyExistsJson(json, _case(i, "")); ++i) {
            bytes32 id = _conditionId(i);
            bytes32 abortType = keccak256("JointAbort(bytes32 conditionId)");
            bytes32 abort = Messages.digest(address(there), keccak256(abi.encode(abortType, id)));
            assertEq(abort, vm.parseJsonBytes32(json, _case(i, ".abort.digest")), "abort");
            _assertSigned(abort, _case(i, ".abort.signature"), vm.parseJsonAddress(json, _case(i, ".customer")));
            bytes32 receiptType = keccak256("JointReceipt(bytes32 conditionId,bytes32 paymentReference)");
            bytes32 paymentReference = vm.parseJsonBytes32(json, _case(i, ".reference"));
            bytes32 receipt = Messages.digest(address(there), keccak256(abi.encode(receiptType, id, paymentReference)));
            assertEq(receipt, vm.parseJsonBytes32(json, _case(i, ".receipt.digest")), "receipt");
            address[] memory payees = vm.parseJsonAddressArray(json, _case(i, ".payees"));
            for (uint256 k = 0; k < payees.length; ++k) {
                _assertSigned(receipt, _at(_case(i, ".receipt.signatures"), k), payees[k]);
            }
        }
    }

    /// The terms, spelled by packed encoding.
    function _encoded(uint256 i) private view returns (bytes memory encoded) {
        uint256 count = 0;
        bytes memory hops;
        for (; vm.keyExistsJson(json, _at(_case(i, ".hops"), count)); ++count) {
            string memory hop = _at(_case(i, ".hops"), count);
            hops = bytes.concat(
                hops,
                vm.parseJsonBytes32(json, string.concat(hop, ".channelId")),
                bytes1(uint8(vm.parseJsonUint(json, string.concat(hop, ".direction")))),
                bytes20(vm.parseJsonAddress(json, string.concat(hop, ".payer"))),
                bytes20(vm.parseJsonAddress(json, string.concat(hop, ".payee"))),
                bytes16(uint128(vm.parseJsonUint(json, string.concat(hop, ".amount"))))
            );
        }
        address[] memory payees = vm.parseJsonAddressArray(json, _case(i, ".payees"));
        encoded = abi.encodePacked(
            uint8(1), uint8(count), hops, vm.parseJsonAddress(json, _case(i, ".customer")), uint8(payees.length)
        );
        for (uint256 k = 0; k < payees.length; ++k) {
            encoded = bytes.concat(encoded, bytes20(payees[k]));
        }
        encoded = abi.encodePacked(
            encoded,
            vm.parseJsonBytes32(json, _case(i, ".reference")),
            uint64(vm.parseJsonUint(json, _case(i, ".expiry"))),
            vm.parseJsonBytes32(json, _case(i, ".salt"))
        );
    }

    function _conditionId(uint256 i) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, _case(i, ".conditionId"));
    }

    function _assertSigned(bytes32 digest, string memory place, address by) private view {
        Signature memory signature = _signature(place);
        (address recovered,,) = ECDSA.tryRecover(digest, signature.r, signature.vs);
        assertEq(recovered, by, place);
    }

    function _signature(string memory place) private view returns (Signature memory) {
        bytes memory signature = vm.parseJsonBytes(json, place);
        assertEq(signature.length, 64);
        (bytes32 r, bytes32 vs) = abi.decode(signature, (bytes32, bytes32));
        return Signature(r, vs);
    }

    function _case(uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(_at(".cases", i), field);
    }

    function _at(string memory array, uint256 index) private pure returns (string memory) {
        return string.concat(array, "[", vm.toString(index), "]");
    }
}
