// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Settlement} from "../interfaces/Types.sol";

/// @title A settlement record as the thirteen words of its `abi.encode`
/// @notice What is copied, changed a little and hashed again; as a struct in memory it would be encoded anew each time.
/// Words that were committed to have no bits outside their types, so no member needs to be cleaned.
library SettlementWords {
    uint256 internal constant OWED = 0;
    uint256 internal constant HELD = 2;
    uint256 internal constant LOCKED = 3;
    uint256 internal constant CLAIMED = 9;

    function load(Settlement calldata settlement) internal pure returns (uint256[13] memory words) {
        assembly ("memory-safe") {
            calldatacopy(words, settlement, 0x1a0)
        }
    }

    /// @notice `keccak256(abi.encode(settlement))`
    function hash(uint256[13] memory words) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            result := keccak256(words, 0x1a0)
        }
    }
}
