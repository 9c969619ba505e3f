// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {BankTest} from "../support/BankTest.sol";

/// What is deployed, and what is deliberately absent from it.
contract DeploymentTest is BankTest {
    function test_TheBankHasNoOtherEntries() public view {
        string[22] memory expected = [
            "BLIND_FACTOR()",
            "MAX_LOCK()",
            "MAX_LOCK_PERIOD()",
            "MIN_LOCK_PERIOD()",
            "channelIdOf",
            "claimLocks",
            "claimable(address,address)",
            "challenge",
            "close(",
            "closeBlind(",
            "closeBlindFor(",
            "closeFor(",
            "closeTogether(",
            "commitmentOf(bytes32)",
            "depositsOf(bytes32)",
            "eip712Domain()",
            "fund(",
            "fundJointly(",
            "registry()",
            "releaseLocks(",
            "settle(",
            "statusOf(bytes32)"
        ];
        string[5] memory rest = [
            "takeClaimable(address,address)",
            "transferOut(address,address,uint256)",
            "update(",
            "withdraw(",
            "withdrawnOf(bytes32)"
        ];
        string[] memory entries = _entries("VirtualBank");
        assertEq(entries.length, expected.length + rest.length, "an entry more or less: owner, upgrade, pause?");
        for (uint256 i = 0; i < expected.length; ++i) {
            _assertHas(entries, expected[i]);
        }
        for (uint256 i = 0; i < rest.length; ++i) {
            _assertHas(entries, rest[i]);
        }
    }

    function test_TheRegistryHasNoOtherEntries() public view {
        string[6] memory expected = [
            "completeSigned(",
            "eip712Domain()",
            "meetContract(address,bytes)",
            "resolveMany(",
            "resolvedAt(bytes32)",
            "revealHash(bytes32)"
        ];
        string[] memory entries = _entries("ConditionRegistry");
        assertEq(entries.length, expected.length);
        for (uint256 i = 0; i < expected.length; ++i) {
            _assertHas(entries, expected[i]);
        }
    }

    function test_BothFitTheSizeLimit() public view {
        assertLe(address(bank).code.length, 24_576);
        assertLe(address(registry).code.length, 24_576);
    }

    function test_NeitherCanBeReplaced() public view {
        // No delegatecall of the bank to anything, and no self-destruction in either (the registry calls itself).
        _assertNoOpcode(address(bank).code, 0xf4);
        _assertNoOpcode(address(bank).code, 0xff);
        _assertNoOpcode(address(registry).code, 0xff);
    }

    function test_RevertWhen_TheRegistryHasNoCode() public {
        bytes memory code = bytes.concat(vm.getCode("VirtualBank.sol:VirtualBank"), abi.encode(address(0xC0DE)));
        address deployed;
        bytes memory reason;
        assembly {
            deployed := create(0, add(code, 0x20), mload(code))
            reason := mload(0x40)
            mstore(reason, returndatasize())
            returndatacopy(add(reason, 0x20), 0, returndatasize())
            mstore(0x40, add(reason, 0x60))
        }
        assertEq(deployed, address(0));
        assertEq(reason, abi.encodeWithSelector(Errors.ZeroAddress.selector, bytes32("registry")));
    }

    function test_Constants() public view {
        assertEq(bank.MAX_LOCK(), 30 days);
        assertEq(bank.BLIND_FACTOR(), 4);
        assertEq(address(bank.registry()), address(registry));
    }

    function _entries(string memory name) private view returns (string[] memory) {
        string memory path = string.concat("contracts/out/", name, ".sol/", name, ".json");
        return vm.parseJsonKeys(vm.readFile(path), ".methodIdentifiers");
    }

    function _assertHas(string[] memory entries, string memory start) private pure {
        for (uint256 i = 0; i < entries.length; ++i) {
            if (_startsWith(bytes(entries[i]), bytes(start))) return;
        }
        assertTrue(false, start);
    }

    function _startsWith(bytes memory text, bytes memory start) private pure returns (bool) {
        if (text.length < start.length) return false;
        for (uint256 i = 0; i < start.length; ++i) {
            if (text[i] != start[i]) return false;
        }
        return true;
    }

    /// Steps over what PUSH instructions carry. Constants after the last instruction may look like anything; there is no
    /// metadata, and the compiler puts none there for these contracts.
    function _assertNoOpcode(bytes memory code, uint8 opcode) private pure {
        for (uint256 i = 0; i < code.length; ++i) {
            uint8 here = uint8(code[i]);
            assertTrue(here != opcode, "a forbidden instruction");
            if (here >= 0x60 && here <= 0x7f) i += here - 0x5f;
        }
    }
}
