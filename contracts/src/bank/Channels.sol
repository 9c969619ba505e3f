// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ChannelParams, Closing, Signature, Status} from "../interfaces/Types.sol";
import {IVirtualBank} from "../interfaces/IVirtualBank.sol";
import {ChannelWord} from "../libraries/ChannelWord.sol";
import {TypedData} from "../libraries/TypedData.sol";

/// @title What every part of the bank needs of a channel: its word, its id, its signers' signatures
abstract contract Channels is IVirtualBank, EIP712 {
    /// @dev One word a channel (see ChannelWord).
    mapping(bytes32 channelId => uint256) internal _words;

    /// @dev Cumulative withdrawals, party 0 in the low half; written by `withdraw` alone.
    mapping(bytes32 channelId => uint256) internal _withdrawn;

    constructor() EIP712("Tallystick", "1") {}

    /// @inheritdoc IVirtualBank
    function channelIdOf(ChannelParams calldata params) public view returns (bytes32) {
        return TypedData.channelId(address(this), params);
    }

    /// @inheritdoc IVirtualBank
    function statusOf(bytes32 channelId) external view returns (Status) {
        return ChannelWord.status(_words[channelId]);
    }

    /// @inheritdoc IVirtualBank
    function depositsOf(bytes32 channelId) external view returns (uint128[2] memory deposits) {
        uint256 word = _words[channelId];
        if (ChannelWord.status(word) != Status.Open) return deposits;
        (uint256 deposit0, uint256 deposit1) = ChannelWord.deposits(word);
        deposits = [uint128(deposit0), uint128(deposit1)];
    }

    /// @inheritdoc IVirtualBank
    function withdrawnOf(bytes32 channelId) external view returns (uint128[2] memory) {
        uint256 withdrawn = _withdrawn[channelId];
        return [uint128(withdrawn), uint128(withdrawn >> 128)];
    }

    /// @inheritdoc IVirtualBank
    function commitmentOf(bytes32 channelId) external view returns (bytes32) {
        return ChannelWord.commitment(_words[channelId]);
    }

    /// @dev Deposits less withdrawals of each party (negative where one withdrew more than its own), and what the
    /// channel holds; reverts unless open.
    function _balances(bytes32 channelId) internal view returns (int256 base0, int256 base1, uint256 held) {
        uint256 word = _words[channelId];
        _requireOpen(channelId, word);
        (uint256 deposit0, uint256 deposit1) = ChannelWord.deposits(word);
        unchecked {
            // Deposits together are below 2^126 and withdrawals together never above them.
            base0 = int256(deposit0);
            base1 = int256(deposit1);
            if (word & ChannelWord.WITHDRAWN_FLAG != 0) {
                uint256 withdrawn = _withdrawn[channelId];
                base0 -= int256(uint256(uint128(withdrawn)));
                base1 -= int256(withdrawn >> 128);
            }
            held = uint256(base0 + base1);
        }
    }

    function _requireOpen(bytes32 channelId, uint256 word) internal pure {
        Status status = ChannelWord.status(word);
        if (status != Status.Open) revert WrongStatus(channelId, Status.Open, status);
    }

    /// @dev The record is the one committed to, and the channel in the status that commits to such records.
    function _requireClosing(bytes32 channelId, Closing calldata closing) internal view {
        uint256 word = _words[channelId];
        Status status = ChannelWord.status(word);
        if (status != Status.Closing) revert WrongStatus(channelId, Status.Closing, status);
        if (word != ChannelWord.closing(TypedData.closingHash(closing))) revert WrongRecord(channelId);
    }

    function _requireSettled(bytes32 channelId, bytes32 settlementHash) internal view {
        uint256 word = _words[channelId];
        Status status = ChannelWord.status(word);
        if (status != Status.Settled) revert WrongStatus(channelId, Status.Settled, status);
        if (word != ChannelWord.settled(settlementHash)) revert WrongRecord(channelId);
    }

    /// @dev With nothing held there is nothing left to claim or release, whatever is still locked.
    function _commitSettled(bytes32 channelId, uint256 held, bytes32 settlementHash) internal {
        _words[channelId] = held == 0 ? ChannelWord.CLOSED : ChannelWord.settled(settlementHash);
    }

    /// @param field Which signature of the call, for the error.
    function _requireSignature(bytes32 field, bytes32 structHash, Signature calldata signature, address expected)
        internal
        view
    {
        (address recovered,,) = ECDSA.tryRecover(_hashTypedDataV4(structHash), signature.r, signature.vs);
        // Signers are never zero, so a malformed signature (recovered zero) is refused too.
        if (recovered != expected) revert WrongSignature(field, expected, recovered);
    }

    function _requireInTime(bytes32 field, uint64 validUntil) internal view {
        if (block.timestamp > validUntil) revert Expired(field, validUntil);
    }

    function _requireParty(uint8 party) internal pure {
        if (party > 1) revert PartyOutOfRange(party);
    }

    /// @dev clamp(due, 0, held)
    function _payable(int256 due, uint256 held) internal pure returns (uint256) {
        if (due <= 0) return 0;
        return uint256(due) < held ? uint256(due) : held;
    }
}
