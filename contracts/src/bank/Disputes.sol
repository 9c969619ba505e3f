// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {
    ChannelParams,
    Closing,
    Content,
    Evidence,
    Settlement,
    Signature,
    Statement,
    Update
} from "../interfaces/Types.sol";
import {IVirtualBank} from "../interfaces/IVirtualBank.sol";
import {ChannelWord} from "../libraries/ChannelWord.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {Channels} from "./Channels.sol";
import {Payouts} from "./Payouts.sol";

/// @title Closing alone, updating, challenging and settling
/// @notice In the comments d is the party that closes and p its peer; out is d's own direction, in the peer's.
abstract contract Disputes is Channels, Payouts {
    /// @inheritdoc IVirtualBank
    uint64 public constant MAX_LOCK = 30 days;

    /// @inheritdoc IVirtualBank
    uint64 public constant BLIND_FACTOR = 4;

    /// @inheritdoc IVirtualBank
    function close(ChannelParams calldata params, uint8 party, Statement calldata statement) external nonReentrant {
        _requireSentBy(params, party);
        _close(
            params,
            party,
            statement,
            _lineHash("outContent", statement.outNonce, statement.outContent),
            _lineHash("inContent", statement.inNonce, statement.inContent),
            channelIdOf(params)
        );
    }

    /// @inheritdoc IVirtualBank
    function closeFor(
        ChannelParams calldata params,
        uint8 party,
        Statement calldata statement,
        uint64 validUntil,
        Signature calldata signature
    ) external nonReentrant {
        _requireParty(party);
        _requireInTime("validUntil", validUntil);
        bytes32 channelId = channelIdOf(params);
        bytes32 outHash = _lineHash("outContent", statement.outNonce, statement.outContent);
        bytes32 inHash = _lineHash("inContent", statement.inNonce, statement.inContent);
        bytes32 structHash = TypedData.closeStatement(
            channelId,
            party,
            statement.outNonce,
            statement.outAcked,
            outHash,
            statement.inNonce,
            statement.inAcked,
            inHash,
            validUntil
        );
        _requireSignature("signature", structHash, signature, params.signer[party]);
        _close(params, party, statement, outHash, inHash, channelId);
    }

    /// @inheritdoc IVirtualBank
    function closeBlind(ChannelParams calldata params, uint8 party) external nonReentrant {
        _requireSentBy(params, party);
        _closeBlind(params, party, channelIdOf(params));
    }

    /// @inheritdoc IVirtualBank
    function closeBlindFor(ChannelParams calldata params, uint8 party, uint64 validUntil, Signature calldata signature)
        external
        nonReentrant
    {
        _requireParty(party);
        _requireInTime("validUntil", validUntil);
        bytes32 channelId = channelIdOf(params);
        _requireSignature(
            "signature", TypedData.blindStatement(channelId, party, validUntil), signature, params.signer[party]
        );
        _closeBlind(params, party, channelId);
    }

    /// @inheritdoc IVirtualBank
    function update(ChannelParams calldata params, Closing calldata closing, Update calldata update_)
        external
        nonReentrant
    {
        bytes32 channelId = channelIdOf(params);
        _requireClosing(channelId, closing);
        if (block.timestamp >= closing.endsAt) revert PeriodOver(closing.endsAt);
        uint64 nonce = update_.line.nonce;
        if (nonce <= closing.outNonce) revert NonceNotAbove(nonce, closing.outNonce);
        bytes32 hash = update_.line.contentHash;
        if (!closing.blind) _requireZero("content", update_.content);
        else if (TypedData.contentHash(update_.content) != hash) revert WrongContent("content", hash);

        uint8 d = closing.party;
        bytes32 structHash = TypedData.balanceProof(channelId, d, nonce, update_.line.acked, hash);
        _requireSignature("payerPromise", structHash, update_.payerPromise, params.signer[d]);
        _requireSignature("ack", structHash, update_.ack, _ackSigner(params, channelId, d, update_));

        Closing memory next = closing;
        next.outNonce = nonce;
        next.outHash = hash;
        _words[channelId] = ChannelWord.closing(keccak256(abi.encode(next)));
        emit Updated(channelId, next, update_.content);
    }

    /// @inheritdoc IVirtualBank
    function challenge(ChannelParams calldata params, Closing calldata closing, Evidence calldata evidence)
        external
        nonReentrant
    {
        bytes32 channelId = channelIdOf(params);
        _requireClosing(channelId, closing);
        if (closing.blind) revert BlindCloseCannotBeChallenged();
        if (block.timestamp >= closing.endsAt) revert PeriodOver(closing.endsAt);
        uint8 d = closing.party;
        if (!_contradicts(closing, evidence)) revert NoContradiction();
        bytes32 structHash =
            TypedData.balanceProof(channelId, evidence.direction, evidence.nonce, evidence.acked, evidence.contentHash);
        // Its promise where it pays, its acknowledgement where it receives: always d's own signer, never a delegate.
        _requireSignature("evidence.signature", structHash, evidence.signature, params.signer[d]);
        _words[channelId] = ChannelWord.CLOSED;
        emit Challenged(channelId, d, closing.held);
        _pay(params.token, params.owner[1 - d], closing.held);
    }

    /// @inheritdoc IVirtualBank
    function settle(ChannelParams calldata params, Closing calldata closing, Content[2] calldata contents)
        external
        nonReentrant
    {
        bytes32 channelId = channelIdOf(params);
        _requireClosing(channelId, closing);
        if (block.timestamp < closing.endsAt) revert PeriodRunning(closing.endsAt);
        uint8 d = closing.party;
        _requireContent(d, closing.outNonce, closing.outHash, contents);
        _requireContent(1 - d, closing.inNonce, closing.inHash, contents);

        Settlement memory settlement;
        (uint256 paid0, uint256 paid1) = _settlement(settlement, closing, contents);
        settlement.releaseAfter[0] = _releaseAfter(closing.endsAt, contents[0].lockedUntil, params.lockPeriod);
        settlement.releaseAfter[1] = _releaseAfter(closing.endsAt, contents[1].lockedUntil, params.lockPeriod);
        _commitSettled(channelId, settlement.held, keccak256(abi.encode(settlement)));
        emit Settled(channelId, uint128(paid0), uint128(paid1), settlement);
        _pay(params.token, params.owner[0], paid0);
        _pay(params.token, params.owner[1], paid1);
    }

    function _requireSentBy(ChannelParams calldata params, uint8 party) private view {
        _requireParty(party);
        if (msg.sender != params.owner[party] && msg.sender != params.signer[party]) {
            revert SenderIsNotParty(msg.sender, party);
        }
    }

    function _close(
        ChannelParams calldata params,
        uint8 d,
        Statement calldata statement,
        bytes32 outHash,
        bytes32 inHash,
        bytes32 channelId
    ) private {
        Closing memory closing = _newClosing(channelId, d, false, params.lockPeriod);
        closing.statedOut = statement.outNonce;
        closing.outNonce = statement.outNonce;
        closing.outHash = outHash;
        closing.inNonce = statement.inNonce;
        closing.inHash = inHash;
        _requireLine(
            "outAck",
            channelId,
            d,
            statement.outNonce,
            statement.outAcked,
            outHash,
            statement.outAck,
            params.signer[1 - d]
        );
        _requireLine(
            "inPromise",
            channelId,
            1 - d,
            statement.inNonce,
            statement.inAcked,
            inHash,
            statement.inPromise,
            params.signer[1 - d]
        );

        int256 due = _net(closing.base[1 - d], statement.outContent, statement.inContent);
        uint256 paid = _payable(due, closing.held);
        closing.paidToPeer = uint128(paid);
        closing.held -= uint128(paid);
        _words[channelId] = ChannelWord.closing(keccak256(abi.encode(closing)));
        emit Closed(channelId, closing, statement.outContent, statement.inContent);
        _pay(params.token, params.owner[1 - d], paid);
    }

    function _closeBlind(ChannelParams calldata params, uint8 d, bytes32 channelId) private {
        Closing memory closing = _newClosing(channelId, d, true, params.lockPeriod * BLIND_FACTOR);
        _words[channelId] = ChannelWord.closing(keccak256(abi.encode(closing)));
        Content memory none;
        emit Closed(channelId, closing, none, none);
    }

    function _newClosing(bytes32 channelId, uint8 d, bool blind, uint64 period)
        private
        view
        returns (Closing memory closing)
    {
        (int256 base0, int256 base1, uint256 held) = _balances(channelId);
        closing.party = d;
        closing.blind = blind;
        closing.closedAt = uint64(block.timestamp);
        closing.endsAt = uint64(block.timestamp) + period;
        closing.base[0] = base0;
        closing.base[1] = base1;
        closing.held = uint128(held);
    }

    /// @dev Nonce 0 is "no line": nothing else may be said of it, and there is no signature to check.
    function _requireLine(
        bytes32 field,
        bytes32 channelId,
        uint8 direction,
        uint64 nonce,
        uint64 acked,
        bytes32 hash,
        Signature calldata signature,
        address signer
    ) private view {
        if (nonce == 0) {
            if (acked != 0 || signature.r != 0 || signature.vs != 0) revert MustBeZero(field);
            return;
        }
        _requireSignature(field, TypedData.balanceProof(channelId, direction, nonce, acked, hash), signature, signer);
    }

    function _lineHash(bytes32 field, uint64 nonce, Content calldata content) private pure returns (bytes32) {
        if (nonce != 0) return TypedData.contentHash(content);
        _requireZero(field, content);
        return 0;
    }

    function _requireZero(bytes32 field, Content calldata content) private pure {
        if (
            content.sent != 0 || content.locked != 0 || content.lockedUntil != 0 || content.locksRoot != 0
                || content.memoRoot != 0
        ) revert MustBeZero(field);
    }

    function _requireContent(uint8 direction, uint64 nonce, bytes32 expected, Content[2] calldata contents)
        private
        pure
    {
        bytes32 field = direction == 0 ? bytes32("contents[0]") : bytes32("contents[1]");
        if (_lineHash(field, nonce, contents[direction]) != expected) revert WrongContent(field, expected);
    }

    /// @dev Who had to acknowledge: the receiver's signer, or the delegate that it named in writing.
    function _ackSigner(ChannelParams calldata params, bytes32 channelId, uint8 d, Update calldata update_)
        private
        view
        returns (address)
    {
        address key = update_.delegation.key;
        address receiver = params.signer[1 - d];
        if (key == address(0)) return receiver;
        if (key == params.signer[d]) revert DelegateIsPayer(key);
        uint64 validUntil = update_.delegation.validUntil;
        _requireInTime("delegation.validUntil", validUntil);
        _requireSignature(
            "delegation.signature",
            TypedData.ackDelegate(channelId, d, key, validUntil),
            update_.delegation.signature,
            receiver
        );
        return key;
    }

    /// @dev d knew a later line than it stated. Out: its promise says that it held an acknowledgement above the nonce
    /// stated. In: it acknowledged a later line than the one shown, or another content at the same nonce.
    function _contradicts(Closing calldata closing, Evidence calldata evidence) private pure returns (bool) {
        if (evidence.direction > 1) revert DirectionOutOfRange(evidence.direction);
        if (evidence.nonce == 0) return false;
        if (evidence.direction == closing.party) return evidence.acked > closing.statedOut;
        return evidence.nonce > closing.inNonce
            || (evidence.nonce == closing.inNonce && evidence.contentHash != closing.inHash);
    }

    /// @dev base + what the other side paid it - what it paid - what it has locked. No overflow: each term is below
    /// 2^128. Clamped only when paid, so that a negative balance is not forgotten.
    function _net(int256 base, Content calldata toIt, Content calldata fromIt) private pure returns (int256) {
        unchecked {
            return base + int256(uint256(toIt.sent)) - int256(uint256(fromIt.sent)) - int256(uint256(fromIt.locked));
        }
    }

    /// @dev Fills what the final lines say, and returns what each party is paid now.
    function _settlement(Settlement memory settlement, Closing calldata closing, Content[2] calldata contents)
        private
        pure
        returns (uint256 paid0, uint256 paid1)
    {
        int256 due0 = _net(closing.base[0], contents[1], contents[0]);
        int256 due1 = _net(closing.base[1], contents[0], contents[1]);
        uint256 held = closing.held;
        unchecked {
            if (closing.party == 0) due1 -= int256(uint256(closing.paidToPeer));
            else due0 -= int256(uint256(closing.paidToPeer));
            paid0 = _payable(due0, held);
            // Dues that are both positive never exceed held together; that no more is paid must not rest on this alone.
            paid1 = _payable(due1, held - paid0);
            settlement.owed[0] = due0 - int256(paid0);
            settlement.owed[1] = due1 - int256(paid1);
            settlement.held = uint128(held - paid0 - paid1);
        }
        settlement.locked[0] = contents[0].locked;
        settlement.locked[1] = contents[1].locked;
        settlement.locksRoot[0] = contents[0].locksRoot;
        settlement.locksRoot[1] = contents[1].locksRoot;
    }

    /// @dev max(end, min(lockedUntil, end + MAX_LOCK)) + lockPeriod; `end` contains the period in force (fourfold in a
    /// blind close), the added one is the plain lock period.
    function _releaseAfter(uint64 endsAt, uint64 lockedUntil, uint32 lockPeriod) private pure returns (uint64) {
        unchecked {
            uint64 latest = lockedUntil < endsAt + MAX_LOCK ? lockedUntil : endsAt + MAX_LOCK;
            return (latest > endsAt ? latest : endsAt) + lockPeriod;
        }
    }
}
