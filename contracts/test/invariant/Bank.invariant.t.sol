// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "../support/Test.sol";
import {ChannelHandler} from "./ChannelHandler.sol";

/// The contract invariants of docs/spec/security.md, after every move of honest, lying and colluding parties.
contract BankInvariants is Test {
    string[18] private moves = [
        "fund",
        "pay",
        "reveal",
        "withdraw",
        "closeTogether",
        "close.honest",
        "close.liar",
        "closeBlind",
        "warp",
        "update",
        "challenge.in",
        "challenge.out",
        "settle",
        "claim",
        "release",
        "slander",
        "overclaim",
        "forgery"
    ];

    ChannelHandler private world;

    function setUp() public {
        world = new ChannelHandler();
        // One entry, which weighs the moves: channels need a history before their end is worth looking at.
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = ChannelHandler.move.selector;
        targetContract(address(world));
        targetSelector(FuzzSelector(address(world), selectors));
    }

    /// INV-1: paid + claimable + held = deposited, for each token, at every step.
    function invariant_Conservation() public view {
        uint256 native;
        uint256 tokens;
        for (uint256 c = 0; c < world.channelCount(); ++c) {
            uint256 owed = world.heldBy(c) + world.claimableOf(c, 0) + world.claimableOf(c, 1);
            if (world.currencyOf(c) == address(0)) native += owed;
            else tokens += owed;
        }
        assertEq(world.bankBalance(), native, "native coin held");
        assertEq(world.tokenBalance(), tokens, "tokens held");
    }

    /// INV-1, per channel: what came out and what is held is what went in, so nobody is paid from another's channel.
    function invariant_NoChannelPaysForAnother() public view {
        for (uint256 c = 0; c < world.channelCount(); ++c) {
            assertEq(world.received(c, 0) + world.received(c, 1) + world.heldBy(c), world.depositedIn(c));
        }
    }

    /// INV-2: an honest, watching party ends with at least what its lines say.
    function invariant_HonestPartyIsPaid() public view {
        for (uint256 c = 0; c < world.channelCount(); ++c) {
            if (!world.isClosed(c)) continue;
            for (uint256 p = 0; p < 2; ++p) {
                if (!world.isHonest(c, p)) continue;
                assertGe(int256(world.received(c, p)), world.entitled(c, p), "an honest party lost money");
            }
        }
    }

    /// INV-3: who states the truth is never penalised.
    function invariant_TruthIsNotPenalised() public view {
        assertFalse(world.honestPenalised());
    }

    /// BK-41, BK-55, BK-80: nothing counts without the signature of the party that it binds, and no lock pays twice or late.
    function invariant_NothingIsForged() public view {
        assertFalse(world.forged());
    }

    /// BK-2: the records that events carry are what the bank committed to.
    function invariant_EventsCarryTheRecords() public view {
        for (uint256 c = 0; c < world.channelCount(); ++c) {
            bytes32 stored = world.bankOf().commitmentOf(world.channelId(c));
            assertEq(stored, bytes32(uint256(world.recordHash(c)) & ((1 << 254) - 1)), "commitment");
        }
    }

    /// BK-1: a closed id stays closed, and holds nothing.
    function invariant_ClosedIsTheEnd() public view {
        for (uint256 c = 0; c < world.channelCount(); ++c) {
            if (world.isClosed(c)) assertEq(uint256(world.bankOf().statusOf(world.channelId(c))), 4);
        }
    }

    /// The handler is no empty show: a fixed walk through it makes every move.
    function test_EveryMoveIsMade() public {
        uint256 seed = 1;
        uint256[18] memory count;
        for (uint256 round = 0; round < 24; ++round) {
            world = new ChannelHandler();
            for (uint256 i = 0; i < 256; ++i) {
                seed = uint256(keccak256(abi.encode(seed)));
                world.move(seed, uint256(keccak256(abi.encode(seed, "argument"))));
            }
            for (uint256 i = 0; i < moves.length; ++i) {
                count[i] += world.done(bytes32(bytes(moves[i])));
            }
            invariant_Conservation();
            invariant_NoChannelPaysForAnother();
            invariant_HonestPartyIsPaid();
            invariant_TruthIsNotPenalised();
            invariant_NothingIsForged();
            invariant_EventsCarryTheRecords();
            invariant_ClosedIsTheEnd();
        }
        for (uint256 i = 0; i < moves.length; ++i) {
            assertGt(count[i], 0, moves[i]);
        }
    }
}
