// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {
    Closing,
    Content,
    Evidence,
    Lock,
    Settlement,
    Signature,
    Statement,
    Update
} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";
import {LockSet} from "../support/LockSet.sol";
import {Messages} from "../support/Messages.sol";
import {TestToken} from "../support/TestToken.sol";

/// Calls back in the middle of every transfer, as a token with hooks does.
contract ProbingToken is TestToken {
    ReentrancyTest private prober;

    function arm(ReentrancyTest prober_) external {
        prober = prober_;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (address(prober) != address(0)) prober.probe();
    }
}

/// BK-3: one lock for the whole bank. While any function pays or collects, every function that changes state is refused,
/// whatever channel it is called for.
contract ReentrancyTest is BankTest {
    ProbingToken private probing;
    bytes[] private entries;
    uint256 private current;
    uint256 private probes;
    uint256 private refusals;

    function setUp() public override {
        super.setUp();
        probing = new ProbingToken();
        token = probing;
        params.token = address(probing);
        _useParams(params);
        _enrich(owner[0]);
        _enrich(owner[1]);
        _listEntries();
    }

    /// Called by the token in the middle of a transfer. It only notes what happens: a revert here would be swallowed as a
    /// payout that failed.
    function probe() external {
        (bool success, bytes memory answer) = address(bank).call(entries[current]);
        ++probes;
        if (!success && bytes4(answer) == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector) ++refusals;
    }

    /// Runs the test once for each entry, which the token calls in each of the `transfers`.
    modifier againstEveryEntry(uint256 transfers) {
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            current = i;
            _;
            assertEq(probes, transfers, "the token was asked to move money another number of times");
            assertEq(refusals, transfers, string.concat("entry not refused: ", vm.toString(i)));
            vm.revertToState(snapshot);
        }
    }

    function test_Fund() public againstEveryEntry(1) {
        probing.arm(this);
        _fund(0, DEPOSIT0);
    }

    function test_FundJointly() public againstEveryEntry(2) {
        bytes32 digest = Messages.digest(address(bank), Messages.jointFunding(id, 70, 30, owner[0], START));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ownerKey[1], digest);
        probing.arm(this);
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, [uint128(70), 30], START, abi.encodePacked(r, s, v));
    }

    function test_Withdraw() public againstEveryEntry(1) {
        _open();
        Signature[2] memory signatures = _bothSign(Messages.withdrawal(id, 0, 30, START));
        probing.arm(this);
        bank.withdraw(params, 0, 30, START, signatures);
    }

    function test_CloseTogether() public againstEveryEntry(2) {
        _open();
        Signature[2] memory signatures = _bothSign(Messages.closeTogether(id, 0, START));
        probing.arm(this);
        bank.closeTogether(params, 0, START, signatures);
    }

    function test_Close() public againstEveryEntry(1) {
        _open();
        Statement memory statement = _statement(0, 5, _sent(300), 0, _none());
        probing.arm(this);
        _close(0, statement);
    }

    function test_CloseFor() public againstEveryEntry(1) {
        _open();
        Statement memory statement = _statement(0, 0, _none(), 0, _none());
        Messages.Stated memory nothing;
        Signature memory signature = _sign(signerKey[0], Messages.closeStatement(id, 0, false, nothing, START));
        probing.arm(this);
        bank.closeFor(params, 0, statement, START, signature);
    }

    function test_Challenge() public againstEveryEntry(1) {
        _open();
        Closing memory closing = _close(0, _statement(0, 0, _none(), 0, _none()));
        Evidence memory evidence = _evidence(signerKey[0], 1, 4, 3, _hash(_sent(150)));
        probing.arm(this);
        bank.challenge(params, closing, evidence);
    }

    function test_Settle() public againstEveryEntry(1) {
        _open();
        Closing memory closing = _close(0, _statement(0, 0, _none(), 0, _none()));
        probing.arm(this);
        _settle(closing, _none(), _none());
    }

    function test_ClaimLocks() public againstEveryEntry(1) {
        (Settlement memory settlement, Lock[] memory locks) = _settledWithLock();
        _reveal(4);
        probing.arm(this);
        _claim(settlement, 0, locks);
    }

    function test_ReleaseLocks() public againstEveryEntry(1) {
        (Settlement memory settlement,) = _settledWithLock();
        vm.warp(settlement.releaseAfter[0] + 1);
        probing.arm(this);
        _release(settlement, 0);
    }

    function test_TakeClaimable() public againstEveryEntry(1) {
        // The first payout fails because the token lost its code for a moment.
        _open();
        bytes memory code = address(probing).code;
        vm.etch(address(probing), "");
        bank.closeTogether(params, 0, START, _bothSign(Messages.closeTogether(id, 0, START)));
        vm.etch(address(probing), code);
        probing.arm(this);
        vm.prank(owner[0]);
        bank.takeClaimable(address(probing), owner[0]);
    }

    function test_TheLockIsOpenAgainAfterwards() public {
        // In one transaction, as a contract account would: the lock is transient storage and must be cleared by hand.
        _fund(0, 1);
        _fund(1, 1);
        assertEq(bank.depositsOf(id)[1], 1);
    }

    function _settledWithLock() private returns (Settlement memory settlement, Lock[] memory locks) {
        _open();
        locks = _oneLock(4, 60, START + PERIOD);
        Content memory out = _sentAndLocked(0, locks);
        settlement = _settle(_close(0, _statement(0, 5, out, 0, _none())), out, _none());
        vm.warp(START + PERIOD);
    }

    /// Every function that changes state, with arguments that are well formed and otherwise empty.
    function _listEntries() private {
        Signature[2] memory signatures;
        Signature memory signature;
        Statement memory statement;
        Closing memory closing;
        Update memory update;
        Evidence memory evidence;
        Settlement memory settlement;
        Content[2] memory contents;
        Lock[] memory locks = _oneLock(0, 1, START);
        uint128[2] memory amounts;
        entries.push(abi.encodeCall(IVirtualBank.fund, (params, 0, 1)));
        entries.push(abi.encodeCall(IVirtualBank.fundJointly, (params, 0, amounts, START, "")));
        entries.push(abi.encodeCall(IVirtualBank.withdraw, (params, 0, 1, START, signatures)));
        entries.push(abi.encodeCall(IVirtualBank.closeTogether, (params, 0, START, signatures)));
        entries.push(abi.encodeCall(IVirtualBank.close, (params, 0, statement)));
        entries.push(abi.encodeCall(IVirtualBank.closeFor, (params, 0, statement, START, signature)));
        entries.push(abi.encodeCall(IVirtualBank.closeBlind, (params, 0)));
        entries.push(abi.encodeCall(IVirtualBank.closeBlindFor, (params, 0, START, signature)));
        entries.push(abi.encodeCall(IVirtualBank.update, (params, closing, update)));
        entries.push(abi.encodeCall(IVirtualBank.challenge, (params, closing, evidence)));
        entries.push(abi.encodeCall(IVirtualBank.settle, (params, closing, contents)));
        entries.push(abi.encodeCall(IVirtualBank.claimLocks, (params, settlement, 0, locks, LockSet.paths(locks))));
        entries.push(abi.encodeCall(IVirtualBank.releaseLocks, (params, settlement, 0)));
        entries.push(abi.encodeCall(IVirtualBank.takeClaimable, (address(token), stranger)));
    }
}
