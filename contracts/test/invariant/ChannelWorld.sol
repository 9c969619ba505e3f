// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {
    AckDelegation,
    ChannelParams,
    Closing,
    Content,
    Evidence,
    Line,
    Lock,
    Settlement,
    Signature,
    Statement,
    Update
} from "../../src/interfaces/Types.sol";
import {IConditionRegistry} from "../../src/interfaces/IConditionRegistry.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {Test} from "../support/Test.sol";
import {TestToken} from "../support/TestToken.sol";
import {Vm} from "../support/Vm.sol";
import {SignedLine, SparseTree} from "./Lines.sol";

/// Four channels of one bank: two honest parties, a lying party 0, a lying party 1, and two colluders who sign anything
/// for each other. Honest parties keep the rules of docs/spec/channel.md and look at the chain before time passes; liars
/// choose among everything they ever signed or were given.
abstract contract ChannelWorld is Test {
    uint256 internal constant CHANNELS = 4;
    uint256 internal constant COLLUDERS = 3;
    uint256 internal constant CONDITIONS = 5;
    uint32 internal constant PERIOD = 1 days;

    enum Phase {
        Open,
        Closing,
        Settled,
        Closed
    }

    struct Channel {
        ChannelParams params;
        bytes32 id;
        bool[2] honest;
        uint256[2] key;
        uint128[2] deposited;
        uint128[2] withdrawn;
        Phase phase;
        Closing closing;
        Settlement settlement;
        // Contents and locks of the final lines, by direction.
        Content[2] content;
        Lock[4][2] locks;
    }

    IVirtualBank internal bank;
    IConditionRegistry internal registry;
    TestToken internal token;
    Channel[CHANNELS] internal channels;
    SignedLine[][2][CHANNELS] internal lines;
    bytes32[CONDITIONS] internal conditions;

    /// Set when a party that stated the truth was penalised.
    bool public honestPenalised;
    /// Set when a signature that nobody gave was believed, or a lock was paid that was not due.
    bool public forged;
    mapping(bytes32 action => uint256 count) public done;

    constructor() {
        registry = IConditionRegistry(vm.deployCode("ConditionRegistry.sol:ConditionRegistry"));
        bank = IVirtualBank(vm.deployCode("VirtualBank.sol:VirtualBank", abi.encode(registry)));
        token = new TestToken();
        for (uint256 i = 0; i < CONDITIONS; ++i) {
            conditions[i] = keccak256(
                abi.encode(uint8(1), block.chainid, address(registry), keccak256(abi.encode(sha256(abi.encode(i)))))
            );
        }
        bool[2][CHANNELS] memory honest = [[true, true], [false, true], [true, false], [false, false]];
        for (uint256 c = 0; c < CHANNELS; ++c) {
            Channel storage channel = channels[c];
            for (uint256 p = 0; p < 2; ++p) {
                channel.key[p] = 0xA11CE + 16 * c + p;
                channel.params.signer[p] = vm.addr(channel.key[p]);
                channel.params.owner[p] = address(uint160(uint256(keccak256(abi.encode(address(this), c, p)))));
                channel.honest[p] = honest[c][p];
            }
            channel.params.token = c == 2 ? address(0) : address(token);
            channel.params.lockPeriod = PERIOD;
            channel.params.salt = uint64(c);
            channel.id = bank.channelIdOf(channel.params);
        }
    }

    function contentOf(SignedLine memory line) internal pure returns (Content memory content) {
        if (line.nonce == 0) return content;
        content.sent = line.sent;
        for (uint256 slot = 0; slot < 4; ++slot) {
            content.locked += line.locks[slot].amount;
            if (line.locks[slot].expiry > content.lockedUntil) content.lockedUntil = line.locks[slot].expiry;
        }
        content.locksRoot = SparseTree.root(line.locks);
        content.memoRoot = keccak256(abi.encode(line.nonce));
    }

    function hashOf(Content memory content) internal pure returns (bytes32) {
        return content.memoRoot == 0 ? bytes32(0) : keccak256(abi.encode(content));
    }

    function digest(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Tallystick"),
                keccak256("1"),
                block.chainid,
                address(bank)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function sign(uint256 key, bytes32 structHash) internal view returns (Signature memory signature) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest(structHash));
        signature = Signature(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    function signLine(uint256 c, uint8 direction, SignedLine memory line, uint256 party)
        internal
        view
        returns (Signature memory)
    {
        return sign(
            channels[c].key[party],
            keccak256(
                abi.encode(
                    keccak256(
                        "BalanceProof(bytes32 channelId,uint8 direction,uint64 nonce,uint64 acked,bytes32 contentHash)"
                    ),
                    channels[c].id,
                    direction,
                    line.nonce,
                    line.acked,
                    hashOf(contentOf(line))
                )
            )
        );
    }

    function noLine() internal pure returns (SignedLine memory line) {}

    function lastAccepted(uint256 c, uint8 direction) internal view returns (SignedLine memory line) {
        SignedLine[] storage all = lines[c][direction];
        for (uint256 i = all.length; i > 0; --i) {
            if (all[i - 1].accepted) return all[i - 1];
        }
    }

    /// The newest line of which the payer holds the receiver's ack.
    function lastAcked(uint256 c, uint8 direction) internal view returns (SignedLine memory line) {
        SignedLine[] storage all = lines[c][direction];
        for (uint256 i = all.length; i > 0; --i) {
            if (all[i - 1].ackDelivered) return all[i - 1];
        }
    }

    /// The most that the live lines of a direction can cost its payer, and the least they have paid (LN-24, LN-32).
    function live(uint256 c, uint8 direction) internal view returns (uint256 most, uint256 least) {
        SignedLine[] storage all = lines[c][direction];
        least = type(uint256).max;
        for (uint256 i = all.length; i > 0; --i) {
            SignedLine memory line = all[i - 1];
            Content memory content = contentOf(line);
            uint256 cost = uint256(content.sent) + content.locked;
            if (cost > most) most = cost;
            if (content.sent < least) least = content.sent;
            if (line.ackDelivered) return (most, least);
        }
        least = 0;
    }

    /// LN-23 with the receiver's own least sent.
    function solvent(uint256 c, uint8 direction, uint256 cost, uint256 withdrawnTotal) internal view returns (bool) {
        (, uint256 least) = live(c, 1 - direction);
        return cost + withdrawnTotal <= uint256(channels[c].deposited[direction]) + least;
    }

    function resolvedLocks(Lock[4] memory locks) internal view returns (uint256 total) {
        for (uint256 slot = 0; slot < 4; ++slot) {
            if (locks[slot].amount == 0) continue;
            uint64 met = registry.resolvedAt(locks[slot].condition);
            if (met != 0 && met <= locks[slot].expiry) total += locks[slot].amount;
        }
    }

    /// What party p must end with at least, by the lines it signed and accepted (invariant INV-2).
    function entitled(uint256 c, uint256 p) public view returns (int256) {
        SignedLine memory incoming = lastAccepted(c, uint8(1 - p));
        uint256 income = uint256(incoming.sent) + resolvedLocks(incoming.locks);
        uint256 cost;
        SignedLine[] storage all = lines[c][p];
        for (uint256 i = all.length; i > 0; --i) {
            uint256 lineCost = uint256(all[i - 1].sent) + resolvedLocks(all[i - 1].locks);
            if (lineCost > cost) cost = lineCost;
            if (all[i - 1].ackDelivered) break;
        }
        return int256(uint256(channels[c].deposited[p])) + int256(income) - int256(cost);
    }

    /// All that party p got out of the channel: its owner is a fresh account that nobody else pays.
    function received(uint256 c, uint256 p) public view returns (uint256) {
        address owner = channels[c].params.owner[p];
        address currency = channels[c].params.token;
        uint256 held = currency == address(0) ? owner.balance : token.balanceOf(owner);
        return held + bank.claimable(owner, currency);
    }

    function heldBy(uint256 c) public view returns (uint256) {
        Channel storage channel = channels[c];
        if (channel.phase == Phase.Open) {
            return uint256(channel.deposited[0]) + channel.deposited[1] - channel.withdrawn[0] - channel.withdrawn[1];
        }
        if (channel.phase == Phase.Closing) return channel.closing.held;
        if (channel.phase == Phase.Settled) return channel.settlement.held;
        return 0;
    }

    /// Reads the records that the bank's events carry, as any client must.
    function foldEvents(uint256 c, Vm.Log[] memory logs) internal {
        Channel storage channel = channels[c];
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(bank) || logs[i].topics.length < 2 || logs[i].topics[1] != channel.id) continue;
            bytes32 topic = logs[i].topics[0];
            if (topic == IVirtualBank.Closed.selector) {
                (channel.closing,,) = abi.decode(logs[i].data, (Closing, Content, Content));
                channel.phase = Phase.Closing;
            } else if (topic == IVirtualBank.Updated.selector) {
                (channel.closing,) = abi.decode(logs[i].data, (Closing, Content));
            } else if (topic == IVirtualBank.Settled.selector) {
                (,, channel.settlement) = abi.decode(logs[i].data, (uint128, uint128, Settlement));
                channel.phase = channel.settlement.held == 0 ? Phase.Closed : Phase.Settled;
            } else if (topic == IVirtualBank.LocksClaimed.selector) {
                (uint8 direction, uint128 amount, uint128 paid, uint256[2] memory claimed) =
                    abi.decode(logs[i].data, (uint8, uint128, uint128, uint256[2]));
                channel.settlement.claimed[direction] = claimed;
                move(channel, direction, 1 - direction, amount, paid);
            } else if (topic == IVirtualBank.LocksReleased.selector) {
                (uint8 direction, uint128 amount, uint128 paid) = abi.decode(logs[i].data, (uint8, uint128, uint128));
                move(channel, direction, direction, amount, paid);
            } else if (topic == IVirtualBank.Challenged.selector || topic == IVirtualBank.ClosedTogether.selector) {
                channel.phase = Phase.Closed;
            }
        }
    }

    function move(Channel storage channel, uint8 direction, uint8 to, uint128 amount, uint128 paid) private {
        Settlement storage settlement = channel.settlement;
        settlement.locked[direction] -= amount;
        settlement.owed[to] += int256(uint256(amount)) - int256(uint256(paid));
        settlement.held -= paid;
        if (settlement.held == 0) channel.phase = Phase.Closed;
    }

    function emptyUpdate() internal pure returns (Update memory update) {}

    function lineHash(SignedLine memory line) internal pure returns (Line memory) {
        return Line(line.nonce, line.acked, hashOf(contentOf(line)));
    }
}
