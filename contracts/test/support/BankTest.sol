// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

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
} from "../../src/interfaces/Types.sol";
import {IConditionRegistry} from "../../src/interfaces/IConditionRegistry.sol";
import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {LockSet} from "./LockSet.sol";
import {Messages} from "./Messages.sol";
import {Test} from "./Test.sol";
import {TestToken} from "./TestToken.sol";
import {Vm} from "./Vm.sol";

/// @title One channel between two parties, and the moves they can make
/// @notice The contracts are deployed from the artifacts, so they run with exactly the bytecode that is shipped. Every
/// move that makes a record checks that the event carries the record the bank committed to.
abstract contract BankTest is Test {
    uint64 internal constant START = 2_000_000_000;
    uint32 internal constant PERIOD = 1 days;
    uint64 internal constant MAX_LOCK = 30 days;
    uint128 internal constant DEPOSIT0 = 1000;
    uint128 internal constant DEPOSIT1 = 500;
    uint256 internal constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    IVirtualBank internal bank;
    IConditionRegistry internal registry;
    TestToken internal token;
    ChannelParams internal params;
    bytes32 internal id;

    /// Keys of the signers and of the owners.
    uint256[2] internal signerKey = [uint256(0x51), 0x52];
    uint256[2] internal ownerKey = [uint256(0xA1), 0xA2];
    uint256 internal constant DELEGATE_KEY = 0xDE;
    address[2] internal owner;
    address[2] internal signer;
    address internal delegate;
    address internal stranger = address(0x57A);

    function setUp() public virtual {
        vm.warp(START);
        registry = IConditionRegistry(vm.deployCode("ConditionRegistry.sol:ConditionRegistry"));
        bank = IVirtualBank(vm.deployCode("VirtualBank.sol:VirtualBank", abi.encode(registry)));
        token = new TestToken();
        owner = [vm.addr(ownerKey[0]), vm.addr(ownerKey[1])];
        signer = [vm.addr(signerKey[0]), vm.addr(signerKey[1])];
        delegate = vm.addr(DELEGATE_KEY);
        params = ChannelParams({owner: owner, signer: signer, token: address(token), lockPeriod: PERIOD, salt: 7});
        id = bank.channelIdOf(params);
        _enrich(owner[0]);
        _enrich(owner[1]);
        _enrich(stranger);
    }

    function _enrich(address account) internal {
        vm.deal(account, 1_000_000);
        token.mint(account, type(uint128).max);
        vm.prank(account);
        token.approve(address(bank), type(uint256).max);
    }

    /// Makes the channel another one; call it before funding.
    function _useParams(ChannelParams memory changed) internal {
        params = changed;
        id = bank.channelIdOf(changed);
    }

    function _useNative() internal {
        params.token = address(0);
        id = bank.channelIdOf(params);
    }

    // Funding.

    function _fund(uint8 party, uint128 amount) internal {
        bool native = params.token == address(0);
        vm.prank(owner[party]);
        bank.fund{value: native ? amount : 0}(params, party, amount);
    }

    /// Both deposits, 1000 and 500.
    function _open() internal {
        _fund(0, DEPOSIT0);
        _fund(1, DEPOSIT1);
    }

    // Signing.

    function _signDigest(uint256 key, bytes32 digest) internal pure returns (Signature memory signature) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        signature = Signature(r, v == 28 ? bytes32(uint256(s) | 1 << 255) : s);
    }

    function _sign(uint256 key, bytes32 structHash) internal view returns (Signature memory) {
        return _signDigest(key, Messages.digest(address(bank), structHash));
    }

    /// The lowest s that EN-60 refuses. (Mirroring a signature gives an s of 256 bits, which the compact form cannot even
    /// carry; ecrecover itself would take this one.)
    function _withHighS(Signature memory signature) internal pure returns (Signature memory) {
        return Signature(signature.r, bytes32(HALF_ORDER + 1));
    }

    function _signLine(uint256 key, uint8 direction, uint64 nonce, uint64 acked, bytes32 contentHash)
        internal
        view
        returns (Signature memory)
    {
        return _sign(key, Messages.balanceProof(id, direction, nonce, acked, contentHash));
    }

    function _bothSign(bytes32 structHash) internal view returns (Signature[2] memory) {
        return [_sign(signerKey[0], structHash), _sign(signerKey[1], structHash)];
    }

    // Lines.

    function _none() internal pure returns (Content memory none) {}

    function _noSignature() internal pure returns (Signature memory none) {}

    function _sent(uint128 sent) internal pure returns (Content memory) {
        return Content(sent, 0, 0, 0, keccak256(abi.encode("memo", sent)));
    }

    function _sentAndLocked(uint128 sent, Lock[] memory locks) internal pure returns (Content memory content) {
        content = _sent(sent);
        content.locked = LockSet.sum(locks);
        content.lockedUntil = LockSet.lastExpiry(locks);
        content.locksRoot = LockSet.root(locks);
    }

    function _hash(Content memory content) internal pure returns (bytes32) {
        return Messages.contentHash(content);
    }

    function _ackedBefore(uint64 nonce) internal pure returns (uint64) {
        return nonce == 0 ? 0 : nonce - 1;
    }

    /// What d states: its own line with the peer's ack, the peer's line with the peer's promise. Each line's `acked` is
    /// the nonce below its own.
    function _statement(uint8 d, uint64 outNonce, Content memory out, uint64 inNonce, Content memory incoming)
        internal
        view
        returns (Statement memory statement)
    {
        uint256 peerKey = signerKey[1 - d];
        statement.outNonce = outNonce;
        statement.outContent = out;
        statement.inNonce = inNonce;
        statement.inContent = incoming;
        if (outNonce != 0) {
            statement.outAcked = _ackedBefore(outNonce);
            statement.outAck = _signLine(peerKey, d, outNonce, statement.outAcked, _hash(out));
        }
        if (inNonce != 0) {
            statement.inAcked = _ackedBefore(inNonce);
            statement.inPromise = _signLine(peerKey, 1 - d, inNonce, statement.inAcked, _hash(incoming));
        }
    }

    /// A line that both parties of direction d signed.
    function _update(uint8 d, uint64 nonce, Content memory content) internal view returns (Update memory update) {
        bytes32 hash = _hash(content);
        update.line.nonce = nonce;
        update.line.acked = _ackedBefore(nonce);
        update.line.contentHash = hash;
        update.payerPromise = _signLine(signerKey[d], d, nonce, update.line.acked, hash);
        update.ack = _signLine(signerKey[1 - d], d, nonce, update.line.acked, hash);
    }

    function _evidence(uint256 key, uint8 direction, uint64 nonce, uint64 acked, bytes32 contentHash)
        internal
        view
        returns (Evidence memory)
    {
        return Evidence(direction, nonce, acked, contentHash, _signLine(key, direction, nonce, acked, contentHash));
    }

    // Moves. Each returns the record that the next one needs.

    function _close(uint8 d, Statement memory statement) internal returns (Closing memory) {
        vm.recordLogs();
        vm.prank(owner[d]);
        bank.close(params, d, statement);
        return _closingOfLogs();
    }

    function _closeBlind(uint8 d) internal returns (Closing memory) {
        vm.recordLogs();
        vm.prank(owner[d]);
        bank.closeBlind(params, d);
        return _closingOfLogs();
    }

    function _show(Closing memory closing, Update memory update) internal returns (Closing memory) {
        vm.recordLogs();
        vm.prank(stranger);
        bank.update(params, closing, update);
        return _closingOfLogs();
    }

    function _settle(Closing memory closing, Content memory content0, Content memory content1)
        internal
        returns (Settlement memory settlement)
    {
        if (block.timestamp < closing.endsAt) vm.warp(closing.endsAt);
        vm.recordLogs();
        vm.prank(stranger);
        bank.settle(params, closing, [content0, content1]);
        bytes memory data = _lastLog(IVirtualBank.Settled.selector);
        (,, settlement) = abi.decode(data, (uint128, uint128, Settlement));
        assertEq(
            int256(uint256(settlement.held)),
            settlement.owed[0] + settlement.owed[1] + int256(uint256(settlement.locked[0]))
                + int256(uint256(settlement.locked[1])),
            "BK-71: owed and locked make up what is held"
        );
        if (settlement.held == 0) _assertStatus(Status.Closed);
        else _assertCommitted(keccak256(abi.encode(settlement)), Status.Settled);
    }

    function _claim(Settlement memory settlement, uint8 direction, Lock[] memory locks)
        internal
        returns (Settlement memory)
    {
        return _claimFrom(settlement, direction, locks, locks);
    }

    /// Claims `claimed` out of a tree that holds `all`, and applies the event to the record (BK-2).
    function _claimFrom(Settlement memory settlement, uint8 direction, Lock[] memory all, Lock[] memory claimed)
        internal
        returns (Settlement memory)
    {
        bytes32[9][] memory paths = new bytes32[9][](claimed.length);
        for (uint256 i = 0; i < claimed.length; ++i) {
            paths[i] = LockSet.path(all, claimed[i].slot);
        }
        vm.recordLogs();
        vm.prank(stranger);
        bank.claimLocks(params, settlement, direction, claimed, paths);
        (uint8 logged, uint128 amount, uint128 paid, uint256[2] memory slots) =
            abi.decode(_lastLog(IVirtualBank.LocksClaimed.selector), (uint8, uint128, uint128, uint256[2]));
        assertEq(logged, direction, "direction of the event");
        settlement.claimed[direction] = slots;
        return _moved(settlement, direction, 1 - direction, amount, paid);
    }

    function _release(Settlement memory settlement, uint8 direction) internal returns (Settlement memory) {
        vm.recordLogs();
        vm.prank(stranger);
        bank.releaseLocks(params, settlement, direction);
        (uint8 logged, uint128 amount, uint128 paid) =
            abi.decode(_lastLog(IVirtualBank.LocksReleased.selector), (uint8, uint128, uint128));
        assertEq(logged, direction, "direction of the event");
        return _moved(settlement, direction, direction, amount, paid);
    }

    function _moved(Settlement memory settlement, uint8 direction, uint8 party, uint128 amount, uint128 paid)
        private
        view
        returns (Settlement memory)
    {
        settlement.locked[direction] -= amount;
        settlement.owed[party] += int256(uint256(amount)) - int256(uint256(paid));
        settlement.held -= paid;
        if (settlement.held == 0) _assertStatus(Status.Closed);
        else _assertCommitted(keccak256(abi.encode(settlement)), Status.Settled);
        return settlement;
    }

    // Locks and their conditions.

    function _preimage(uint256 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("preimage", number));
    }

    function _hashCondition(bytes32 preimage) internal view returns (bytes32) {
        return _conditionId(1, abi.encode(sha256(abi.encode(preimage))));
    }

    function _conditionId(uint8 kind, bytes memory data) internal view returns (bytes32) {
        return keccak256(abi.encode(kind, block.chainid, address(registry), keccak256(data)));
    }

    /// A lock on the hash of preimage number `slot`.
    function _lock(uint16 slot, uint128 amount, uint64 expiry) internal view returns (Lock memory) {
        return Lock(slot, amount, _hashCondition(_preimage(slot)), expiry);
    }

    function _oneLock(uint16 slot, uint128 amount, uint64 expiry) internal view returns (Lock[] memory locks) {
        locks = new Lock[](1);
        locks[0] = _lock(slot, amount, expiry);
    }

    function _reveal(uint16 slot) internal {
        registry.revealHash(_preimage(slot));
    }

    // Checks.

    function _assertStatus(Status status) internal view {
        assertEq(uint256(bank.statusOf(id)), uint256(status), "status");
    }

    function _assertCommitted(bytes32 recordHash, Status status) internal view {
        _assertStatus(status);
        assertEq(bank.commitmentOf(id), recordHash & bytes32(type(uint256).max >> 2), "commitment");
    }

    /// What the account gained since it was enriched, in the channel's token.
    function _gained(address account) internal view returns (int256) {
        if (params.token == address(0)) return int256(account.balance) - 1_000_000;
        return int256(token.balanceOf(account)) - int256(uint256(type(uint128).max));
    }

    function _closingOfLogs() private returns (Closing memory closing) {
        Vm.Log memory log = _lastLogOf(IVirtualBank.Closed.selector, IVirtualBank.Updated.selector);
        if (log.topics[0] == IVirtualBank.Closed.selector) {
            (closing,,) = abi.decode(log.data, (Closing, Content, Content));
        } else {
            (closing,) = abi.decode(log.data, (Closing, Content));
        }
        _assertCommitted(keccak256(abi.encode(closing)), Status.Closing);
    }

    function _lastLog(bytes32 topic) internal returns (bytes memory) {
        return _lastLogOf(topic, topic).data;
    }

    function _lastLogOf(bytes32 topic, bytes32 orTopic) private returns (Vm.Log memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = logs.length; i > 0; --i) {
            Vm.Log memory log = logs[i - 1];
            if (log.emitter == address(bank) && (log.topics[0] == topic || log.topics[0] == orTopic)) {
                assertEq(log.topics[1], id, "channel of the event");
                return log;
            }
        }
        revert("the bank did not emit the event");
    }
}
