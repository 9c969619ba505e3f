// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Status} from "./Types.sol";

/// Every refusal of the bank. A refusal changes nothing. Each says what was wrong and what to do about it.
interface IVirtualBankErrors {
    // What the caller sent is malformed.

    /// @notice `party` must be 0 or 1: the index into `owner` and `signer`.
    error PartyOutOfRange(uint8 party);

    /// @notice `direction` must be 0 (party 0 pays party 1) or 1 (the other way).
    error DirectionOutOfRange(uint8 direction);

    /// @notice An amount of zero is refused; leave the call out, or name the amount.
    error ZeroAmount();

    /// @notice `field` is the zero address (or, for the registry, has no code); name a real one.
    error ZeroAddress(bytes32 field);

    /// @notice Both parties have the same signer, so every promise would be its own acknowledgement; use two keys.
    error EqualSigners(address signer);

    /// @notice `lockPeriod` (seconds) must lie within these bounds, both included.
    error LockPeriodOutOfRange(uint32 lockPeriod, uint32 minimum, uint32 maximum);

    /// @notice `field` must be all zero here: nonce 0 means "no line", and a content is opened only in a blind close.
    error MustBeZero(bytes32 field);

    // The channel is not where the call needs it.

    /// @notice The channel is `actual`, the call needs `needed`. A closed id never opens again: use another salt.
    error WrongStatus(bytes32 channelId, Status needed, Status actual);

    /// @notice The record passed is not the one committed to; take it from the newest `Closed`, `Updated` or
    /// `Settled` event of the channel, changed as the `LocksClaimed` and `LocksReleased` events since then say.
    error WrongRecord(bytes32 channelId);

    /// @notice `update` and `challenge` are possible only before `endsAt` (unix seconds); now call `settle`.
    error PeriodOver(uint64 endsAt);

    /// @notice `settle` is possible from `endsAt` (unix seconds) on; wait.
    error PeriodRunning(uint64 endsAt);

    /// @notice `releaseLocks` is possible strictly after `releaseAfter` (unix seconds); wait.
    error ClaimWindowOpen(uint64 releaseAfter);

    // Who may.

    /// @notice Only `owner[party]` may send this; send it from that account.
    error SenderIsNotOwner(address sender, address owner);

    /// @notice Only the party's owner or signer may close for it; others use `closeFor` or `closeBlindFor`.
    error SenderIsNotParty(address sender, uint8 party);

    /// @notice What was signed was good until `validUntil` (unix seconds, that second included); get a new signature.
    error Expired(bytes32 field, uint64 validUntil);

    /// @notice `field` was not signed by `expected`: the signature is malformed, has a high s, or recovers to another
    /// address (`recovered`, zero when malformed). Sign exactly the EIP-712 message of docs/spec/encoding.md.
    error WrongSignature(bytes32 field, address expected, address recovered);

    /// @notice Neither an ECDSA signature of `owner` nor accepted by it under ERC-1271.
    error AuthorisationRefused(address owner);

    /// @notice This authorisation was used already; ask the other owner for one with another `validUntil`.
    error AuthorisationUsed(bytes32 digest);

    /// @notice The payer's own signer cannot be the delegate that acknowledges its lines.
    error DelegateIsPayer(address key);

    /// @notice Only the bank itself calls this.
    error OnlySelf();

    // Money.

    /// @notice Deposits of a channel together must stay below 2^126 base units; fund less.
    error DepositTooLarge(uint256 deposits, uint256 maximum);

    /// @notice The native coin sent with the call must be exactly `expected` (zero for an ERC-20 channel).
    error WrongNativeValue(uint256 sent, uint256 expected);

    /// @notice Joint funding moves tokens of both owners, which the native coin cannot; each calls `fund`.
    error JointFundingNeedsToken();

    /// @notice The address is not a token: `balanceOf` gave no answer.
    error NotAToken(address token);

    /// @notice `transferFrom` failed; check balance and allowance for the bank.
    error TransferFromFailed(address token, address from, uint256 amount);

    /// @notice The bank received another amount than stated. Tokens that take a fee on transfer are not supported.
    error WrongAmountReceived(address token, uint256 expected, uint256 received);

    /// @notice A withdrawal total is cumulative and must be above the present one.
    error WithdrawalNotAbove(uint128 total, uint128 present);

    /// @notice The withdrawal is more than the channel holds.
    error MoreThanHeld(uint256 amount, uint256 held);

    /// @notice The payout of party 0 would lie outside 0..held; `delta` must lie within these bounds, both included.
    error DeltaOutOfRange(int256 delta, int256 minimum, int256 maximum);

    /// @notice Not enough gas was left to give a payout its full allowance of `needed`, so its failure proves nothing;
    /// send the transaction again with a higher gas limit.
    error GasTooLow(uint256 needed);

    /// @notice The sender has no claimable balance in this token.
    error NothingClaimable(address owner, address token);

    /// @notice The token or receiver refused the payout; take it to another address.
    error PayoutRefused(address token, address to, uint256 amount);

    // Lines, evidence and locks.

    /// @notice The opened content does not hash to the content hash of its line.
    error WrongContent(bytes32 field, bytes32 expected);

    /// @notice An update must be above the newest line shown so far.
    error NonceNotAbove(uint64 nonce, uint64 newest);

    /// @notice The evidence does not contradict what was stated: an acknowledgement must be of a later line than the
    /// one stated (or of other content at it), a promise must name an `acked` above the nonce stated.
    error NoContradiction();

    /// @notice A blind close states nothing, so nothing contradicts it; show newer lines with `update`.
    error BlindCloseCannotBeChallenged();

    /// @notice Nothing is locked in this direction (any more).
    error NothingLocked(uint8 direction);

    /// @notice There must be as many paths as locks, and at least one.
    error WrongNumberOfPaths(uint256 locks, uint256 paths);

    /// @notice Slots are 0 to 511.
    error SlotOutOfRange(uint256 index, uint16 slot);

    /// @notice The lock in this slot was claimed already; leave it out.
    error SlotClaimed(uint256 index, uint16 slot);

    /// @notice The lock and its path do not lead to the locks root of the final line; check both, and the direction.
    error LockNotInTree(uint256 index, uint16 slot);

    /// @notice The registry does not say that the condition was met by `expiry`; `resolvedAt` is zero when it was never
    /// met. Leave the lock out, or have the condition resolved before its expiry.
    error NotMetInTime(uint256 index, bytes32 condition, uint64 resolvedAt, uint64 expiry);
}
