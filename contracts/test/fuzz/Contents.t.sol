// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";
import {IVirtualBankErrors} from "../../src/interfaces/IVirtualBankErrors.sol";
import {
    ChannelParams,
    Closing,
    Content,
    Evidence,
    Settlement,
    Signature,
    Statement,
    Status
} from "../../src/interfaces/Types.sol";
import {Test} from "../support/Test.sol";
import {TestToken} from "../support/TestToken.sol";
import {Vm} from "../support/Vm.sol";

/// Whatever two signers put their names to, the bank pays out what it took in, no more and no less (INV-1, BK-50 to
/// BK-52), and a record or a signature that differs in one bit is refused.
contract Contents is Test {
    uint256 private constant KEY0 = 0xA11CE;
    uint256 private constant KEY1 = 0xB0B;

    IVirtualBank private bank;
    TestToken private token;
    ChannelParams private params;
    bytes32 private id;

    function setUp() public {
        address registry = vm.deployCode("ConditionRegistry.sol:ConditionRegistry");
        bank = IVirtualBank(vm.deployCode("VirtualBank.sol:VirtualBank", abi.encode(registry)));
        token = new TestToken();
        params.owner = [address(0xA), address(0xB)];
        params.signer = [vm.addr(KEY0), vm.addr(KEY1)];
        params.token = address(token);
        params.lockPeriod = 1 days;
        id = bank.channelIdOf(params);
        // Another channel's money, which must never move.
        ChannelParams memory other = params;
        other.salt = 1;
        deposit(other, 0, 1e30);
    }

    function testFuzz_AnyContentsConserve(
        uint128[2] memory deposits,
        Content memory out,
        Content memory into,
        uint8 party,
        bool[2] memory stated
    ) public {
        (Closing memory closing, Content[2] memory contents) = closed(deposits, out, into, party, stated);
        uint256 total = uint256(depositOf(deposits[0])) + depositOf(deposits[1]);
        assertEq(paidOut() + closing.held, total, "at close");

        vm.warp(closing.endsAt);
        Settlement memory settlement = settled(closing, contents);
        assertEq(paidOut() + settlement.held, total, "at settle");
        if (bank.statusOf(id) == Status.Closed) {
            assertEq(settlement.held, 0);
            return;
        }
        assertEq(
            settlement.owed[0] + settlement.owed[1] + int256(uint256(settlement.locked[0]))
                + int256(uint256(settlement.locked[1])),
            int256(uint256(settlement.held)),
            "BK-71"
        );
        releaseAll(settlement);
        assertEq(paidOut(), total, "at the end");
        assertEq(uint256(bank.statusOf(id)), uint256(Status.Closed));
        assertEq(token.balanceOf(address(bank)), 1e30, "the other channel's money");
    }

    function testFuzz_AnotherRecordIsRefused(Content memory out, uint8 party, uint256 field, uint64 value) public {
        (Closing memory closing, Content[2] memory contents) =
            closed([uint128(5), 5], out, out, party, [true, true]);
        bytes32 before = keccak256(abi.encode(closing));
        field %= 8;
        if (field == 0) closing.party = uint8(value);
        else if (field == 1) closing.endsAt = value;
        else if (field == 2) closing.statedOut = value;
        else if (field == 3) closing.inNonce = value;
        else if (field == 4) closing.base[0] = int256(uint256(value));
        else if (field == 5) closing.held = value;
        else if (field == 6) closing.paidToPeer = value;
        else closing.outHash = bytes32(uint256(value));
        vm.assume(keccak256(abi.encode(closing)) != before && closing.party < 2);
        vm.warp(block.timestamp + 2 days);
        vm.expectRevert(abi.encodeWithSelector(IVirtualBankErrors.WrongRecord.selector, id));
        bank.settle(params, closing, contents);
    }

    function testFuzz_OneBitOfASignatureMatters(uint256 bit, Content memory into) public {
        deposit(params, 1, 10);
        Statement memory statement;
        statement.inNonce = 1;
        statement.inContent = into;
        Signature memory signature = signLine(KEY1, 1, 1, 0, into);
        bit %= 512;
        if (bit < 256) signature.r ^= bytes32(1 << bit);
        else signature.vs ^= bytes32(1 << (bit - 256));
        statement.inPromise = signature;
        vm.expectPartialRevert(IVirtualBankErrors.WrongSignature.selector);
        vm.prank(params.owner[0]);
        bank.close(params, 0, statement);
    }

    /// Evidence counts exactly where it contradicts the statement (BK-60).
    function testFuzz_EvidenceCountsWhereItContradicts(
        uint64[2] memory stated,
        uint64 nonce,
        uint64 acked,
        bool inward,
        bool sameContent
    ) public {
        Content memory content;
        content.sent = 1;
        Content memory different;
        different.sent = 2;
        stated[0] = uint64(bound(stated[0], 1, 4));
        stated[1] = uint64(bound(stated[1], 1, 4));
        nonce = uint64(bound(nonce, 0, 6));
        acked = uint64(bound(acked, 0, 6));
        deposit(params, 0, 10);
        Statement memory statement;
        statement.outNonce = stated[0];
        statement.outContent = content;
        statement.outAck = signLine(KEY1, 0, stated[0], 0, content);
        statement.inNonce = stated[1];
        statement.inContent = content;
        statement.inPromise = signLine(KEY1, 1, stated[1], 0, content);
        vm.recordLogs();
        vm.prank(params.owner[0]);
        bank.close(params, 0, statement);
        Closing memory closing = closingOf(vm.getRecordedLogs());

        Evidence memory evidence;
        evidence.direction = inward ? 1 : 0;
        evidence.nonce = nonce;
        evidence.acked = acked;
        evidence.contentHash = keccak256(abi.encode(sameContent ? content : different));
        evidence.signature = signLine(KEY0, evidence.direction, nonce, acked, sameContent ? content : different);
        bool contradicts = nonce > 0
            && (inward ? nonce > stated[1] || (nonce == stated[1] && !sameContent) : acked > stated[0]);
        if (!contradicts) vm.expectRevert(IVirtualBankErrors.NoContradiction.selector);
        bank.challenge(params, closing, evidence);
        if (contradicts) assertEq(token.balanceOf(address(0xB)), 10, "everything goes to the other side");
    }

    function testFuzz_CloseTogetherPaysWithinHeld(uint128[2] memory deposits, int256 delta) public {
        deposit(params, 0, depositOf(deposits[0]));
        deposit(params, 1, depositOf(deposits[1]));
        int256 base = int256(uint256(depositOf(deposits[0])));
        int256 total = base + int256(uint256(depositOf(deposits[1])));
        Signature[2] memory signatures;
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("CloseTogether(bytes32 channelId,int256 delta,uint64 validUntil)"),
                id,
                delta,
                uint64(block.timestamp)
            )
        );
        signatures[0] = sign(KEY0, structHash);
        signatures[1] = sign(KEY1, structHash);
        bool fits = delta >= -base && delta <= total - base;
        if (!fits) vm.expectPartialRevert(IVirtualBankErrors.DeltaOutOfRange.selector);
        bank.closeTogether(params, delta, uint64(block.timestamp), signatures);
        if (!fits) return;
        assertEq(token.balanceOf(address(0xA)), uint256(base + delta));
        assertEq(token.balanceOf(address(0xB)), uint256(total - base - delta));
    }

    function closed(
        uint128[2] memory deposits,
        Content memory out,
        Content memory into,
        uint8 party,
        bool[2] memory stated
    ) private returns (Closing memory closing, Content[2] memory contents) {
        party %= 2;
        deposit(params, 0, depositOf(deposits[0]));
        deposit(params, 1, depositOf(deposits[1]));
        uint256 peerKey = party == 0 ? KEY1 : KEY0;
        Statement memory statement;
        if (stated[0]) {
            statement.outNonce = 1;
            statement.outContent = out;
            statement.outAck = signLine(peerKey, party, 1, 0, out);
            contents[party] = out;
        }
        if (stated[1]) {
            statement.inNonce = 1;
            statement.inContent = into;
            statement.inPromise = signLine(peerKey, 1 - party, 1, 0, into);
            contents[1 - party] = into;
        }
        vm.recordLogs();
        vm.prank(params.owner[party]);
        bank.close(params, party, statement);
        closing = closingOf(vm.getRecordedLogs());
    }

    function settled(Closing memory closing, Content[2] memory contents)
        private
        returns (Settlement memory settlement)
    {
        vm.recordLogs();
        bank.settle(params, closing, contents);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IVirtualBank.Settled.selector) {
                (,, settlement) = abi.decode(logs[i].data, (uint128, uint128, Settlement));
            }
        }
    }

    /// Past both windows nothing is claimed; each release pays what it can, in either order.
    function releaseAll(Settlement memory settlement) private {
        vm.warp(block.timestamp + 100 days);
        for (uint8 direction = 0; direction < 2; ++direction) {
            if (bank.statusOf(id) == Status.Closed || settlement.locked[direction] == 0) continue;
            vm.recordLogs();
            bank.releaseLocks(params, settlement, direction);
            Vm.Log[] memory logs = vm.getRecordedLogs();
            for (uint256 i = 0; i < logs.length; ++i) {
                if (logs[i].topics[0] != IVirtualBank.LocksReleased.selector) continue;
                (, uint128 amount, uint128 paid) = abi.decode(logs[i].data, (uint8, uint128, uint128));
                settlement.locked[direction] -= amount;
                settlement.owed[direction] += int256(uint256(amount)) - int256(uint256(paid));
                settlement.held -= paid;
            }
        }
    }

    function closingOf(Vm.Log[] memory logs) private pure returns (Closing memory closing) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IVirtualBank.Closed.selector) {
                (closing,,) = abi.decode(logs[i].data, (Closing, Content, Content));
            }
        }
    }

    function depositOf(uint128 amount) private pure returns (uint128) {
        return uint128(bound(amount, 1, 1 << 124));
    }

    function paidOut() private view returns (uint256) {
        return token.balanceOf(address(0xA)) + token.balanceOf(address(0xB));
    }

    function deposit(ChannelParams memory to, uint8 party, uint128 amount) private {
        token.mint(address(this), amount);
        token.approve(address(bank), amount);
        bank.fund(to, party, amount);
    }

    function signLine(uint256 key, uint8 direction, uint64 nonce, uint64 acked, Content memory content)
        private
        view
        returns (Signature memory)
    {
        return sign(
            key,
            keccak256(
                abi.encode(
                    keccak256(
                        "BalanceProof(bytes32 channelId,uint8 direction,uint64 nonce,uint64 acked,bytes32 contentHash)"
                    ),
                    id,
                    direction,
                    nonce,
                    acked,
                    keccak256(abi.encode(content))
                )
            )
        );
    }

    function sign(uint256 key, bytes32 structHash) private view returns (Signature memory signature) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Tallystick"),
                keccak256("1"),
                block.chainid,
                address(bank)
            )
        );
        (signature.r, signature.vs) = vm.signCompact(key, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
    }
}
