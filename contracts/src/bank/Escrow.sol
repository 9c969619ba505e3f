// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ChannelParams, Signature} from "../interfaces/Types.sol";
import {IVirtualBank} from "../interfaces/IVirtualBank.sol";
import {ChannelWord} from "../libraries/ChannelWord.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {Channels} from "./Channels.sol";
import {Payouts} from "./Payouts.sol";

/// @title Deposits, withdrawals in place, and closing in agreement
abstract contract Escrow is Channels, Payouts {
    /// @inheritdoc IVirtualBank
    uint32 public constant MIN_LOCK_PERIOD = 10 minutes;

    /// @inheritdoc IVirtualBank
    uint32 public constant MAX_LOCK_PERIOD = 90 days;

    /// @dev Digests of joint fundings that were executed: each works once.
    mapping(bytes32 digest => bool) private _usedAuthorisations;

    /// @inheritdoc IVirtualBank
    function fund(ChannelParams calldata params, uint8 party, uint128 amount)
        external
        payable
        nonReentrant
        returns (bytes32 channelId)
    {
        _requireParty(party);
        if (amount == 0) revert ZeroAmount();
        channelId = channelIdOf(params);
        if (party == 0) _credit(channelId, params, amount, 0);
        else _credit(channelId, params, 0, amount);
        emit Funded(channelId, party, amount, params);
        _collect(params.token, amount);
    }

    /// @inheritdoc IVirtualBank
    function fundJointly(
        ChannelParams calldata params,
        uint8 party,
        uint128[2] calldata amounts,
        uint64 validUntil,
        bytes calldata authorisation
    ) external nonReentrant returns (bytes32 channelId) {
        _requireParty(party);
        _requireInTime("validUntil", validUntil);
        address token = params.token;
        if (token == NATIVE) revert JointFundingNeedsToken();
        if (msg.sender != params.owner[party]) revert SenderIsNotOwner(msg.sender, params.owner[party]);
        if (amounts[0] == 0 || amounts[1] == 0) revert ZeroAmount();

        channelId = channelIdOf(params);
        address other = params.owner[1 - party];
        bytes32 digest = _hashTypedDataV4(TypedData.jointFunding(channelId, amounts, msg.sender, validUntil));
        if (_usedAuthorisations[digest]) revert AuthorisationUsed(digest);
        _usedAuthorisations[digest] = true;
        _credit(channelId, params, amounts[0], amounts[1]);
        emit Funded(channelId, 0, amounts[0], params);
        emit Funded(channelId, 1, amounts[1], params);

        if (!_authorised(other, digest, authorisation)) revert AuthorisationRefused(other);
        uint256 balance = _balanceOf(token);
        _pull(token, params.owner[0], amounts[0]);
        _pull(token, params.owner[1], amounts[1]);
        _requireReceived(token, balance, uint256(amounts[0]) + amounts[1]);
    }

    /// @inheritdoc IVirtualBank
    function withdraw(
        ChannelParams calldata params,
        uint8 party,
        uint128 total,
        uint64 validUntil,
        Signature[2] calldata signatures
    ) external nonReentrant {
        _requireParty(party);
        _requireInTime("validUntil", validUntil);
        bytes32 channelId = channelIdOf(params);
        (,, uint256 held) = _balances(channelId);
        uint256 amount = _recordWithdrawal(channelId, party, total);
        if (amount > held) revert MoreThanHeld(amount, held);
        _requireBothSigned(params, TypedData.withdrawal(channelId, party, total, validUntil), signatures);
        emit Withdrawn(channelId, party, total);
        _pay(params.token, params.owner[party], amount);
    }

    /// @inheritdoc IVirtualBank
    function closeTogether(
        ChannelParams calldata params,
        int256 delta,
        uint64 validUntil,
        Signature[2] calldata signatures
    ) external nonReentrant {
        _requireInTime("validUntil", validUntil);
        bytes32 channelId = channelIdOf(params);
        (int256 base0,, uint256 held) = _balances(channelId);
        uint256 paid0;
        unchecked {
            // |base0| and held are below 2^126, so the bounds cannot overflow, nor a delta within them.
            int256 maximum = int256(held) - base0;
            if (delta < -base0 || delta > maximum) revert DeltaOutOfRange(delta, -base0, maximum);
            paid0 = uint256(base0 + delta);
        }
        _requireBothSigned(params, TypedData.closeTogether(channelId, delta, validUntil), signatures);
        _words[channelId] = ChannelWord.CLOSED;
        emit ClosedTogether(channelId, uint128(paid0), uint128(held - paid0));
        _pay(params.token, params.owner[0], paid0);
        _pay(params.token, params.owner[1], held - paid0);
    }

    function _credit(bytes32 channelId, ChannelParams calldata params, uint256 amount0, uint256 amount1) private {
        uint256 word = _words[channelId];
        if (word == 0) _requireParams(params);
        else _requireOpen(channelId, word);
        (uint256 deposit0, uint256 deposit1) = ChannelWord.deposits(word);
        unchecked {
            // Each addend is below 2^128.
            deposit0 += amount0;
            deposit1 += amount1;
            if (deposit0 + deposit1 > ChannelWord.DEPOSIT_MAX) {
                revert DepositTooLarge(deposit0 + deposit1, ChannelWord.DEPOSIT_MAX);
            }
        }
        _words[channelId] = ChannelWord.open(deposit0, deposit1, word & ChannelWord.WITHDRAWN_FLAG);
    }

    /// @dev The id commits to the params, so this is needed only at the first funding.
    function _requireParams(ChannelParams calldata params) private pure {
        if (params.owner[0] == address(0)) revert ZeroAddress("owner[0]");
        if (params.owner[1] == address(0)) revert ZeroAddress("owner[1]");
        if (params.signer[0] == address(0)) revert ZeroAddress("signer[0]");
        if (params.signer[1] == address(0)) revert ZeroAddress("signer[1]");
        if (params.signer[0] == params.signer[1]) revert EqualSigners(params.signer[0]);
        if (params.lockPeriod < MIN_LOCK_PERIOD || params.lockPeriod > MAX_LOCK_PERIOD) {
            revert LockPeriodOutOfRange(params.lockPeriod, MIN_LOCK_PERIOD, MAX_LOCK_PERIOD);
        }
    }

    /// @dev An account with code may still have its key (EIP-7702), so both ways are tried.
    function _authorised(address owner, bytes32 digest, bytes calldata authorisation) private view returns (bool) {
        (address recovered,,) = ECDSA.tryRecoverCalldata(digest, authorisation);
        // Owners are never zero, so a malformed signature (recovered zero) is nobody's.
        if (recovered == owner) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(owner, digest, authorisation);
    }

    function _recordWithdrawal(bytes32 channelId, uint8 party, uint128 total) private returns (uint256) {
        uint256 withdrawn = _withdrawn[channelId];
        if (withdrawn == 0) _words[channelId] |= ChannelWord.WITHDRAWN_FLAG;
        uint256 shift = uint256(party) * 128;
        uint128 present = uint128(withdrawn >> shift);
        if (total <= present) revert WithdrawalNotAbove(total, present);
        unchecked {
            _withdrawn[channelId] = withdrawn + (uint256(total - present) << shift);
            return total - present;
        }
    }

    function _requireBothSigned(ChannelParams calldata params, bytes32 structHash, Signature[2] calldata signatures)
        private
        view
    {
        _requireSignature("signatures[0]", structHash, signatures[0], params.signer[0]);
        _requireSignature("signatures[1]", structHash, signatures[1], params.signer[1]);
    }
}
