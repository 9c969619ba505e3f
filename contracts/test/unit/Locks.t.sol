// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {Closing, Content, Lock, Settlement, Status} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";
import {LockSet} from "../support/LockSet.sol";

/// BK-80 to BK-86. The final line of direction 0 has three locks (10, 20, 40), that of direction 1 has one (5).
contract LocksTest is BankTest {
    uint64 private constant EXPIRY = START + PERIOD / 2;
    Settlement private settlement;
    Lock[] private locks;
    uint64 private releaseAfter;

    function setUp() public override {
        super.setUp();
        _open();
        locks.push(_lock(0, 10, EXPIRY));
        locks.push(_lock(255, 20, EXPIRY));
        locks.push(_lock(511, 40, EXPIRY));
        Content memory out = _sentAndLocked(300, locks);
        Content memory incoming = _sentAndLocked(0, _oneLock(9, 5, EXPIRY));
        Closing memory closing = _close(0, _statement(0, 5, out, 3, incoming));
        vm.warp(EXPIRY);
        _reveal(0);
        _reveal(255);
        _reveal(511);
        settlement = _settle(closing, out, incoming);
        releaseAfter = START + 2 * PERIOD;
        assertEq(settlement.held, 75);
    }

    function test_AnyoneClaimsForTheReceiver() public {
        Settlement memory next = _claim(settlement, 0, locks);
        assertEq(_gained(owner[1]), 300 - 5 + 70);
        assertEq(next.locked[0], 0);
        assertEq(next.locked[1], 5);
        assertEq(next.held, 5);
        assertEq(next.claimed[0][0], 1 | 1 << 255);
        assertEq(next.claimed[0][1], 1 << 255);
        _assertStatus(Status.Settled);
    }

    function test_OneByOneInAnyOrder() public {
        Settlement memory next = _claimFrom(settlement, 0, locks, _only(2));
        next = _claimFrom(next, 0, locks, _only(0));
        assertEq(_gained(owner[1]), 295 + 50);
        next = _claimFrom(next, 0, locks, _only(1));
        assertEq(_gained(owner[1]), 295 + 70);
    }

    function test_BothDirections() public {
        // Lock 9 was never revealed: nothing to claim in direction 1, so it is released after the window.
        Settlement memory next = _claim(settlement, 0, locks);
        vm.warp(releaseAfter + 1);
        next = _release(next, 1);
        assertEq(_gained(owner[1]), -500 + 800 + 70, "5 came back");
        _assertStatus(Status.Closed);
        assertEq(token.balanceOf(address(bank)), 0);
    }

    function test_TheOtherDirectionPaysParty0() public {
        params.salt += 1;
        _useParams(params);
        vm.warp(START);
        _open();
        Content memory incoming = _sentAndLocked(100, _oneLock(30, 60, START + PERIOD));
        Closing memory closing = _close(0, _statement(0, 0, _none(), 3, incoming));
        registry.revealHash(_preimage(30));
        Settlement memory own = _settle(closing, _none(), incoming);
        int256 before = _gained(owner[0]);
        _claim(own, 1, _oneLock(30, 60, START + PERIOD));
        assertEq(_gained(owner[0]), before + 60);
    }

    function test_ClaimsArePossibleAfterTheWindowUntilTheRelease() public {
        vm.warp(releaseAfter + 100 days);
        Settlement memory next = _claimFrom(settlement, 0, locks, _only(0));
        next = _release(next, 0);
        assertEq(_gained(owner[0]), -300 - 10, "20 and 40 came back");
        Lock[] memory late = _only(1);
        bytes32[9][] memory paths = _paths(late);
        vm.expectRevert(abi.encodeWithSelector(Errors.NothingLocked.selector, 0));
        bank.claimLocks(params, next, 0, late, paths);
    }

    function test_Trap_ASlotIsClaimedOnce() public {
        Settlement memory next = _claimFrom(settlement, 0, locks, _only(1));
        Lock[] memory again = _only(1);
        bytes32[9][] memory paths = _paths(again);
        vm.expectRevert(abi.encodeWithSelector(Errors.SlotClaimed.selector, 0, 255));
        bank.claimLocks(params, next, 0, again, paths);
        // With the record from before, nothing is claimed in it, but it is no longer the record.
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRecord.selector, id));
        bank.claimLocks(params, settlement, 0, again, paths);
    }

    function test_Trap_ASlotIsClaimedOnceWithinOneBatch() public {
        Lock[] memory twice = new Lock[](2);
        twice[0] = locks[2];
        twice[1] = locks[2];
        bytes32[9][] memory paths = _paths(twice);
        vm.expectRevert(abi.encodeWithSelector(Errors.SlotClaimed.selector, 1, 511));
        bank.claimLocks(params, settlement, 0, twice, paths);
    }

    function test_OneBadLockRefusesTheWholeBatch() public {
        Lock[] memory bad = locks;
        bad[1].amount += 1;
        bytes32[9][] memory paths = LockSet.paths(locks);
        vm.expectRevert(abi.encodeWithSelector(Errors.LockNotInTree.selector, 1, 255));
        bank.claimLocks(params, settlement, 0, bad, paths);
        assertEq(_gained(owner[1]), 295);
    }

    function test_RevertWhen_AnyFieldOfALockIsChanged() public {
        for (uint256 field = 0; field < 4; ++field) {
            Lock[] memory bad = _only(1);
            bytes32[9][] memory paths = _paths(bad);
            if (field == 0) bad[0].slot = 254;
            if (field == 1) bad[0].amount = 21;
            if (field == 2) bad[0].condition = _hashCondition(_preimage(511));
            if (field == 3) bad[0].expiry += 1;
            vm.expectRevert(abi.encodeWithSelector(Errors.LockNotInTree.selector, 0, bad[0].slot));
            bank.claimLocks(params, settlement, 0, bad, paths);
        }
    }

    function test_RevertWhen_AnySiblingIsChanged() public {
        Lock[] memory one = _only(1);
        for (uint256 height = 0; height < 9; ++height) {
            bytes32[9][] memory paths = _paths(one);
            paths[0][height] ^= bytes32(uint256(1));
            vm.expectRevert(abi.encodeWithSelector(Errors.LockNotInTree.selector, 0, 255));
            bank.claimLocks(params, settlement, 0, one, paths);
        }
    }

    function test_Trap_ANodeIsNotTakenForALeaf() public {
        // The slot binds the place: no lock of slot 0 proves itself as one of slot 512 or beyond.
        Lock[] memory one = _only(0);
        bytes32[9][] memory paths = _paths(one);
        uint16[3] memory slots = [uint16(512), 1024, type(uint16).max];
        for (uint256 i = 0; i < 3; ++i) {
            one[0].slot = slots[i];
            vm.expectRevert(abi.encodeWithSelector(Errors.SlotOutOfRange.selector, 0, slots[i]));
            bank.claimLocks(params, settlement, 0, one, paths);
        }
    }

    function test_RevertWhen_TheLockIsOfTheOtherDirection() public {
        Lock[] memory one = _only(0);
        bytes32[9][] memory paths = _paths(one);
        vm.expectRevert(abi.encodeWithSelector(Errors.LockNotInTree.selector, 0, 0));
        bank.claimLocks(params, settlement, 1, one, paths);
    }

    function test_RevertWhen_TheConditionWasNeverMet() public {
        Lock[] memory nine = _oneLock(9, 5, EXPIRY);
        bytes32[9][] memory paths = LockSet.paths(nine);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotMetInTime.selector, 0, nine[0].condition, uint64(0), EXPIRY));
        bank.claimLocks(params, settlement, 1, nine, paths);
    }

    function test_MetOnTheLastSecondOfTheExpiry() public {
        // setUp revealed exactly at the expiry.
        assertEq(registry.resolvedAt(locks[0].condition), EXPIRY);
        _claim(settlement, 0, locks);
    }

    function test_Trap_AConditionMetOneSecondAfterTheExpiryDoesNotPay() public {
        vm.warp(EXPIRY + 1);
        _reveal(9);
        Lock[] memory nine = _oneLock(9, 5, EXPIRY);
        bytes32[9][] memory paths = LockSet.paths(nine);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotMetInTime.selector, 0, nine[0].condition, EXPIRY + 1, EXPIRY));
        bank.claimLocks(params, settlement, 1, nine, paths);
    }

    function test_Trap_AConditionResolvedBeforeTheLockWasMadePaysAtOnce() public {
        // The bank cannot know when a lock was made, so a receiver of such a lock is paid without showing any key: an
        // acceptor must refuse it, and a payer must not make it.
        params.salt += 1;
        _useParams(params);
        _open();
        Content memory out = _sentAndLocked(0, _oneLock(0, 60, uint64(block.timestamp) + PERIOD));
        assertEq(registry.resolvedAt(_hashCondition(_preimage(0))), EXPIRY, "long ago");
        Settlement memory own = _settle(_close(0, _statement(0, 5, out, 0, _none())), out, _none());
        int256 before = _gained(owner[1]);
        _claim(own, 0, _oneLock(0, 60, out.lockedUntil));
        assertEq(_gained(owner[1]), before + 60);
    }

    function test_Trap_NothingIsClaimedWhileALineCanStillBeUpdated() public {
        params.salt += 1;
        _useParams(params);
        _open();
        Content memory out = _sentAndLocked(0, locks);
        Closing memory closing = _close(0, _statement(0, 5, out, 0, _none()));
        bytes32[9][] memory paths = LockSet.paths(locks);
        vm.warp(closing.endsAt + 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Settled, Status.Closing));
        bank.claimLocks(params, settlement, 0, locks, paths);
    }

    function test_RevertWhen_TheNumbersOfLocksAndPathsDiffer() public {
        bytes32[9][] memory paths = LockSet.paths(locks);
        Lock[] memory none = new Lock[](0);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongNumberOfPaths.selector, 1, 3));
        bank.claimLocks(params, settlement, 0, _only(0), paths);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongNumberOfPaths.selector, 0, 0));
        bank.claimLocks(params, settlement, 0, none, new bytes32[9][](0));
    }

    function test_RevertWhen_DirectionOutOfRange() public {
        bytes32[9][] memory paths = LockSet.paths(locks);
        vm.expectRevert(abi.encodeWithSelector(Errors.DirectionOutOfRange.selector, 2));
        bank.claimLocks(params, settlement, 2, locks, paths);
        vm.expectRevert(abi.encodeWithSelector(Errors.DirectionOutOfRange.selector, 2));
        bank.releaseLocks(params, settlement, 2);
    }

    function test_RevertWhen_NotSettled() public {
        params.salt += 1;
        _useParams(params);
        bytes32[9][] memory paths = LockSet.paths(locks);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Settled, Status.None));
        bank.claimLocks(params, settlement, 0, locks, paths);
        _open();
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Settled, Status.Open));
        bank.releaseLocks(params, settlement, 0);
    }

    function test_RevertWhen_AnyWordOfTheRecordIsChanged() public {
        vm.warp(releaseAfter + 1);
        bytes memory call_ = abi.encodeCall(bank.releaseLocks, (params, settlement, 0));
        for (uint256 word = 0; word < 13; ++word) {
            bytes memory changed = bytes.concat(call_);
            uint256 place = 4 + 32 * (7 + word) + 31;
            changed[place] = bytes1(uint8(changed[place]) ^ 1);
            (bool success, bytes memory answer) = address(bank).call(changed);
            assertFalse(success, "a changed record was accepted");
            assertEq(bytes32(bytes4(answer)), bytes32(Errors.WrongRecord.selector));
        }
    }

    // Claims above what the line says is locked.

    function test_AClaimAboveTheRestPaysTheRestAndUsesTheSlots() public {
        // The line has locks of 70, but says that only 25 are locked.
        Content memory out = _sentAndLocked(300, locks);
        out.locked = 25;
        Settlement memory own = _settleAnother(out);
        Settlement memory next = _claimFrom(own, 0, locks, _only(0));
        assertEq(next.locked[0], 15);
        int256 before = _gained(owner[1]);
        Lock[] memory rest = new Lock[](2);
        rest[0] = locks[1];
        rest[1] = locks[2];
        next = _claimFrom(next, 0, locks, rest);
        assertEq(_gained(owner[1]), before + 15);
        assertEq(next.claimed[0][0], 1 | 1 << 255);
        assertEq(next.claimed[0][1], 1 << 255, "the slots are used");
        _assertStatus(Status.Closed);
    }

    function test_Trap_HugeLocksNeverPayMoreThanIsHeld() public {
        Lock[] memory huge = new Lock[](2);
        huge[0] = _lock(0, type(uint128).max, EXPIRY);
        huge[1] = _lock(255, type(uint128).max, EXPIRY);
        Content memory out = _sent(0);
        out.locked = type(uint128).max;
        out.lockedUntil = EXPIRY;
        out.locksRoot = LockSet.root(huge);
        uint256 others = 75;
        assertEq(token.balanceOf(address(bank)), others);
        Settlement memory own = _settleAnother(out);
        // The payer's net is far below zero: the peer has its deposit, the locks may take what is left.
        Settlement memory next = _claimFrom(own, 0, huge, huge);
        assertEq(next.held, 0);
        assertEq(token.balanceOf(address(bank)), others, "the other channel's money is untouched");
        _assertStatus(Status.Closed);
    }

    // Release.

    function test_ReleaseStrictlyAfterTheWindow() public {
        vm.warp(releaseAfter);
        vm.expectRevert(abi.encodeWithSelector(Errors.ClaimWindowOpen.selector, releaseAfter));
        bank.releaseLocks(params, settlement, 0);
        vm.warp(releaseAfter + 1);
        Settlement memory next = _release(settlement, 0);
        assertEq(_gained(owner[0]), -300, "70 came back");
        assertEq(next.locked[0], 0);
        _release(next, 1);
        _assertStatus(Status.Closed);
        assertEq(token.balanceOf(address(bank)), 0);
    }

    function test_RevertWhen_ReleasedTwice() public {
        vm.warp(releaseAfter + 1);
        Settlement memory next = _release(settlement, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.NothingLocked.selector, 0));
        bank.releaseLocks(params, next, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRecord.selector, id));
        bank.releaseLocks(params, settlement, 0);
    }

    function test_EachDirectionHasItsOwnWindow() public {
        Content memory out = _sentAndLocked(0, locks);
        out.lockedUntil = START + PERIOD + 3 days;
        Settlement memory own = _settleAnother(out);
        assertEq(own.releaseAfter[0], START + PERIOD + 3 days + PERIOD);
        assertEq(own.releaseAfter[1], START + PERIOD + PERIOD);
    }

    function _settleAnother(Content memory out) private returns (Settlement memory own) {
        params.salt += 1;
        _useParams(params);
        vm.warp(START);
        _open();
        own = _settle(_close(0, _statement(0, 5, out, 0, _none())), out, _none());
    }

    function _only(uint256 index) private view returns (Lock[] memory one) {
        one = new Lock[](1);
        one[0] = locks[index];
    }

    function _paths(Lock[] memory claimed) private view returns (bytes32[9][] memory paths) {
        paths = new bytes32[9][](claimed.length);
        for (uint256 i = 0; i < claimed.length; ++i) {
            paths[i] = LockSet.path(locks, claimed[i].slot);
        }
    }
}
