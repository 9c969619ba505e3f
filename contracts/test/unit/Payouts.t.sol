// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {Closing, Signature, Status} from "../../src/interfaces/Types.sol";
import {BlacklistToken, BombToken, GasBurningToken, SilentToken, TwoFacedToken} from "../adversarial/Tokens.sol";
import {BankTest} from "../support/BankTest.sol";
import {Messages} from "../support/Messages.sol";
import {TestToken} from "../support/TestToken.sol";

/// Refuses money until told otherwise, uses a set amount of gas when it takes some, and can take claimable balances.
contract Receiver {
    uint256 public gasWanted;
    bool public refuses;

    function want(uint256 gasWanted_, bool refuses_) external {
        gasWanted = gasWanted_;
        refuses = refuses_;
    }

    function take(IVirtualBank bank, address token, address to) external returns (uint256) {
        return bank.takeClaimable(token, to);
    }

    receive() external payable {
        require(!refuses);
        uint256 start = gasleft();
        while (start - gasleft() < gasWanted) {}
    }
}

/// Answers neither true nor nothing.
contract GarbageToken is TestToken {
    bytes public answer;

    function answerWith(bytes calldata answer_) external {
        answer = answer_;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        super.transfer(to, value);
        bytes memory given = answer;
        assembly {
            return(add(given, 0x20), mload(given))
        }
    }
}

/// BK-90 to BK-92.
contract PayoutsTest is BankTest {
    function test_Trap_ABlacklistedOwnerDoesNotBlockTheOther() public {
        BlacklistToken blacklist = new BlacklistToken();
        _useToken(blacklist);
        _open();
        blacklist.list(owner[0], true);
        _closeTogetherExpectingFailureOf0();
        assertEq(_gained(owner[1]), 0, "party 1 got its 500");
        assertEq(bank.claimable(owner[0], address(blacklist)), 1000);
        // To any address, so the blacklisted owner still gets its money.
        vm.expectEmit(address(bank));
        emit IVirtualBank.ClaimableTaken(owner[0], address(blacklist), stranger, 1000);
        vm.prank(owner[0]);
        assertEq(bank.takeClaimable(address(blacklist), stranger), 1000);
        assertEq(blacklist.balanceOf(stranger), 1000);
        assertEq(bank.claimable(owner[0], address(blacklist)), 0);
    }

    function test_Trap_ATokenThatSaysFalseDoesNotBlock() public {
        SilentToken silent = new SilentToken();
        _useToken(silent);
        _open();
        silent.refuse(true);
        _closeTogether();
        assertEq(bank.claimable(owner[0], address(silent)), 1000);
        assertEq(bank.claimable(owner[1], address(silent)), 500);
        silent.refuse(false);
        vm.prank(owner[1]);
        bank.takeClaimable(address(silent), owner[1]);
        assertEq(_gained(owner[1]), 0);
    }

    function test_Trap_ATokenThatMovesAndSaysFalseIsNotPaidTwice() public {
        TwoFacedToken liar = new TwoFacedToken();
        _useToken(liar);
        _open();
        liar.mint(address(bank), 10_000);
        liar.lie(true);
        _closeTogether();
        assertEq(_gained(owner[0]), -1000, "the transfer was undone");
        assertEq(liar.balanceOf(address(bank)), 11_500);
        assertEq(bank.claimable(owner[0], address(liar)), 1000);
        vm.expectRevert(abi.encodeWithSelector(Errors.PayoutRefused.selector, address(liar), owner[0], uint256(1000)));
        vm.prank(owner[0]);
        bank.takeClaimable(address(liar), owner[0]);
        assertEq(liar.balanceOf(address(bank)), 11_500);
    }

    function test_Trap_GarbageIsNotAYes() public {
        bytes[5] memory answers = [
            abi.encode(uint256(2)),
            abi.encode(uint256(0)),
            bytes(hex"01"),
            abi.encodePacked(uint248(1)),
            abi.encode(type(uint256).max)
        ];
        for (uint64 i = 0; i < answers.length; ++i) {
            GarbageToken garbage = new GarbageToken();
            _useToken(garbage);
            _open();
            garbage.answerWith(answers[i]);
            _closeTogether();
            assertEq(bank.claimable(owner[0], address(garbage)), 1000);
            assertEq(garbage.balanceOf(address(bank)), 1500, "nothing moved");
        }
    }

    function test_ATokenThatReturnsNothingPays() public {
        GarbageToken quiet = new GarbageToken();
        _useToken(quiet);
        _open();
        quiet.answerWith("");
        _closeTogether();
        assertEq(_gained(owner[0]), 0);
        assertEq(bank.claimable(owner[0], address(quiet)), 0);
    }

    function test_ALongAnswerThatBeginsWithTruePays() public {
        GarbageToken long = new GarbageToken();
        _useToken(long);
        _open();
        long.answerWith(abi.encode(true, "and more"));
        _closeTogether();
        assertEq(_gained(owner[0]), 0);
    }

    function test_Trap_ATokenThatLostItsCodeDoesNotBlock() public {
        _open();
        vm.etch(address(token), "");
        _closeTogether();
        assertEq(bank.claimable(owner[0], address(token)), 1000);
    }

    function test_Trap_ATokenThatBurnsAllGasDoesNotBlock() public {
        GasBurningToken burner = new GasBurningToken();
        _useToken(burner);
        _open();
        burner.burnGas(true);
        bytes memory call_ = _closeTogetherCall();
        uint256 before = gasleft();
        (bool success,) = address(bank).call{gas: 2_000_000}(call_);
        assertTrue(success);
        assertLt(before - gasleft(), 800_000, "two allowances of 300,000 and the rest");
        assertEq(bank.claimable(owner[0], address(burner)), 1000);
        assertEq(bank.claimable(owner[1], address(burner)), 500);
    }

    function test_Trap_ARevertWithMuchDataIsNotCopied() public {
        BombToken bomb = new BombToken();
        _useToken(bomb);
        _open();
        bomb.bomb(true);
        _closeTogether();
        assertEq(bank.claimable(owner[0], address(bomb)), 1000);
    }

    function test_Trap_ARevertingReceiverDoesNotBlock() public {
        Receiver receiver = _nativeReceiver();
        receiver.want(0, true);
        _closeTogetherExpectingFailureOf0();
        assertEq(owner[1].balance, 1_000_000);
        assertEq(bank.claimable(address(receiver), address(0)), 1000);
        vm.expectRevert(
            abi.encodeWithSelector(Errors.PayoutRefused.selector, address(0), address(receiver), uint256(1000))
        );
        receiver.take(bank, address(0), address(receiver));
        assertEq(receiver.take(bank, address(0), stranger), 1000);
        assertEq(stranger.balance, 1_001_000);
        assertEq(address(bank).balance, 0);
    }

    function test_Trap_AReceiverThatBurnsAllGasDoesNotBlock() public {
        Receiver receiver = _nativeReceiver();
        receiver.want(type(uint256).max, false);
        bytes memory call_ = _closeTogetherCall();
        uint256 before = gasleft();
        (bool success,) = address(bank).call{gas: 1_000_000}(call_);
        assertTrue(success);
        assertLt(before - gasleft(), 250_000, "one allowance of 50,000 and the rest");
        assertEq(bank.claimable(address(receiver), address(0)), 1000);
    }

    function test_AReceiverGetsItsAllowance() public {
        Receiver receiver = _nativeReceiver();
        receiver.want(45_000, false);
        _closeTogether();
        assertEq(address(receiver).balance, 1000);
    }

    /// Whatever gas limit the caller chooses: either the receiver is paid, or the whole transaction reverts.
    function test_Trap_ACallerCannotStarveAPayoutIntoAClaimableBalance() public {
        Receiver receiver = _nativeReceiver();
        receiver.want(45_000, false);
        _starve(_closeTogetherCall(), address(0), 20_000, 300_000);
    }

    /// The owner of 1000 is the one whose payout needs much gas; the sweep passes every point at which it can run dry.
    function test_Trap_ACallerCannotStarveATokenPayout() public {
        _open();
        _starve(_closeTogetherCall(), address(token), 20_000, 600_000);
    }

    function test_AStarvedPayoutIsRefusedByName() public {
        Receiver receiver = _nativeReceiver();
        receiver.want(45_000, false);
        bytes memory call_ = _closeTogetherCall();
        bool seen;
        for (uint256 gas_ = 20_000; gas_ < 200_000 && !seen; gas_ += 500) {
            uint256 snapshot = vm.snapshotState();
            (bool success, bytes memory answer) = address(bank).call{gas: gas_}(call_);
            seen = !success && bytes4(answer) == Errors.GasTooLow.selector;
            vm.revertToState(snapshot);
        }
        assertTrue(seen, "no gas limit led to GasTooLow");
    }

    function test_Trap_NobodyElseTakesAClaimableBalance() public {
        BlacklistToken blacklist = new BlacklistToken();
        _useToken(blacklist);
        _open();
        blacklist.list(owner[0], true);
        _closeTogether();
        address[3] memory others = [stranger, signer[0], owner[1]];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Errors.NothingClaimable.selector, others[i], address(blacklist)));
            vm.prank(others[i]);
            bank.takeClaimable(address(blacklist), others[i]);
        }
        // Nor does its owner take another token for it.
        vm.expectRevert(abi.encodeWithSelector(Errors.NothingClaimable.selector, owner[0], address(0)));
        vm.prank(owner[0]);
        bank.takeClaimable(address(0), owner[0]);
    }

    function test_ClaimableBalancesAddUp() public {
        BlacklistToken blacklist = new BlacklistToken();
        _useToken(blacklist);
        _open();
        blacklist.list(owner[0], true);
        bank.withdraw(params, 0, 30, START, _bothSign(Messages.withdrawal(id, 0, 30, START)));
        bank.withdraw(params, 0, 50, START, _bothSign(Messages.withdrawal(id, 0, 50, START)));
        assertEq(bank.claimable(owner[0], address(blacklist)), 50);
    }

    function test_RevertWhen_TakenToZero() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.ZeroAddress.selector, bytes32("to")));
        bank.takeClaimable(address(token), address(0));
    }

    function test_Trap_NobodyElseCallsTransferOut() public {
        _open();
        address[3] memory others = [stranger, owner[0], address(token)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(Errors.OnlySelf.selector);
            vm.prank(others[i]);
            bank.transferOut(address(token), others[i], 1);
        }
    }

    function test_EveryWayOfPayingEndsInAClaimableBalanceWhenItFails() public {
        BlacklistToken blacklist = new BlacklistToken();
        _useToken(blacklist);
        _open();
        blacklist.list(owner[0], true);
        blacklist.list(owner[1], true);
        bank.withdraw(params, 0, 100, START, _bothSign(Messages.withdrawal(id, 0, 100, START)));
        Closing memory closing = _close(0, _statement(0, 5, _sentAndLocked(300, _oneLock(4, 60, START)), 0, _none()));
        assertEq(bank.claimable(owner[1], address(blacklist)), 800, "paid at close");
        _settle(closing, _sentAndLocked(300, _oneLock(4, 60, START)), _none());
        assertEq(bank.claimable(owner[0], address(blacklist)), 640, "withdrawn and settled");
        _assertStatus(Status.Settled);
    }

    /// Each gas limit either pays in full or changes nothing.
    function _starve(bytes memory call_, address token_, uint256 from, uint256 to) private {
        uint256 paid;
        for (uint256 gas_ = from; gas_ < to; gas_ += 997) {
            uint256 snapshot = vm.snapshotState();
            (bool success,) = address(bank).call{gas: gas_}(call_);
            if (success) ++paid;
            assertEq(bank.claimable(params.owner[0], token_), 0, "starved into a claimable balance");
            assertEq(bank.claimable(params.owner[1], token_), 0, "starved into a claimable balance");
            _assertStatus(success ? Status.Closed : Status.Open);
            vm.revertToState(snapshot);
        }
        assertGt(paid, 0, "no gas limit was enough");
    }

    function _nativeReceiver() private returns (Receiver receiver) {
        receiver = new Receiver();
        params.owner[0] = address(receiver);
        params.token = address(0);
        _useParams(params);
        vm.prank(stranger);
        bank.fund{value: DEPOSIT0}(params, 0, DEPOSIT0);
        _fund(1, DEPOSIT1);
        vm.deal(stranger, 1_000_000);
    }

    function _useToken(TestToken other) private {
        token = other;
        params.token = address(other);
        _useParams(params);
        _enrich(owner[0]);
        _enrich(owner[1]);
    }

    function _closeTogetherCall() private view returns (bytes memory) {
        Signature[2] memory signatures = _bothSign(Messages.closeTogether(id, 0, START));
        return abi.encodeCall(IVirtualBank.closeTogether, (params, 0, START, signatures));
    }

    function _closeTogether() private {
        bank.closeTogether(params, 0, START, _bothSign(Messages.closeTogether(id, 0, START)));
        _assertStatus(Status.Closed);
    }

    function _closeTogetherExpectingFailureOf0() private {
        Signature[2] memory signatures = _bothSign(Messages.closeTogether(id, 0, START));
        vm.expectEmit(address(bank));
        emit IVirtualBank.PayoutFailed(params.owner[0], params.token, 1000);
        bank.closeTogether(params, 0, START, signatures);
    }
}
