// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Status} from "../interfaces/Types.sol";

/// @title The one main storage word of a channel
/// @notice Bits 254..255 are a tag: 0 open, 1 closing, 2 settled, 3 closed. While open: bits 0..125 deposit of party 0,
/// bits 126..251 deposit of party 1, bit 252 "something was withdrawn" (so that a channel which never withdrew need not
/// read its second word). While closing or settled: the low 254 bits of the hash of the record. Zero: never funded.
library ChannelWord {
    uint256 internal constant DEPOSIT_BITS = 126;
    uint256 internal constant DEPOSIT_MAX = (1 << DEPOSIT_BITS) - 1;
    uint256 internal constant WITHDRAWN_FLAG = 1 << 252;

    uint256 private constant TAG_SHIFT = 254;
    uint256 private constant COMMITMENT_MASK = (1 << TAG_SHIFT) - 1;
    uint256 private constant CLOSING = 1 << TAG_SHIFT;
    uint256 private constant SETTLED = 2 << TAG_SHIFT;
    uint256 internal constant CLOSED = 3 << TAG_SHIFT;

    function status(uint256 word) internal pure returns (Status) {
        if (word == 0) return Status.None;
        unchecked {
            // The tags stand in the order of the enum, from Open on.
            return Status((word >> TAG_SHIFT) + 1);
        }
    }

    function deposits(uint256 word) internal pure returns (uint256 deposit0, uint256 deposit1) {
        deposit0 = word & DEPOSIT_MAX;
        deposit1 = (word >> DEPOSIT_BITS) & DEPOSIT_MAX;
    }

    /// @dev Both deposits must be at most DEPOSIT_MAX.
    function open(uint256 deposit0, uint256 deposit1, uint256 flag) internal pure returns (uint256) {
        return deposit0 | (deposit1 << DEPOSIT_BITS) | flag;
    }

    function closing(bytes32 recordHash) internal pure returns (uint256) {
        return CLOSING | (uint256(recordHash) & COMMITMENT_MASK);
    }

    function settled(bytes32 recordHash) internal pure returns (uint256) {
        return SETTLED | (uint256(recordHash) & COMMITMENT_MASK);
    }

    /// @notice The committed bits of the record's hash; zero unless closing or settled.
    function commitment(uint256 word) internal pure returns (bytes32) {
        uint256 tag = word >> TAG_SHIFT;
        return tag == 1 || tag == 2 ? bytes32(word & COMMITMENT_MASK) : bytes32(0);
    }
}
