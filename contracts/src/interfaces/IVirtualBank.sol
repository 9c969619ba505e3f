// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IConditionRegistry} from "./IConditionRegistry.sol";
import {IVirtualBankErrors} from "./IVirtualBankErrors.sol";
import {
    ChannelParams,
    Closing,
    Content,
    Evidence,
    Lock,
    Settlement,
    Signature,
    Statement,
    Status,
    Update
} from "./Types.sol";

/// @title The virtual bank: escrow and court for two-party channels
/// @notice Holds the deposits of channels, compares signatures, and takes everything from whoever denies a line it
/// provably knew. It has no owner, admin key, upgrade or pause. Source: docs/spec/bank.md; seed 001 (virtual bank),
/// seed 000 section 3 (the main net as a court).
/// Amounts are base units of the channel's token, times unix seconds. Each refusal is a custom error of
/// IVirtualBankErrors, which names the field and the remedy, and changes nothing. `party` is 0 or 1, `direction` 0 where
/// party 0 pays party 1 and 1 the other way.
interface IVirtualBank is IVirtualBankErrors {
    /// @notice `amount` is what was added; `params` open the id for whoever sees it first.
    event Funded(bytes32 indexed channelId, uint8 party, uint128 amount, ChannelParams params);
    /// @notice `total` is cumulative.
    event Withdrawn(bytes32 indexed channelId, uint8 party, uint128 total);
    event ClosedTogether(bytes32 indexed channelId, uint128 paid0, uint128 paid1);

    /// @notice `closing` is the record to pass to `update`, `challenge` or `settle`.
    event Closed(bytes32 indexed channelId, Closing closing, Content outContent, Content inContent);

    /// @notice `closing` replaces the former record; `content` is opened only in a blind close.
    event Updated(bytes32 indexed channelId, Closing closing, Content content);

    /// @notice `party` closed and lied; `forfeited` went to the other.
    event Challenged(bytes32 indexed channelId, uint8 party, uint128 forfeited);

    /// @notice `settlement` is the record to pass to `claimLocks` or `releaseLocks`; with nothing held the channel is
    /// closed and there is no more to pass.
    event Settled(bytes32 indexed channelId, uint128 paid0, uint128 paid1, Settlement settlement);

    /// @notice The next record follows from the former one: `locked[direction]` less `amount`, `owed[1 - direction]` more
    /// by `amount - paid`, `held` less `paid`, and `claimed[direction] = claimed`.
    event LocksClaimed(bytes32 indexed channelId, uint8 direction, uint128 amount, uint128 paid, uint256[2] claimed);

    /// @notice The next record follows from the former one: `locked[direction]` less `amount` (so zero),
    /// `owed[direction]` more by `amount - paid`, `held` less `paid`.
    event LocksReleased(bytes32 indexed channelId, uint8 direction, uint128 amount, uint128 paid);

    /// @notice The payout became a claimable balance of `owner`.
    event PayoutFailed(address indexed owner, address indexed token, uint256 amount);
    event ClaimableTaken(address indexed owner, address indexed token, address to, uint256 amount);

    /// @notice Deposits for `party`; creates the channel, or tops it up without interruption. Anyone may pay (BK-10, BK-11).
    /// @param amount Taken from the sender: exactly the native coin sent along, or tokens that it allowed the bank.
    /// @dev Both deposits together stay below 2^126. Tokens that take a fee on transfer are refused; those that rebase
    /// are not supported.
    function fund(ChannelParams calldata params, uint8 party, uint128 amount)
        external
        payable
        returns (bytes32 channelId);

    /// @notice Both deposits in one transaction (ERC-20 only): the sender is `owner[party]`, the other owner authorised
    /// exactly this by EIP-712 `JointFunding` (an EOA signature or ERC-1271), once, until `validUntil` (BK-12, BK-13).
    /// @param party Of the sender.
    /// @param amounts By party, both above zero; each is taken from its own owner, which allowed the bank that much.
    function fundJointly(
        ChannelParams calldata params,
        uint8 party,
        uint128[2] calldata amounts,
        uint64 validUntil,
        bytes calldata authorisation
    ) external returns (bytes32 channelId);

    /// @notice Partial withdrawal in place; both signers agreed by EIP-712 `Withdrawal` (BK-30). Anyone may send it.
    /// @param total Cumulative for `party`: what is above the present total is paid to its owner. It may exceed the
    /// party's own deposit, never what the channel holds.
    /// @param signatures By party.
    function withdraw(
        ChannelParams calldata params,
        uint8 party,
        uint128 total,
        uint64 validUntil,
        Signature[2] calldata signatures
    ) external;

    /// @notice Closes at once; both signers agreed by EIP-712 `CloseTogether` (BK-31). Anyone may send it.
    /// @param delta Party 0 gets `deposit[0] - withdrawn[0] + delta`, party 1 the rest, so that neither withdrawals nor
    /// top-ups made after signing shift it. A result outside 0..held is refused, not clamped.
    /// @param signatures By party.
    function closeTogether(
        ChannelParams calldata params,
        int256 delta,
        uint64 validUntil,
        Signature[2] calldata signatures
    ) external;

    /// @notice Unilateral close by owner or signer of `party`; pays the other side at once, freezes the closer's share for
    /// the lock period (BK-40 to BK-43).
    /// @param statement The newest agreed line of the closer's own direction, with the peer's acknowledgement, and the newest
    /// line of the peer's that it accepted, with the peer's promise. Stating less than it provably knew costs the closer
    /// everything (`challenge`).
    function close(ChannelParams calldata params, uint8 party, Statement calldata statement) external;

    /// @notice `close` by anyone, with the signature of the party's signer over the whole statement (EIP-712
    /// `CloseStatement`), good until `validUntil`.
    function closeFor(
        ChannelParams calldata params,
        uint8 party,
        Statement calldata statement,
        uint64 validUntil,
        Signature calldata signature
    ) external;

    /// @notice Close after lost data: nothing counts for in, no immediate payout, no penalty, BLIND_FACTOR lock periods in
    /// which the other side shows the closer's own lines by `update` (BK-45).
    function closeBlind(ChannelParams calldata params, uint8 party) external;

    /// @notice `closeBlind` by anyone, with the signature of the party's signer (EIP-712 `CloseStatement`, blind), good until
    /// `validUntil`.
    function closeBlindFor(ChannelParams calldata params, uint8 party, uint64 validUntil, Signature calldata signature)
        external;

    /// @notice Shows a newer agreed line of the closer's own direction, without penalty. Anyone, before `endsAt` (BK-55 to
    /// BK-57).
    /// @param closing The record of the newest `Closed` or `Updated` event.
    /// @param update_ Signed by both: the payer's signer, and the receiver's signer or its delegate.
    function update(ChannelParams calldata params, Closing calldata closing, Update calldata update_) external;

    /// @notice The closer denied a line it provably knew: all that is held goes to the other party. Anyone, before
    /// `endsAt`; refused in a blind close (BK-60).
    /// @param evidence The closer's own signature: its acknowledgement of a later line than it stated (or of other content
    /// at the nonce stated), or its promise with an `acked` above the nonce it stated at close.
    function challenge(ChannelParams calldata params, Closing calldata closing, Evidence calldata evidence) external;

    /// @notice Opens the final contents, recomputes, pays both. Anyone, from `endsAt` on (BK-70 to BK-72).
    /// @param contents By direction; all zero where there is no line.
    function settle(ChannelParams calldata params, Closing calldata closing, Content[2] calldata contents) external;

    /// @notice Pays the receiver of `direction` each lock whose condition was met by its expiry. One bad lock refuses all;
    /// each slot pays once; never more than the rest of what the line says is locked (BK-80). Anyone, once settled.
    /// @param settlement The record as the newest event leaves it.
    /// @param paths For each lock nine siblings, leaf upwards.
    function claimLocks(
        ChannelParams calldata params,
        Settlement calldata settlement,
        uint8 direction,
        Lock[] calldata locks,
        bytes32[9][] calldata paths
    ) external;

    /// @notice The unclaimed rest of `direction` back to its payer, strictly after `releaseAfter` (BK-85). Anyone.
    function releaseLocks(ChannelParams calldata params, Settlement calldata settlement, uint8 direction) external;

    /// @notice Takes the sender's whole claimable balance (payouts that could not be delivered) to any address, or reverts
    /// (BK-91).
    /// @param token Zero is the native coin.
    function takeClaimable(address token, address to) external returns (uint256 amount);

    /// @notice One token transfer in a frame of its own, so that a failed one is undone whole. Only the bank calls it.
    function transferOut(address token, address to, uint256 amount) external;

    /// @notice What could not be paid out to `owner`, in base units of `token` (zero: the native coin).
    function claimable(address owner, address token) external view returns (uint256);

    /// @notice `keccak256(abi.encode(chainId, bank, params))`; needs no transaction, also before the first funding.
    function channelIdOf(ChannelParams calldata params) external view returns (bytes32);

    /// @notice Where the id stands; `None` when it was never funded.
    function statusOf(bytes32 channelId) external view returns (Status);

    /// @notice Deposits while open; zero otherwise.
    function depositsOf(bytes32 channelId) external view returns (uint128[2] memory);

    /// @notice Cumulative withdrawals of both parties; kept after the channel closed.
    function withdrawnOf(bytes32 channelId) external view returns (uint128[2] memory);

    /// @notice The low 254 bits of `keccak256(abi.encode(record))`, the record being the `Closing` or `Settlement`; zero
    /// in any other status.
    function commitmentOf(bytes32 channelId) external view returns (bytes32);

    /// @notice Who says when a condition was first met.
    function registry() external view returns (IConditionRegistry);

    /// @notice Bounds of a channel's lock period, in seconds, both included.
    function MIN_LOCK_PERIOD() external view returns (uint32);
    function MAX_LOCK_PERIOD() external view returns (uint32);

    /// @notice How long after the end of the period (seconds) an expiry can delay the release of locks at most.
    function MAX_LOCK() external view returns (uint64);

    /// @notice A blind close lasts this many lock periods.
    function BLIND_FACTOR() external view returns (uint64);
}
