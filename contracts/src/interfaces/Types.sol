// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// What both contracts and every client share. Encodings are normative in docs/spec/encoding.md and pinned by `vectors/`.

/// Two owners (receive payouts), two signers (sign off chain), one token (zero: the native coin), the lock period in
/// seconds, and a salt. The channel id commits to all of it, so every call carries it and nothing of it is stored.
struct ChannelParams {
    address[2] owner;
    address[2] signer;
    address token;
    uint32 lockPeriod;
    uint64 salt;
}

/// An EIP-2098 compact secp256k1 signature; s must be low.
struct Signature {
    bytes32 r;
    bytes32 vs;
}

/// What a line says. `contentHash = keccak256(abi.encode(content))`; the content of nonce 0 ("no line") is all zero and
/// its hash is defined to be zero.
struct Content {
    uint128 sent;
    uint128 locked;
    uint64 lockedUntil;
    bytes32 locksRoot;
    bytes32 memoRoot;
}

/// What party d says when it closes alone: of its own direction (out) the newest agreed line, of the peer's direction
/// (in) the newest promise it accepted. Nonce 0 means "no line": its other fields must be zero.
struct Statement {
    uint64 outNonce;
    uint64 outAcked;
    Content outContent;
    Signature outAck;
    uint64 inNonce;
    uint64 inAcked;
    Content inContent;
    Signature inPromise;
}

/// A line by hash: enough for towers, which learn no amounts.
struct Line {
    uint64 nonce;
    uint64 acked;
    bytes32 contentHash;
}

/// Lets `key` acknowledge in the receiver's place, in `update` alone, until `validUntil` (good on that second).
struct AckDelegation {
    address key;
    uint64 validUntil;
    Signature signature;
}

/// A newer agreed line of the closer's own direction. `content` is opened only in a blind close and must be all zero
/// otherwise; `delegation.key` zero means the receiver's signer acknowledged itself.
struct Update {
    Line line;
    Signature payerPromise;
    Signature ack;
    Content content;
    AckDelegation delegation;
}

/// The closer's own signature that shows it knew a later line than it stated. `direction` is that of the line.
struct Evidence {
    uint8 direction;
    uint64 nonce;
    uint64 acked;
    bytes32 contentHash;
    Signature signature;
}

/// A closing channel. The bank stores only its hash; `Closed` and `Updated` events carry it whole.
struct Closing {
    uint8 party;
    bool blind;
    uint64 closedAt;
    uint64 endsAt;
    uint64 statedOut;
    uint64 outNonce;
    bytes32 outHash;
    uint64 inNonce;
    bytes32 inHash;
    int256[2] base;
    uint128 held;
    uint128 paidToPeer;
}

/// A settled channel with locks still to claim or release. The bank stores only its hash.
/// Invariant: owed[0] + owed[1] + locked[0] + locked[1] == held.
struct Settlement {
    int256[2] owed;
    uint128 held;
    uint128[2] locked;
    bytes32[2] locksRoot;
    uint64[2] releaseAfter;
    uint256[2][2] claimed;
}

/// A lock of a line. `expiry` is a unix time in seconds, good on that second.
struct Lock {
    uint16 slot;
    uint128 amount;
    bytes32 condition;
    uint64 expiry;
}

/// Where the id stands. `None`: never funded.
enum Status {
    None,
    Open,
    Closing,
    Settled,
    Closed
}
