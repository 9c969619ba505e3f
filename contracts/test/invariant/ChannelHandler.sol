// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {
    Closing, Content, Evidence, Lock, Settlement, Signature, Statement, Update
} from "../../src/interfaces/Types.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {ChannelWorld} from "./ChannelWorld.sol";
import {SignedLine, SparseTree} from "./Lines.sol";

/// The moves of the world. Every argument is bounded here, so no call of the fuzzer is wasted.
contract ChannelHandler is ChannelWorld {
    /// One move. The weights give channels a history before they end, and time to be disputed after.
    function move(uint256 seed, uint256 argument) external {
        uint256 c = argument >> 240;
        uint8 party = uint8(argument >> 232);
        uint256 kind = seed % 64;
        if (kind < 8) fund(c, party, uint128(argument));
        else if (kind < 34) pay(c, party, uint128(argument), uint8(argument >> 128), argument >> 136, argument >> 160);
        else if (kind < 38) reveal(argument);
        else if (kind < 41) withdraw(c, party, uint128(argument));
        else if (kind < 42) closeTogether(c, argument);
        else if (kind < 43) close(c, party, argument, argument >> 64, argument >> 200);
        else if (kind < 53) warp(argument);
        else if (kind < 54) settle(c);
        else if (kind < 56) claim(c, party, argument);
        else if (kind < 57) release(c, party);
        else if (kind < 58) overclaim(c, party);
        else if (kind < 62) slander(c);
        else forgery(c, party, uint128(argument));
    }

    function channelCount() external pure returns (uint256) {
        return CHANNELS;
    }

    function isHonest(uint256 c, uint256 p) external view returns (bool) {
        return channels[c].honest[p];
    }

    function isClosed(uint256 c) external view returns (bool) {
        return channels[c].phase == Phase.Closed;
    }

    function recordHash(uint256 c) external view returns (bytes32) {
        if (channels[c].phase == Phase.Closing) return keccak256(abi.encode(channels[c].closing));
        if (channels[c].phase == Phase.Settled) return keccak256(abi.encode(channels[c].settlement));
        return 0;
    }

    function channelId(uint256 c) external view returns (bytes32) {
        return channels[c].id;
    }

    function bankOf() external view returns (IVirtualBank) {
        return bank;
    }

    function depositedIn(uint256 c) external view returns (uint256) {
        return uint256(channels[c].deposited[0]) + channels[c].deposited[1];
    }

    function tokenBalance() external view returns (uint256) {
        return token.balanceOf(address(bank));
    }

    function bankBalance() external view returns (uint256) {
        return address(bank).balance;
    }

    function claimableOf(uint256 c, uint256 p) external view returns (uint256) {
        return bank.claimable(channels[c].params.owner[p], channels[c].params.token);
    }

    function currencyOf(uint256 c) external view returns (address) {
        return channels[c].params.token;
    }

    function fund(uint256 c, uint8 party, uint128 amount) private {
        c %= CHANNELS;
        party %= 2;
        amount = uint128(bound(amount, 1, 1e6));
        Channel storage channel = channels[c];
        if (channel.phase != Phase.Open) return;
        if (channel.params.token == address(0)) {
            vm.deal(address(this), amount);
            bank.fund{value: amount}(channel.params, party, amount);
        } else {
            token.mint(address(this), amount);
            token.approve(address(bank), amount);
            bank.fund(channel.params, party, amount);
        }
        channel.deposited[party] += amount;
        done["fund"]++;
    }

    /// One new line: pays, and changes one lock. An honest payer signs only what it can cover; an honest receiver accepts
    /// only that; what is refused, or lost on the way, stays signed.
    function pay(uint256 c, uint8 direction, uint128 amount, uint8 slot, uint256 condition, uint256 fate) private {
        c %= CHANNELS;
        direction %= 2;
        Channel storage channel = channels[c];
        if (channel.phase != Phase.Open) return;
        SignedLine memory line = lastAccepted(c, direction);
        line.nonce = uint64(lines[c][direction].length + 1);
        line.acked = channel.honest[direction] || fate & 1 == 0 ? lastAcked(c, direction).nonce : 0;
        amount = uint128(bound(amount, 0, channel.honest[direction] ? 2e5 : 1e7));
        Lock memory lock = line.locks[slot % 4];
        if (lock.amount == 0) {
            uint64 expiry = uint64(block.timestamp + 1 hours + (condition % 2 days));
            bytes32 id = conditions[condition % CONDITIONS];
            if (registry.resolvedAt(id) == 0 && amount > 0) lock = Lock(slot % 4, amount, id, expiry);
        } else {
            uint64 met = registry.resolvedAt(lock.condition);
            if (met != 0 && met <= lock.expiry) {
                line.sent += lock.amount;
                lock = Lock(0, 0, 0, 0);
            } else if (block.timestamp > lock.expiry) {
                lock = Lock(0, 0, 0, 0);
            }
        }
        line.locks[slot % 4] = lock;
        if (fate & 2 == 0) line.sent += amount / 2;
        Content memory content = contentOf(line);
        bool covered =
            solvent(c, direction, uint256(content.sent) + content.locked, channel.withdrawn[direction]);
        if (channel.honest[direction] && !covered) return;
        bool delivered = fate & 12 != 0;
        line.accepted = delivered && (covered || !channel.honest[1 - direction]);
        line.agreed = line.accepted && fate & 48 != 0;
        line.ackDelivered = line.agreed && fate & 64 != 0;
        lines[c][direction].push();
        SignedLine storage stored = lines[c][direction][lines[c][direction].length - 1];
        stored.nonce = line.nonce;
        stored.acked = line.acked;
        stored.sent = line.sent;
        stored.accepted = line.accepted;
        stored.agreed = line.agreed;
        stored.ackDelivered = line.ackDelivered;
        for (uint256 i = 0; i < 4; ++i) {
            stored.locks[i] = line.locks[i];
        }
        done["pay"]++;
    }

    function reveal(uint256 condition) private {
        registry.revealHash(bytes32(condition % CONDITIONS));
        done["reveal"]++;
    }

    function withdraw(uint256 c, uint8 party, uint128 amount) private {
        c %= CHANNELS;
        party %= 2;
        Channel storage channel = channels[c];
        if (channel.phase != Phase.Open || heldBy(c) == 0) return;
        amount = uint128(bound(amount, 1, heldBy(c)));
        uint128 total = channel.withdrawn[party] + amount;
        (uint256 cost,) = live(c, party);
        if (c != COLLUDERS && !solvent(c, party, cost, total)) return;
        uint64 validUntil = uint64(block.timestamp);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Withdrawal(bytes32 channelId,uint8 party,uint128 total,uint64 validUntil)"),
                channel.id,
                party,
                total,
                validUntil
            )
        );
        bank.withdraw(channel.params, party, total, validUntil, bothSign(c, structHash));
        channel.withdrawn[party] = total;
        done["withdraw"]++;
    }

    function closeTogether(uint256 c, uint256 chosen) private {
        c %= CHANNELS;
        Channel storage channel = channels[c];
        if (channel.phase != Phase.Open || heldBy(c) == 0) return;
        int256 base = int256(uint256(channel.deposited[0])) - int256(uint256(channel.withdrawn[0]));
        int256 delta;
        if (c == COLLUDERS) {
            delta = int256(bound(chosen, 0, heldBy(c))) - base;
        } else {
            for (uint8 d = 0; d < 2; ++d) {
                SignedLine memory last = lastAccepted(c, d);
                (uint256 most,) = live(c, d);
                if (last.nonce != lines[c][d].length || most != last.sent) return;
            }
            delta = int256(uint256(lastAccepted(c, 1).sent)) - int256(uint256(lastAccepted(c, 0).sent));
            if (base + delta < 0 || base + delta > int256(heldBy(c))) return;
        }
        uint64 validUntil = uint64(block.timestamp);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("CloseTogether(bytes32 channelId,int256 delta,uint64 validUntil)"),
                channel.id,
                delta,
                validUntil
            )
        );
        vm.recordLogs();
        bank.closeTogether(channel.params, delta, validUntil, bothSign(c, structHash));
        foldEvents(c, vm.getRecordedLogs());
        done["closeTogether"]++;
    }

    /// An honest party states the truth; a liar any agreed line of its own and any promise it was ever given.
    function close(uint256 c, uint8 party, uint256 whichOut, uint256 whichIn, uint256 mood) private {
        c %= CHANNELS;
        party %= 2;
        Channel storage channel = channels[c];
        if (channel.phase != Phase.Open || heldBy(c) == 0) return;
        // Liars are the more eager to leave.
        if (mood & 3 != 0 && channel.honest[party] && !channel.honest[1 - party]) party = 1 - party;
        uint8 incoming = 1 - party;
        SignedLine memory out = lastAcked(c, party);
        SignedLine memory into = lastAccepted(c, incoming);
        bool honest = channel.honest[party];
        if (!honest) {
            out = choose(c, party, whichOut, c == COLLUDERS);
            into = choose(c, incoming, whichIn, true);
            if (c == COLLUDERS) (out.sent, into.sent) = (out.nonce == 0 ? 0 : uint128(whichIn), uint128(whichOut));
            if (into.nonce == 0) into.sent = 0;
        }
        vm.recordLogs();
        if (mood >> 2 & 7 == 0 && !honest) {
            vm.prank(channel.params.signer[party]);
            bank.closeBlind(channel.params, party);
            delete channel.content;
            delete channel.locks;
            done["closeBlind"]++;
        } else {
            Statement memory statement;
            statement.outNonce = out.nonce;
            statement.outAcked = out.acked;
            statement.outContent = contentOf(out);
            statement.inNonce = into.nonce;
            statement.inAcked = into.acked;
            statement.inContent = contentOf(into);
            if (out.nonce != 0) statement.outAck = signLine(c, party, out, incoming);
            if (into.nonce != 0) statement.inPromise = signLine(c, incoming, into, incoming);
            vm.prank(channel.params.owner[party]);
            bank.close(channel.params, party, statement);
            keep(c, party, out);
            keep(c, incoming, into);
            done[honest ? bytes32("close.honest") : bytes32("close.liar")]++;
        }
        foldEvents(c, vm.getRecordedLogs());
    }

    /// Everybody honest looks at the chain, then time passes: never more than a lock period at once (CL-7).
    function warp(uint256 step) private {
        for (uint256 c = 0; c < CHANNELS; ++c) {
            watch(c);
        }
        vm.warp(block.timestamp + bound(step, 1, PERIOD - 1));
        for (uint256 c = 0; c < CHANNELS; ++c) {
            watch(c);
        }
        done["warp"]++;
    }

    function settle(uint256 c) private {
        settleNow(c % CHANNELS);
    }

    function claim(uint256 c, uint8 direction, uint256 chosen) private {
        claimNow(c % CHANNELS, direction % 2, chosen);
    }

    function release(uint256 c, uint8 direction) private {
        c %= CHANNELS;
        direction %= 2;
        Channel storage channel = channels[c];
        if (channel.phase != Phase.Settled || channel.settlement.locked[direction] == 0) return;
        if (block.timestamp <= channel.settlement.releaseAfter[direction]) return;
        vm.recordLogs();
        bank.releaseLocks(channel.params, channel.settlement, direction);
        foldEvents(c, vm.getRecordedLogs());
        done["release"]++;
    }

    /// Slander: every signature the closer ever gave is shown against a truthful statement.
    function slander(uint256 c) private {
        c %= CHANNELS;
        Channel storage channel = channels[c];
        if (channel.phase != Phase.Closing || !channel.honest[channel.closing.party]) return;
        for (uint8 direction = 0; direction < 2; ++direction) {
            SignedLine[] storage all = lines[c][direction];
            for (uint256 i = 0; i < all.length && channel.phase == Phase.Closing; ++i) {
                if (direction != channel.closing.party && !all[i].agreed) continue;
                if (tryChallenge(c, direction, all[i])) honestPenalised = true;
                done["slander"]++;
            }
        }
    }

    /// Greed: locks that were claimed before, or were not met in time.
    function overclaim(uint256 c, uint8 direction) private {
        c %= CHANNELS;
        direction %= 2;
        Channel storage channel = channels[c];
        if (channel.phase != Phase.Settled) return;
        Lock[4] memory locks = channel.locks[direction];
        for (uint256 slot = 0; slot < 4; ++slot) {
            if (locks[slot].amount == 0) continue;
            uint64 met = registry.resolvedAt(locks[slot].condition);
            bool due = met != 0 && met <= locks[slot].expiry
                && (channel.settlement.claimed[direction][0] >> slot) & 1 == 0;
            if (due) continue;
            Lock[] memory batch = new Lock[](1);
            bytes32[9][] memory paths = new bytes32[9][](1);
            batch[0] = locks[slot];
            paths[0] = SparseTree.path(locks, slot);
            try bank.claimLocks(channel.params, channel.settlement, direction, batch, paths) {
                forged = true;
            } catch {}
            done["overclaim"]++;
        }
    }

    /// Forgery: a close with a promise that the closer wrote itself, and an update that it signed for both.
    function forgery(uint256 c, uint8 party, uint128 sent) private {
        c %= CHANNELS;
        party %= 2;
        Channel storage channel = channels[c];
        SignedLine memory line;
        line.nonce = type(uint64).max;
        line.sent = sent;
        if (channel.phase == Phase.Open) {
            Statement memory statement;
            statement.inNonce = line.nonce;
            statement.inContent = contentOf(line);
            statement.inPromise = signLine(c, 1 - party, line, party);
            vm.prank(channel.params.owner[party]);
            try bank.close(channel.params, party, statement) {
                forged = true;
            } catch {}
        } else if (channel.phase == Phase.Closing) {
            uint8 closer = channel.closing.party;
            Update memory update = emptyUpdate();
            update.line = lineHash(line);
            update.payerPromise = signLine(c, closer, line, closer);
            update.ack = update.payerPromise;
            if (channel.closing.blind) update.content = contentOf(line);
            try bank.update(channel.params, channel.closing, update) {
                forged = true;
            } catch {}
        }
        done["forgery"]++;
    }

    function bothSign(uint256 c, bytes32 structHash) private view returns (Signature[2] memory signatures) {
        signatures[0] = sign(channels[c].key[0], structHash);
        signatures[1] = sign(channels[c].key[1], structHash);
    }

    function choose(uint256 c, uint8 direction, uint256 which, bool any) private view returns (SignedLine memory line) {
        SignedLine[] storage all = lines[c][direction];
        which %= all.length + 1;
        if (which == all.length) return line;
        // The liar can state an own line only with the ack that it holds; of the other's promises it holds every one.
        if (any || all[which].ackDelivered) return all[which];
    }

    function keep(uint256 c, uint8 direction, SignedLine memory line) private {
        channels[c].content[direction] = contentOf(line);
        for (uint256 slot = 0; slot < 4; ++slot) {
            channels[c].locks[direction][slot] = line.locks[slot];
        }
    }

    function watch(uint256 c) private {
        Channel storage channel = channels[c];
        if (channel.phase == Phase.Closing) {
            uint8 closer = channel.closing.party;
            if (block.timestamp >= channel.closing.endsAt) settleNow(c);
            else if (channel.honest[1 - closer]) answer(c, closer);
        }
        if (channel.phase == Phase.Settled) {
            for (uint8 d = 0; d < 2; ++d) {
                if (channel.honest[1 - d]) claimNow(c, d, type(uint256).max);
            }
        }
    }

    /// What an honest party does when the other closed: the penalty if it holds evidence, else its newest line.
    function answer(uint256 c, uint8 closer) private {
        Channel storage channel = channels[c];
        uint8 incoming = 1 - closer;
        if (!channel.closing.blind) {
            // Which proof it shows first is its own affair.
            bool inFirst = block.timestamp & 1 == 0;
            if (inFirst ? convictIn(c, incoming) : convictOut(c, closer)) return;
            if (inFirst ? convictOut(c, closer) : convictIn(c, incoming)) return;
        }
        SignedLine memory newest = lastAccepted(c, closer);
        if (newest.nonce <= channel.closing.outNonce) return;
        Update memory update = emptyUpdate();
        update.line = lineHash(newest);
        update.payerPromise = signLine(c, closer, newest, closer);
        update.ack = signLine(c, closer, newest, incoming);
        if (channel.closing.blind) update.content = contentOf(newest);
        vm.recordLogs();
        bank.update(channel.params, channel.closing, update);
        foldEvents(c, vm.getRecordedLogs());
        keep(c, closer, newest);
        done["update"]++;
    }

    /// The closer acknowledged a later line of the peer's direction than it stated.
    function convictIn(uint256 c, uint8 incoming) private returns (bool) {
        SignedLine[] storage all = lines[c][incoming];
        for (uint256 i = 0; i < all.length; ++i) {
            if (!all[i].ackDelivered || all[i].nonce <= channels[c].closing.inNonce) continue;
            require(tryChallenge(c, incoming, all[i]), "a lie about the peer's direction went unpunished");
            done["challenge.in"]++;
            return true;
        }
        return false;
    }

    /// The closer promised, in a later line, that it held an acknowledgement above the line it stated.
    function convictOut(uint256 c, uint8 closer) private returns (bool) {
        SignedLine[] storage all = lines[c][closer];
        for (uint256 i = 0; i < all.length; ++i) {
            if (all[i].acked <= channels[c].closing.statedOut) continue;
            require(tryChallenge(c, closer, all[i]), "a lie about its own direction went unpunished");
            done["challenge.out"]++;
            return true;
        }
        return false;
    }

    function tryChallenge(uint256 c, uint8 direction, SignedLine memory line) private returns (bool penalised) {
        Channel storage channel = channels[c];
        Evidence memory evidence = Evidence(
            direction,
            line.nonce,
            line.acked,
            hashOf(contentOf(line)),
            signLine(c, direction, line, channel.closing.party)
        );
        vm.recordLogs();
        try bank.challenge(channel.params, channel.closing, evidence) {
            penalised = true;
        } catch {}
        foldEvents(c, vm.getRecordedLogs());
    }

    function settleNow(uint256 c) private {
        Channel storage channel = channels[c];
        if (channel.phase != Phase.Closing || block.timestamp < channel.closing.endsAt) return;
        Content[2] memory contents = [channel.content[0], channel.content[1]];
        vm.recordLogs();
        bank.settle(channel.params, channel.closing, contents);
        foldEvents(c, vm.getRecordedLogs());
        done["settle"]++;
    }

    /// Claims the chosen locks that were met in time and not claimed yet.
    function claimNow(uint256 c, uint8 direction, uint256 chosen) private {
        Channel storage channel = channels[c];
        if (channel.phase != Phase.Settled || channel.settlement.locked[direction] == 0) return;
        Lock[4] memory locks = channel.locks[direction];
        uint256 count;
        bool[4] memory take;
        for (uint256 slot = 0; slot < 4; ++slot) {
            uint64 met = locks[slot].amount == 0 ? 0 : registry.resolvedAt(locks[slot].condition);
            take[slot] = met != 0 && met <= locks[slot].expiry && (chosen >> slot) & 1 == 1
                && (channel.settlement.claimed[direction][0] >> slot) & 1 == 0;
            if (take[slot]) count++;
        }
        if (count == 0) return;
        Lock[] memory batch = new Lock[](count);
        bytes32[9][] memory paths = new bytes32[9][](count);
        for (uint256 slot = 4; slot > 0; --slot) {
            if (!take[slot - 1]) continue;
            batch[--count] = locks[slot - 1];
            paths[count] = SparseTree.path(locks, slot - 1);
        }
        vm.recordLogs();
        bank.claimLocks(channel.params, channel.settlement, direction, batch, paths);
        foldEvents(c, vm.getRecordedLogs());
        done["claim"]++;
    }
}
