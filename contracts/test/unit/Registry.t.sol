// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Approval, ICondition, IConditionRegistry, Resolution} from "../../src/interfaces/IConditionRegistry.sol";
import {Signature} from "../../src/interfaces/Types.sol";
import {BankTest} from "../support/BankTest.sol";
import {Messages} from "../support/Messages.sol";
import {Vm} from "../support/Vm.sol";

/// Answers whatever it is told to.
contract Oracle is ICondition {
    bytes public answer = abi.encode(true);
    bool public reverts;

    function answerWith(bytes calldata answer_, bool reverts_) external {
        answer = answer_;
        reverts = reverts_;
    }

    function isMet(bytes calldata) external view returns (bool) {
        bytes memory given = answer;
        if (reverts) {
            assembly {
                revert(add(given, 0x20), mload(given))
            }
        }
        assembly {
            return(add(given, 0x20), mload(given))
        }
    }
}

/// RG-1 to RG-50.
contract RegistryTest is BankTest {
    bytes32 private constant TERMS = keccak256("terms");
    uint256[] private keys;
    bytes32[] private noPath;

    // Hash keys.

    function test_RevealHash() public {
        bytes32 preimage = _preimage(1);
        bytes32 expected = _hashCondition(preimage);
        assertEq(registry.resolvedAt(expected), 0);
        vm.expectEmit(address(registry));
        emit IConditionRegistry.Resolved(expected, 1, abi.encode(preimage));
        assertEq(registry.revealHash(preimage), expected);
        assertEq(registry.resolvedAt(expected), START);
    }

    function test_Trap_RepeatingAResolutionChangesNothing() public {
        bytes32 conditionId = registry.revealHash(_preimage(1));
        vm.warp(START + 100);
        vm.recordLogs();
        assertEq(registry.revealHash(_preimage(1)), conditionId);
        assertEq(registry.resolvedAt(conditionId), START);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_Trap_BytesAppendedByTheResolverDoNotReachTheEvent() public {
        // A reader that insists on exactly one word must still learn the preimage.
        vm.recordLogs();
        bytes memory call_ = bytes.concat(abi.encodeCall(registry.revealHash, (_preimage(1))), hex"deadbeef");
        (bool success,) = address(registry).call(call_);
        assertTrue(success);
        assertEq(abi.decode(vm.getRecordedLogs()[0].data, (bytes)), abi.encode(_preimage(1)));
        Resolution[] memory resolutions = new Resolution[](1);
        resolutions[0] = Resolution(1, abi.encode(_preimage(2), "and more"));
        vm.recordLogs();
        registry.resolveMany(resolutions);
        assertEq(abi.decode(vm.getRecordedLogs()[0].data, (bytes)), abi.encode(_preimage(2)));
    }

    function test_TheIdBindsKindChainAndRegistry() public {
        bytes32 here = registry.revealHash(_preimage(1));
        vm.chainId(777);
        assertNotEq(registry.revealHash(_preimage(1)), here);
        IConditionRegistry other = IConditionRegistry(vm.deployCode("ConditionRegistry.sol:ConditionRegistry"));
        assertNotEq(other.revealHash(_preimage(1)), here);
    }

    // Signed keys.

    function test_EveryKeyHasSigned() public {
        _keys(3);
        bytes32 expected = _signedId();
        Approval[] memory approvals = _approvals(expected);
        vm.recordLogs();
        assertEq(registry.completeSigned(_addresses(), TERMS, approvals), expected);
        assertEq(registry.resolvedAt(expected), START);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[0].topics[1], expected);
        assertEq(logs[0].topics[2], bytes32(uint256(2)));
        // Whoever watches learns the signatures.
        (address[] memory shown, bytes32 terms, Approval[] memory given) =
            abi.decode(abi.decode(logs[0].data, (bytes)), (address[], bytes32, Approval[]));
        assertEq(shown.length, 3);
        assertEq(terms, TERMS);
        assertEq(given[2].signature.vs, approvals[2].signature.vs);
    }

    function test_OneKeyAndTheMostKeys() public {
        _keys(1);
        registry.completeSigned(_addresses(), TERMS, _approvals(_signedId()));
        _keys(32);
        bytes32 conditionId = registry.completeSigned(_addresses(), TERMS, _approvals(_signedId()));
        assertEq(registry.resolvedAt(conditionId), START);
    }

    function test_RevertWhen_NoKeyOrTooMany() public {
        vm.expectRevert(abi.encodeWithSelector(IConditionRegistry.WrongNumberOfKeys.selector, 0, 32));
        registry.completeSigned(new address[](0), TERMS, new Approval[](0));
        _keys(33);
        address[] memory many = _addresses();
        Approval[] memory approvals = _approvals(_signedId());
        vm.expectRevert(abi.encodeWithSelector(IConditionRegistry.WrongNumberOfKeys.selector, 33, 32));
        registry.completeSigned(many, TERMS, approvals);
    }

    function test_RevertWhen_KeysAreEmptyRepeatedOrUnsorted() public {
        _keys(3);
        address[] memory good = _addresses();
        address[] memory bad = _addresses();
        bad[0] = address(0);
        _notAscending(bad, 0);
        bad = _addresses();
        bad[1] = good[0];
        _notAscending(bad, 1);
        bad = _addresses();
        (bad[1], bad[2]) = (good[2], good[1]);
        _notAscending(bad, 2);
    }

    function test_RevertWhen_ApprovalsAreTooFewOrTooMany() public {
        _keys(2);
        address[] memory all = _addresses();
        for (uint256 count = 1; count <= 3; count += 2) {
            vm.expectRevert(abi.encodeWithSelector(IConditionRegistry.WrongNumberOfApprovals.selector, count, 2));
            registry.completeSigned(all, TERMS, new Approval[](count));
        }
    }

    function test_Trap_OneMissingSignatureMeetsNothing() public {
        _keys(3);
        bytes32 conditionId = _signedId();
        for (uint256 missing = 0; missing < 3; ++missing) {
            Approval[] memory approvals = _approvals(conditionId);
            approvals[missing] = approvals[(missing + 1) % 3];
            address[] memory all = _addresses();
            vm.expectRevert(
                abi.encodeWithSelector(
                    IConditionRegistry.WrongApproval.selector, missing, all[missing], all[(missing + 1) % 3]
                )
            );
            registry.completeSigned(all, TERMS, approvals);
        }
        assertEq(registry.resolvedAt(conditionId), 0);
    }

    function test_RevertWhen_TheSignatureIsMalformedOrHasAHighS() public {
        _keys(1);
        Approval[] memory approvals = _approvals(_signedId());
        Signature memory good = approvals[0].signature;
        Signature[3] memory bad = [Signature(0, 0), _withHighS(good), Signature(bytes32(ORDER), good.vs)];
        for (uint256 i = 0; i < 3; ++i) {
            approvals[0].signature = bad[i];
            address[] memory all = _addresses();
            vm.expectRevert(abi.encodeWithSelector(IConditionRegistry.WrongApproval.selector, 0, all[0], address(0)));
            registry.completeSigned(all, TERMS, approvals);
        }
    }

    function test_Trap_OtherTermsAreAnotherCondition() public {
        _keys(2);
        Approval[] memory approvals = _approvals(_signedId());
        address[] memory all = _addresses();
        vm.expectPartialRevert(IConditionRegistry.WrongApproval.selector);
        registry.completeSigned(all, keccak256("other terms"), approvals);
    }

    function test_Trap_ASignatureForABankIsNoApproval() public {
        // A signer of a channel is often the key of a condition too: its balance proofs approve nothing.
        _keys(1);
        bytes32 conditionId = _signedId();
        Approval[] memory approvals = new Approval[](1);
        approvals[0] = Approval(_sign(keys[0], Messages.condition(conditionId)), 0, noPath);
        address[] memory all = _addresses();
        vm.expectPartialRevert(IConditionRegistry.WrongApproval.selector);
        registry.completeSigned(all, TERMS, approvals);
    }

    function test_AResolvedConditionIsAnsweredWithoutLookingAtTheApprovals() public {
        _keys(2);
        registry.completeSigned(_addresses(), TERMS, _approvals(_signedId()));
        vm.warp(START + 9);
        bytes32 again = registry.completeSigned(_addresses(), TERMS, new Approval[](2));
        assertEq(registry.resolvedAt(again), START);
    }

    // Batches.

    function test_OneSignatureCoversABatch() public {
        _keys(1);
        bytes32 conditionId = _signedId();
        for (uint256 index = 0; index < 4; ++index) {
            uint256 snapshot = vm.snapshotState();
            Approval[] memory approvals = new Approval[](1);
            approvals[0] = _batchApproval(keys[0], conditionId, index);
            registry.completeSigned(_addresses(), TERMS, approvals);
            assertEq(registry.resolvedAt(conditionId), START);
            vm.revertToState(snapshot);
        }
    }

    function test_RevertWhen_TheLeafIsElsewhere() public {
        _keys(1);
        Approval[] memory approvals = new Approval[](1);
        approvals[0] = _batchApproval(keys[0], _signedId(), 2);
        approvals[0].index = 1;
        address[] memory all = _addresses();
        vm.expectPartialRevert(IConditionRegistry.WrongApproval.selector);
        registry.completeSigned(all, TERMS, approvals);
    }

    function test_Trap_ABatchSignatureIsNotASingleOneNorTheOtherWayRound() public {
        _keys(1);
        bytes32 conditionId = _signedId();
        Approval[] memory approvals = new Approval[](1);
        // The root of a batch signed as if it were a condition.
        Approval memory batch = _batchApproval(keys[0], conditionId, 0);
        approvals[0] =
            Approval(_signRegistry(keys[0], Messages.condition(_batchRoot(conditionId, batch))), 0, batch.path);
        address[] memory all = _addresses();
        vm.expectPartialRevert(IConditionRegistry.WrongApproval.selector);
        registry.completeSigned(all, TERMS, approvals);
        // The condition signed as if it were the root of a batch.
        approvals[0] = Approval(_signRegistry(keys[0], Messages.conditionBatch(conditionId)), 0, noPath);
        vm.expectPartialRevert(IConditionRegistry.WrongApproval.selector);
        registry.completeSigned(all, TERMS, approvals);
    }

    function test_Trap_AnInnerNodeIsNotALeaf() public {
        // Whoever signed a batch did not sign a condition whose id happens to be one of its inner nodes' preimages.
        _keys(1);
        Approval memory batch = _batchApproval(keys[0], _signedId(), 0);
        bytes32 node =
            keccak256(abi.encodePacked(uint8(1), keccak256(abi.encodePacked(uint8(0), _signedId())), batch.path[0]));
        assertNotEq(keccak256(abi.encodePacked(uint8(0), node)), node);
        Approval[] memory approvals = new Approval[](1);
        bytes32[] memory shorter = new bytes32[](1);
        shorter[0] = batch.path[1];
        approvals[0] = Approval(batch.signature, 0, shorter);
        address[] memory all = _addresses();
        vm.expectPartialRevert(IConditionRegistry.WrongApproval.selector);
        registry.completeSigned(all, TERMS, approvals);
    }

    function test_RevertWhen_ThePathIsOutOfBounds() public {
        _keys(1);
        bytes32 conditionId = _signedId();
        Approval[] memory approvals = new Approval[](1);
        address[] memory all = _addresses();
        bytes memory reason = abi.encodeWithSelector(IConditionRegistry.PathRefused.selector, 0);
        // An index without a path, one that does not fit its path, and a path that is too long.
        approvals[0] = Approval(_signRegistry(keys[0], Messages.condition(conditionId)), 1, noPath);
        vm.expectRevert(reason);
        registry.completeSigned(all, TERMS, approvals);
        approvals[0] = _batchApproval(keys[0], conditionId, 0);
        approvals[0].index = 4;
        vm.expectRevert(reason);
        registry.completeSigned(all, TERMS, approvals);
        approvals[0].index = 0;
        approvals[0].path = new bytes32[](33);
        vm.expectRevert(reason);
        registry.completeSigned(all, TERMS, approvals);
    }

    // Contract keys.

    function test_AContractSaysThatItIsMet() public {
        Oracle oracle = new Oracle();
        bytes32 expected = _conditionId(3, abi.encode(address(oracle), bytes("question")));
        vm.expectEmit(address(registry));
        emit IConditionRegistry.Resolved(expected, 3, abi.encode(address(oracle), bytes("question")));
        assertEq(registry.meetContract(address(oracle), "question"), expected);
        assertEq(registry.resolvedAt(expected), START);
    }

    function test_RevertWhen_TheAnswerIsNotExactlyTheWordOne() public {
        Oracle oracle = new Oracle();
        bytes[7] memory answers = [
            abi.encode(uint256(0)),
            abi.encode(uint256(2)),
            abi.encode(type(uint256).max),
            bytes(""),
            bytes(hex"01"),
            abi.encodePacked(bytes31(0), uint8(1), uint8(0)),
            abi.encode(uint256(1), uint256(1))
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            oracle.answerWith(answers[i], false);
            _notMet(address(oracle));
        }
        oracle.answerWith(abi.encode(true), true);
        _notMet(address(oracle));
    }

    function test_RevertWhen_TheTargetHasNoCode() public {
        _notMet(address(0xC0DE));
        _notMet(address(0));
        // The identity precompile answers with the question, the SHA-256 one with 32 bytes that are not 1.
        _notMet(address(4));
        _notMet(address(2));
    }

    function test_Trap_AConditionThatFlipsStaysResolved() public {
        Oracle oracle = new Oracle();
        bytes32 conditionId = registry.meetContract(address(oracle), "");
        oracle.answerWith(abi.encode(false), false);
        vm.warp(START + 50);
        assertEq(registry.meetContract(address(oracle), ""), conditionId);
        assertEq(registry.resolvedAt(conditionId), START);
    }

    function test_OtherCallDataIsAnotherCondition() public {
        Oracle oracle = new Oracle();
        assertNotEq(registry.meetContract(address(oracle), "a"), registry.meetContract(address(oracle), "b"));
    }

    // Several at once.

    function test_SeveralAtOnce() public {
        Oracle oracle = new Oracle();
        _keys(2);
        Resolution[] memory resolutions = new Resolution[](3);
        resolutions[0] = Resolution(1, abi.encode(_preimage(1)));
        resolutions[1] = Resolution(2, abi.encode(_addresses(), TERMS, _approvals(_signedId())));
        resolutions[2] = Resolution(3, abi.encode(address(oracle), bytes("q")));
        vm.recordLogs();
        registry.resolveMany(resolutions);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 3);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(registry.resolvedAt(logs[i].topics[1]), START);
            assertEq(abi.decode(logs[i].data, (bytes)), resolutions[i].key, "each event carries its own key");
        }
        assertEq(logs[0].topics[1], _hashCondition(_preimage(1)));
        assertEq(logs[1].topics[1], _signedId());
    }

    function test_ResolveManyToleratesWhatIsResolved() public {
        registry.revealHash(_preimage(1));
        vm.warp(START + 1);
        Resolution[] memory resolutions = new Resolution[](2);
        resolutions[0] = Resolution(1, abi.encode(_preimage(1)));
        resolutions[1] = Resolution(1, abi.encode(_preimage(2)));
        registry.resolveMany(resolutions);
        assertEq(registry.resolvedAt(_hashCondition(_preimage(1))), START);
        assertEq(registry.resolvedAt(_hashCondition(_preimage(2))), START + 1);
    }

    function test_OneBadResolutionRefusesAll() public {
        Resolution[] memory resolutions = new Resolution[](2);
        resolutions[0] = Resolution(1, abi.encode(_preimage(1)));
        resolutions[1] = Resolution(3, abi.encode(address(0xC0DE), bytes("q")));
        vm.expectRevert(
            abi.encodeWithSelector(
                IConditionRegistry.ResolutionRefused.selector,
                1,
                abi.encodeWithSelector(IConditionRegistry.NotMet.selector, address(0xC0DE))
            )
        );
        registry.resolveMany(resolutions);
        assertEq(registry.resolvedAt(_hashCondition(_preimage(1))), 0);
    }

    function test_RevertWhen_TheKindIsUnknown() public {
        uint8[4] memory kinds = [uint8(0), 4, 5, 255];
        for (uint256 i = 0; i < 4; ++i) {
            Resolution[] memory resolutions = new Resolution[](1);
            resolutions[0] = Resolution(kinds[i], abi.encode(_preimage(1)));
            vm.expectRevert(abi.encodeWithSelector(IConditionRegistry.UnknownKind.selector, 0, kinds[i]));
            registry.resolveMany(resolutions);
        }
    }

    function test_RevertWhen_AKeyIsMalformed() public {
        bytes[3] memory malformed = [bytes(""), hex"01", abi.encode(uint256(1), uint256(2))];
        for (uint256 i = 0; i < 3; ++i) {
            Resolution[] memory resolutions = new Resolution[](1);
            resolutions[0] = Resolution(i == 2 ? 2 : 1, malformed[i]);
            vm.expectRevert(abi.encodeWithSelector(IConditionRegistry.ResolutionRefused.selector, 0, bytes("")));
            registry.resolveMany(resolutions);
        }
    }

    function test_NoneAtOnceIsNothing() public {
        vm.recordLogs();
        registry.resolveMany(new Resolution[](0));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    /// Private keys 1 to `count`, ordered by address.
    function _keys(uint256 count) private {
        delete keys;
        for (uint256 key = 1; key <= count; ++key) {
            uint256 place = keys.length;
            keys.push(key);
            for (; place > 0 && vm.addr(keys[place - 1]) > vm.addr(key); --place) {
                keys[place] = keys[place - 1];
            }
            keys[place] = key;
        }
    }

    function _addresses() private view returns (address[] memory all) {
        all = new address[](keys.length);
        for (uint256 i = 0; i < all.length; ++i) {
            all[i] = vm.addr(keys[i]);
        }
    }

    function _signedId() private view returns (bytes32) {
        return _conditionId(2, abi.encode(_addresses(), TERMS));
    }

    function _signRegistry(uint256 key, bytes32 structHash) private view returns (Signature memory) {
        return _signDigest(key, Messages.digest(address(registry), structHash));
    }

    function _approvals(bytes32 conditionId) private view returns (Approval[] memory approvals) {
        approvals = new Approval[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            approvals[i] = Approval(_signRegistry(keys[i], Messages.condition(conditionId)), 0, noPath);
        }
    }

    /// A batch of four conditions; ours is leaf number `index`.
    function _batchApproval(uint256 key, bytes32 conditionId, uint256 index)
        private
        view
        returns (Approval memory approval)
    {
        approval.index = index;
        approval.path = new bytes32[](2);
        approval.path[0] = keccak256("another leaf");
        approval.path[1] = keccak256("another pair");
        approval.signature = _signRegistry(key, Messages.conditionBatch(_batchRoot(conditionId, approval)));
    }

    function _batchRoot(bytes32 conditionId, Approval memory approval) private pure returns (bytes32 node) {
        node = keccak256(abi.encodePacked(uint8(0), conditionId));
        for (uint256 i = 0; i < approval.path.length; ++i) {
            node = (approval.index >> i) & 1 == 0
                ? keccak256(abi.encodePacked(uint8(1), node, approval.path[i]))
                : keccak256(abi.encodePacked(uint8(1), approval.path[i], node));
        }
    }

    function _notAscending(address[] memory bad, uint256 index) private {
        Approval[] memory approvals = new Approval[](3);
        bytes32 conditionId = _conditionId(2, abi.encode(bad, TERMS));
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 k = 0; k < 3; ++k) {
                if (vm.addr(keys[k]) == bad[i]) {
                    approvals[i] = Approval(_signRegistry(keys[k], Messages.condition(conditionId)), 0, noPath);
                }
            }
        }
        vm.expectRevert(abi.encodeWithSelector(IConditionRegistry.KeysNotAscending.selector, index));
        registry.completeSigned(bad, TERMS, approvals);
    }

    function _notMet(address target) private {
        vm.expectRevert(abi.encodeWithSelector(IConditionRegistry.NotMet.selector, target));
        registry.meetContract(target, "question");
    }
}
