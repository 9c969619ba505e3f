/** Every function of the bank and the registry through the port, on a real chain, with the money counted afterwards. */

import type { ChainCall } from '@tallystick/protocol'
import { encodeAbiParameters, type Hex, sha256, zeroHash } from 'viem'
import { describe, expect, test } from 'vitest'
import { NO_CONTENT } from '../src/index.ts'
import { closingOf, FAR, open, paid, run, statementOf } from './support/court.ts'
import { conditionId, signAs } from './support/lines.ts'
import { LOCK_PERIOD, makeWorld, NATIVE } from './support/world.ts'

describe('leaving together', () => {
  test('joint funding, withdrawal in place, closing in agreement', async () => {
    const world = await makeWorld()
    const params = world.params(1n)
    const port = world.port()
    const peer = world.port({ privateKey: world.owners[1].privateKey })
    const id = port.channelIdOf(params)
    const amounts = [700n, 300n] as const
    await run(world, peer, { kind: 'approve', token: world.token, amount: 300n })
    const request = { params, amounts, sender: port.account, validUntil: FAR }
    const authorisation = await peer.authoriseJointFunding(request)
    await expect(port.authoriseJointFunding(request)).rejects.toMatchObject({ code: 'invalid_argument' })
    const joint: ChainCall = {
      kind: 'fundJointly',
      params,
      party: 0,
      amounts,
      validUntil: FAR,
      authorisation,
    }
    const { events } = await run(world, port, joint)
    expect(events.map(({ name }) => name)).toEqual(['Funded', 'Funded'])
    expect(await port.channel(id, 'final')).toMatchObject({ status: 'open', deposits: [700n, 300n] })
    expect(await port.allowance(world.token, peer.account, 'head')).toBe(0n)
    await expect(port.simulate(joint)).rejects.toMatchObject({ contractError: { name: 'AuthorisationUsed' } })

    const withdrawal = { channelId: id, party: 1, total: 120n, validUntil: FAR }
    const [s0, s1] = world.signers
    const signatures = [
      await signAs(world, s0, 'Withdrawal', withdrawal),
      await signAs(world, s1, 'Withdrawal', withdrawal),
    ] as const
    await run(world, port, { kind: 'withdraw', params, party: 1, total: 120n, validUntil: FAR, signatures })
    expect(await port.channel(id, 'final')).toMatchObject({ withdrawn: [0n, 120n] })
    const [a, b] = signatures
    const swapped: ChainCall = {
      kind: 'withdraw',
      params,
      party: 1,
      total: 121n,
      validUntil: FAR,
      signatures: [b, a],
    }
    await expect(port.simulate(swapped)).rejects.toMatchObject({
      contractError: { name: 'WrongSignature' },
      field: 'signatures[0]',
    })

    const close = { channelId: id, delta: -50n, validUntil: FAR }
    const both = [
      await signAs(world, s0, 'CloseTogether', close),
      await signAs(world, s1, 'CloseTogether', close),
    ] as const
    const done = await run(world, peer, {
      kind: 'closeTogether',
      params,
      delta: -50n,
      validUntil: FAR,
      signatures: both,
    })
    expect(done.events).toMatchObject([{ name: 'ClosedTogether', paid0: 650n, paid1: 230n }])
    expect(await port.channel(id, 'final')).toMatchObject({ status: 'closed' })
    expect(await port.balance(world.token, port.account, 'final')).toBe(1_000_000n - 50n)
    expect(await port.balance(world.token, peer.account, 'final')).toBe(1_000_000n + 50n)
  })
})

describe('closing alone', () => {
  test('a record that the endpoint tells wrongly is not believed', async () => {
    const { world, params, port, peer, id, line } = await open(8n)
    await run(world, port, { kind: 'close', params, party: 0, statement: statementOf(undefined, undefined) })
    const newer = await line(0, 1n, 0n, paid(10n))
    const { nonce, acked, contentHash, promise, ack } = newer
    const update = { line: { nonce, acked, contentHash }, promise, ack }
    await run(world, peer, { kind: 'update', params, closing: await closingOf(port, id), update })
    expect(await closingOf(port, id)).toMatchObject({ outNonce: 1n })
    // The endpoint keeps the update to itself: the stated line would look like the newest.
    world.proxy.onResult(({ method }, result) => {
      return method === 'eth_getLogs' ? (result as unknown[]).slice(0, -1) : result
    })
    const fresh = world.port()
    await expect(fresh.record(id, 'head')).rejects.toMatchObject({
      code: 'state_unavailable',
      field: 'fromBlock',
    })
    world.proxy.onResult(undefined)
    expect(await closingOf(fresh, id)).toMatchObject({ outNonce: 1n })
  })

  test('who denies a line it promised loses everything', async () => {
    const { world, params, port, peer, id, line, balances } = await open(3n)
    const [, before] = await balances()
    const old = await line(0, 1n, 0n, paid(10n))
    const denied = await line(0, 8n, 5n, paid(400n))
    await run(world, port, { kind: 'close', params, party: 0, statement: statementOf(old, undefined) })
    const closing = await closingOf(peer, id)
    const { direction, nonce, acked, contentHash, promise, ack } = denied
    const evidence = { direction, nonce, acked, contentHash, signature: promise }
    const wrong: ChainCall = { kind: 'challenge', params, closing, evidence: { ...evidence, signature: ack } }
    await expect(peer.simulate(wrong)).rejects.toMatchObject({ contractError: { name: 'WrongSignature' } })
    const { events } = await run(world, peer, { kind: 'challenge', params, closing, evidence })
    expect(events).toMatchObject([{ name: 'Challenged', party: 0, forfeited: 990n }])
    expect(await port.channel(id, 'final')).toMatchObject({ status: 'closed' })
    const [, after] = await balances()
    expect(after - before).toBe(1_500n)
  })

  test('a stranger relays a statement, and a delegate acknowledges an update', async () => {
    const { world, params, port, id, line } = await open(4n)
    const stranger = world.port({ privateKey: world.stranger.privateKey })
    const old = await line(0, 1n, 0n, paid(10n))
    const stated = statementOf(old, undefined)
    const message = {
      channelId: id,
      party: 0,
      blind: false,
      outNonce: 1n,
      outAcked: 0n,
      outContentHash: old.contentHash,
      inNonce: 0n,
      inAcked: 0n,
      inContentHash: zeroHash,
      validUntil: FAR,
    }
    const signature = await signAs(world, world.signers[0], 'CloseStatement', message)
    await run(world, stranger, {
      kind: 'closeFor',
      params,
      party: 0,
      statement: stated,
      validUntil: FAR,
      signature,
    })
    const newer = await line(0, 2n, 1n, paid(30n))
    const { nonce, acked, contentHash } = newer
    const proof = { channelId: id, direction: 0, nonce, acked, contentHash }
    const key = world.stranger.address
    const delegation = {
      key,
      validUntil: FAR,
      signature: await signAs(world, world.signers[1], 'AckDelegate', {
        channelId: id,
        direction: 0,
        key,
        validUntil: FAR,
      }),
    }
    const ack = await signAs(world, world.stranger, 'BalanceProof', proof)
    const update = { line: { nonce, acked, contentHash }, promise: newer.promise, ack, delegation }
    await run(world, stranger, { kind: 'update', params, closing: await closingOf(port, id), update })
    await world.anvil.increaseTime(LOCK_PERIOD)
    const closing = await closingOf(port, id)
    const { events } = await run(world, stranger, {
      kind: 'settle',
      params,
      closing,
      contents: [newer.content, NO_CONTENT],
    })
    expect(events).toMatchObject([{ name: 'Settled', paid0: 970n, paid1: 20n }])
  })

  test('blind, by the party and by a relayer: the peer opens the newest line', async () => {
    const { world, params, port, peer, id, line } = await open(5n)
    await run(world, port, { kind: 'closeBlind', params, party: 0 })
    const newest = await line(0, 6n, 0n, paid(77n))
    const { nonce, acked, contentHash, promise, ack, content } = newest
    const update = { line: { nonce, acked, contentHash }, promise, ack, content }
    await run(world, peer, { kind: 'update', params, closing: await closingOf(port, id), update })
    const record = await port.record(id, 'final')
    expect(record).toMatchObject({ closing: { blind: true }, contents: [{ sent: 77n }, { sent: 0n }] })
    if (record?.kind !== 'closing') throw new Error('not closing')
    const [out, incoming] = record.contents
    if (out === undefined || incoming === undefined) throw new Error('a blind close opens both contents')
    await world.anvil.increaseTime(4 * LOCK_PERIOD)
    await run(world, port, { kind: 'settle', params, closing: record.closing, contents: [out, incoming] })
    expect(await port.balance(world.token, peer.account, 'final')).toBe(1_000_077n)

    const other = world.params(6n)
    const otherId = port.channelIdOf(other)
    await run(world, port, { kind: 'fund', params: other, party: 0, amount: 5n })
    const zero = {
      outNonce: 0n,
      outAcked: 0n,
      outContentHash: zeroHash,
      inNonce: 0n,
      inAcked: 0n,
      inContentHash: zeroHash,
    }
    const message = { channelId: otherId, party: 1, blind: true, ...zero, validUntil: FAR }
    const signature = await signAs(world, world.signers[1], 'CloseStatement', message)
    await run(world, port, { kind: 'closeBlindFor', params: other, party: 1, validUntil: FAR, signature })
    expect(await closingOf(port, otherId)).toMatchObject({ party: 1, blind: true })
  })

  test('a payout that cannot be delivered becomes claimable and is taken', async () => {
    const { world, params, port, peer, id } = await open(7n, NATIVE)
    // PUSH0 PUSH0 REVERT: the owner refuses every coin.
    await world.anvil.request('anvil_setCode', [peer.account, '0x5f5ffd'])
    const message = { channelId: id, delta: 0n, validUntil: FAR }
    const [s0, s1] = world.signers
    const signatures = [
      await signAs(world, s0, 'CloseTogether', message),
      await signAs(world, s1, 'CloseTogether', message),
    ] as const
    const { events } = await run(world, port, {
      kind: 'closeTogether',
      params,
      delta: 0n,
      validUntil: FAR,
      signatures,
    })
    expect(events).toContainEqual(
      expect.objectContaining({ name: 'PayoutFailed', owner: peer.account, amount: 500n }),
    )
    expect(await port.claimable(peer.account, NATIVE, 'final')).toBe(500n)
    await world.anvil.request('anvil_setCode', [peer.account, '0x'])
    const to = '0x00000000000000000000000000000000000000aa'
    const taken = await run(world, peer, { kind: 'takeClaimable', token: NATIVE, to })
    expect(taken.events).toMatchObject([{ name: 'ClaimableTaken', owner: peer.account, to, amount: 500n }])
    expect(await port.balance(NATIVE, to, 'final')).toBe(500n)
    await run(world, port, { kind: 'transfer', token: NATIVE, to, amount: 3n })
    await run(world, port, { kind: 'transfer', token: world.token, to, amount: 4n })
    expect(await port.balance(NATIVE, to, 'final')).toBe(503n)
    expect(await port.balance(world.token, to, 'final')).toBe(4n)
  })
})

describe('the registry', () => {
  test('resolves by preimage and by the signatures of all, and the time counts from final blocks', async () => {
    const world = await makeWorld()
    const port = world.port()
    const preimage: Hex = `0x${'0a'.repeat(32)}`
    const hashId = conditionId(world, 1, sha256(preimage))
    const { promise, resolve } = Promise.withResolvers<void>()
    const result = port.submit(
      { kind: 'resolve', resolutions: [{ kind: 'hash', preimage }] },
      { key: 'reveal', onProgress: ({ stage }) => stage === 'seen' && resolve() },
    )
    await promise
    const { timestampSeconds } = await port.block('head')
    expect(await port.resolvedAt(hashId, 'head')).toBe(timestampSeconds)
    expect(await port.resolvedAt(hashId, 'final')).toBe(0n)
    await world.anvil.mine(2)
    expect((await result).events).toMatchObject([
      { name: 'Resolved', conditionId: hashId, kind: 1, key: preimage },
    ])
    expect(await port.resolvedAt(hashId, 'final')).toBe(timestampSeconds)

    const holders = [...world.signers].sort((a, b) => (a.address < b.address ? -1 : 1))
    const termsHash: Hex = `0x${'0b'.repeat(32)}`
    const addresses = holders.map(({ address }) => address)
    const data = encodeAbiParameters([{ type: 'address[]' }, { type: 'bytes32' }], [addresses, termsHash])
    const signedId = conditionId(world, 2, data)
    const approvals = await Promise.all(
      holders.map(async (holder) => ({
        signature: await signAs(world, holder, 'Condition', { conditionId: signedId }),
        index: 0n,
        path: [],
      })),
    )
    const signed = { kind: 'signed', keys: addresses, termsHash, approvals } as const
    // Other keys are another condition, which nobody signed.
    const unsorted = { ...signed, keys: addresses.toReversed(), approvals: approvals.toReversed() }
    for (const resolutions of [[unsorted], [unsorted, unsorted]]) {
      await expect(port.simulate({ kind: 'resolve', resolutions })).rejects.toMatchObject({
        contractError: { name: 'WrongApproval' },
      })
    }
    await run(world, port, {
      kind: 'resolve',
      resolutions: [{ kind: 'hash', preimage: `0x${'0c'.repeat(32)}` }, signed],
    })
    expect(await port.resolvedAt(signedId, 'final')).toBeGreaterThan(0n)
    await expect(
      port.simulate({
        kind: 'resolve',
        resolutions: [{ kind: 'contract', target: world.token, callData: '0x' }],
      }),
    ).rejects.toMatchObject({ contractError: { name: 'NotMet' }, consequence: 'retry' })
  })
})
