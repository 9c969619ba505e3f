// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {IVirtualBankErrors as Errors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {ChannelParams, Status} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";
import {Messages} from "../support/Messages.sol";
import {TestToken} from "../support/TestToken.sol";
import {FeeToken} from "../adversarial/Tokens.sol";

/// A contract account that approves digests one by one, as a Safe does.
contract ContractOwner is IERC1271 {
    mapping(bytes32 => bool) public approved;

    function approve(bytes32 digest) external {
        approved[digest] = true;
    }

    function allow(TestToken token, address spender) external {
        token.approve(spender, type(uint256).max);
    }

    function isValidSignature(bytes32 digest, bytes memory) external view returns (bytes4) {
        return approved[digest] ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// BK-12, BK-13.
contract FundJointlyTest is BankTest {
    uint128[2] private amounts = [uint128(70), 30];

    function test_OneTransactionTakesBothDeposits() public {
        vm.expectEmit(address(bank));
        emit IVirtualBank.Funded(id, 0, 70, params);
        vm.expectEmit(address(bank));
        emit IVirtualBank.Funded(id, 1, 30, params);
        vm.prank(owner[0]);
        assertEq(bank.fundJointly(params, 0, amounts, START, _authorisation(0, START)), id);
        assertEq(bank.depositsOf(id)[0], 70);
        assertEq(bank.depositsOf(id)[1], 30);
        assertEq(_gained(owner[0]), -70);
        assertEq(_gained(owner[1]), -30);
    }

    function test_EitherPartyMaySend() public {
        vm.prank(owner[1]);
        bank.fundJointly(params, 1, amounts, START, _authorisation(1, START));
        assertEq(bank.depositsOf(id)[0], 70);
    }

    function test_WorksOnAChannelThatAStrangerFundedWithOneUnit() public {
        vm.prank(stranger);
        bank.fund(params, 0, 1);
        _fundJointly();
        assertEq(bank.depositsOf(id)[0], 71);
    }

    function test_AContractOwnerAuthorisesByErc1271() public {
        ContractOwner wallet = _contractOwner();
        wallet.approve(_digest(0, START));
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, amounts, START, "");
        assertEq(bank.depositsOf(id)[1], 30);
    }

    function test_RevertWhen_TheContractOwnerDidNotApprove() public {
        _contractOwner();
        vm.expectRevert(abi.encodeWithSelector(Errors.AuthorisationRefused.selector, params.owner[1]));
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, amounts, START, "");
    }

    function test_AnAccountWithCodeMayStillSignWithItsKey() public {
        // EIP-7702: the account got code, and the code knows nothing of ERC-1271.
        vm.etch(owner[1], address(token).code);
        _fundJointly();
        _assertStatus(Status.Open);
    }

    function test_RevertWhen_NativeCoin() public {
        _useNative();
        vm.expectRevert(Errors.JointFundingNeedsToken.selector);
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, amounts, START, "");
    }

    function test_RevertWhen_SenderIsNotTheOwner() public {
        bytes memory authorisation = _authorisation(0, START);
        address[3] memory others = [stranger, owner[1], signer[0]];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Errors.SenderIsNotOwner.selector, others[i], owner[0]));
            vm.prank(others[i]);
            bank.fundJointly(params, 0, amounts, START, authorisation);
        }
    }

    function test_RevertWhen_AmountZero() public {
        uint128[2][2] memory bad = [[uint128(0), 30], [uint128(70), 0]];
        for (uint256 i = 0; i < 2; ++i) {
            amounts = bad[i];
            bytes memory authorisation = _authorisation(0, START);
            vm.expectRevert(Errors.ZeroAmount.selector);
            vm.prank(owner[0]);
            bank.fundJointly(params, 0, amounts, START, authorisation);
        }
    }

    function test_RevertWhen_PartyOutOfRange() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.PartyOutOfRange.selector, 2));
        bank.fundJointly(params, 2, amounts, START, "");
    }

    function test_ValidUntilIsGoodOnItsLastSecond() public {
        bytes memory authorisation = _authorisation(0, START);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.Expired.selector, bytes32("validUntil"), START));
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, amounts, START, authorisation);
        vm.warp(START);
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, amounts, START, authorisation);
    }

    function test_Trap_AnAuthorisationWorksOnce() public {
        bytes memory authorisation = _authorisation(0, START);
        _fundJointly();
        vm.expectRevert(abi.encodeWithSelector(Errors.AuthorisationUsed.selector, _digest(0, START)));
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, amounts, START, authorisation);
    }

    function test_Trap_TheAuthorisationBindsEverything() public {
        bytes memory authorisation = _authorisation(0, START);
        _refused(params, [uint128(71), 30], START, authorisation);
        _refused(params, [uint128(70), 31], START, authorisation);
        _refused(params, amounts, START + 1, authorisation);
        ChannelParams memory other = params;
        other.salt += 1;
        _refused(other, amounts, START, authorisation);
        // Another sender: owners change places, so the authorisation would be the sender's own.
        vm.expectRevert(abi.encodeWithSelector(Errors.AuthorisationRefused.selector, owner[0]));
        vm.prank(owner[1]);
        bank.fundJointly(params, 1, amounts, START, authorisation);
    }

    function test_Trap_TheSignerCannotAuthoriseForItsOwner() public {
        bytes memory bySigner = _signature(signerKey[1], _digest(0, START));
        _refused(params, amounts, START, bySigner);
    }

    function test_RevertWhen_HighS() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ownerKey[1], _digest(0, START));
        bytes memory mirrored = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        _refused(params, amounts, START, mirrored);
    }

    function test_RevertWhen_SignatureHasAnotherLength() public {
        bytes memory good = _authorisation(0, START);
        _refused(params, amounts, START, "");
        _refused(params, amounts, START, bytes.concat(good, hex"00"));
        _refused(params, amounts, START, hex"01");
    }

    function test_RevertWhen_ZeroOwnerOfAnUnsignedAuthorisation() public {
        // ecrecover answers zero for rubbish; a zero owner must not match it.
        params.owner[1] = address(0);
        _useParams(params);
        vm.expectRevert(abi.encodeWithSelector(Errors.ZeroAddress.selector, bytes32("owner[1]")));
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, amounts, START, new bytes(65));
    }

    function test_RevertWhen_TokenTakesAFee() public {
        params.token = address(new FeeToken());
        _useParams(params);
        token = TestToken(params.token);
        _enrich(owner[0]);
        _enrich(owner[1]);
        bytes memory authorisation = _authorisation(0, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongAmountReceived.selector, params.token, 100, 98));
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, amounts, START, authorisation);
    }

    function test_RevertWhen_Closing() public {
        _open();
        _closeBlind(0);
        bytes memory authorisation = _authorisation(0, START);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongStatus.selector, id, Status.Open, Status.Closing));
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, amounts, START, authorisation);
    }

    function _contractOwner() private returns (ContractOwner wallet) {
        wallet = new ContractOwner();
        wallet.allow(token, address(bank));
        token.mint(address(wallet), 1000);
        params.owner[1] = address(wallet);
        _useParams(params);
    }

    function _fundJointly() private {
        bytes memory authorisation = _authorisation(0, START);
        vm.prank(owner[0]);
        bank.fundJointly(params, 0, amounts, START, authorisation);
    }

    function _digest(uint8 sender, uint64 validUntil) private view returns (bytes32) {
        return Messages.digest(
            address(bank), Messages.jointFunding(id, amounts[0], amounts[1], params.owner[sender], validUntil)
        );
    }

    function _authorisation(uint8 sender, uint64 validUntil) private view returns (bytes memory) {
        return _signature(ownerKey[1 - sender], _digest(sender, validUntil));
    }

    function _signature(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _refused(ChannelParams memory given, uint128[2] memory sums, uint64 validUntil, bytes memory authorisation)
        private
    {
        vm.expectRevert(abi.encodeWithSelector(Errors.AuthorisationRefused.selector, given.owner[1]));
        vm.prank(owner[0]);
        bank.fundJointly(given, 0, sums, validUntil, authorisation);
    }
}
