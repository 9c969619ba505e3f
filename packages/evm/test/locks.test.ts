/** A channel that settles with pending locks: update, settle, claim, release, and the record at every step. */

import type { ChainCall, ChainPort } from '@tallystick/protocol'
import { type Hex, sha256, zeroHash } from 'viem'
import { describe, expect, test } from 'vitest'
import { closingOf, open, paid, run, statementOf } from './support/court.ts'
import { conditionId, lockTree } from './support/lines.ts'
import { LOCK_PERIOD, NATIVE } from './support/world.ts'

async function settlementOf(port: ChainPort, id: Hex) {
  const record = await port.record(id, 'head')
  if (record?.kind !== 'settled') throw new Error(`not settled: ${record?.kind}`)
  return record.settlement
}

describe('settling with locks', () => {
  test.each([['a token', undefined] as const, ['the native coin', NATIVE] as const])(
    'close, update, settle, claim and release locks in both directions, with %s',
    async (_, token) => {
      const { world, params, port, peer, id, line } = await open(2n, token)
      const preimages: Hex[] = [`0x${'01'.repeat(32)}`, `0x${'02'.repeat(32)}`, `0x${'03'.repeat(32)}`]
      const conditions = preimages.map((preimage) => conditionId(world, 1, sha256(preimage)))
      const { timestampSeconds } = await port.block('head')
      const expiry = timestampSeconds + 1_000n
      const lock = (slot: number, amount: bigint, i: number) => ({
        slot,
        amount,
        condition: conditions[i] ?? zeroHash,
        expiry,
      })
      // Out: 60 + 40 met, 30 never; in: 25 met.
      const outLocks = lockTree([lock(3, 60n, 0), lock(300, 40n, 1), lock(2, 30n, 2)])
      const inLocks = lockTree([lock(511, 25n, 0)])
      const locked = (sent: bigint, amount: bigint, locksRoot: Hex) =>
        paid(sent, { locked: amount, lockedUntil: expiry, locksRoot })
      const stated = await line(0, 4n, 0n, paid(100n))
      const newer = await line(0, 7n, 4n, locked(110n, 130n, outLocks.root))
      const incoming = await line(1, 9n, 2n, locked(20n, 25n, inLocks.root))

      const closed = await run(world, port, {
        kind: 'close',
        params,
        party: 0,
        statement: statementOf(stated, incoming),
      })
      expect(closed.events).toMatchObject([
        { name: 'Closed', outContent: { sent: 100n }, inContent: { sent: 20n } },
      ])
      expect(await port.record(id, 'head')).toMatchObject({
        kind: 'closing',
        closing: { party: 0, outNonce: 4n, inNonce: 9n, endsAt: expect.any(BigInt) },
        contents: [{ sent: 100n }, { sent: 20n, locked: 25n }],
      })
      const second: ChainCall = { kind: 'close', params, party: 1, statement: statementOf(incoming, stated) }
      await expect(peer.simulate(second)).rejects.toMatchObject({
        contractError: { name: 'WrongStatus' },
        consequence: 'final',
      })

      const update = { line: newer, promise: newer.promise, ack: newer.ack }
      await run(world, peer, { kind: 'update', params, closing: await closingOf(port, id), update })
      const record = await port.record(id, 'final')
      expect(record).toMatchObject({
        closing: { outNonce: 7n, statedOut: 4n },
        contents: [undefined, { sent: 20n }],
      })
      const contents = [newer.content, incoming.content] as const
      const settle = async (): Promise<ChainCall> => ({
        kind: 'settle',
        params,
        closing: await closingOf(port, id),
        contents,
      })
      await expect(port.simulate(await settle())).rejects.toMatchObject({
        contractError: { name: 'PeriodRunning' },
        consequence: 'retry',
      })
      await run(world, peer, {
        kind: 'resolve',
        resolutions: preimages.slice(0, 2).map((preimage) => ({ kind: 'hash', preimage })),
      })
      await world.anvil.increaseTime(LOCK_PERIOD)
      await run(world, peer, await settle())
      // No locks count for anybody yet: 1000 - 110 + 20 - 130, and 500 - 20 + 110 - 25.
      expect(await settlementOf(port, id)).toMatchObject({ locked: [130n, 25n], held: 155n })

      const claim = async (direction: 0 | 1, locks: typeof outLocks.locks): Promise<ChainCall> => ({
        kind: 'claimLocks',
        params,
        settlement: await settlementOf(port, id),
        direction,
        locks,
      })
      const at = (slot: number) => outLocks.locks.filter((one) => one.slot === slot)
      await run(world, peer, await claim(0, at(3)))
      expect(await settlementOf(port, id)).toMatchObject({
        locked: [70n, 25n],
        claimed: [
          [8n, 0n],
          [0n, 0n],
        ],
      })
      await run(world, port, await claim(1, inLocks.locks))
      await run(world, peer, await claim(0, at(300)))
      expect(await settlementOf(port, id)).toMatchObject({
        held: 30n,
        locked: [30n, 0n],
        claimed: [
          [8n, 1n << 44n],
          [0n, 1n << 255n],
        ],
      })
      const again = await claim(0, at(3))
      await expect(peer.simulate(again)).rejects.toMatchObject({ contractError: { name: 'SlotClaimed' } })
      const unmet = await claim(0, at(2))
      await expect(peer.simulate(unmet)).rejects.toMatchObject({ contractError: { name: 'NotMetInTime' } })
      const release = async (): Promise<ChainCall> => ({
        kind: 'releaseLocks',
        params,
        settlement: await settlementOf(port, id),
        direction: 0,
      })
      await expect(port.simulate(await release())).rejects.toMatchObject({
        contractError: { name: 'ClaimWindowOpen' },
      })
      await world.anvil.increaseTime(2 * LOCK_PERIOD)
      const last = await run(world, port, await release())
      expect(last.events).toMatchObject([{ name: 'LocksReleased', direction: 0, amount: 30n, paid: 30n }])
      expect(await port.channel(id, 'final')).toMatchObject({ status: 'closed' })
      expect(await port.record(id, 'final')).toBeUndefined()
      expect(await port.balance(params.token, world.bank, 'final')).toBe(0n)
      if (token === undefined) {
        // Out: 110 + 60 + 40, in: 20 + 25.
        expect(await port.balance(world.token, port.account, 'final')).toBe(1_000_000n - 210n + 45n)
        expect(await port.balance(world.token, peer.account, 'final')).toBe(1_000_000n + 210n - 45n)
      }
    },
  )

  test('who owes more than it has is owed less first: the record follows', async () => {
    const { world, params, port, peer, id, line } = await open(9n)
    const preimage: Hex = `0x${'04'.repeat(32)}`
    const condition = conditionId(world, 1, sha256(preimage))
    const expiry = (await port.block('head')).timestampSeconds + 1_000n
    const out = lockTree([{ slot: 0, amount: 130n, condition, expiry }])
    const incoming = lockTree([{ slot: 256, amount: 25n, condition, expiry }])
    const pending = (sent: bigint, locked: bigint, locksRoot: Hex) =>
      paid(sent, { locked, lockedUntil: expiry, locksRoot })
    const lines = [
      await line(0, 1n, 0n, pending(900n, 130n, out.root)),
      await line(1, 1n, 0n, pending(0n, 25n, incoming.root)),
    ] as const
    await run(world, peer, { kind: 'resolve', resolutions: [{ kind: 'hash', preimage }] })
    await run(world, port, { kind: 'close', params, party: 0, statement: statementOf(...lines) })
    await world.anvil.increaseTime(LOCK_PERIOD)
    const contents = [lines[0].content, lines[1].content] as const
    await run(world, peer, { kind: 'settle', params, closing: await closingOf(port, id), contents })
    // Party 0: 1000 - 900 - 130; party 1: 500 + 900 - 25.
    expect(await settlementOf(port, id)).toMatchObject({ owed: [-30n, 0n], locked: [130n, 25n], held: 125n })
    const claim = async (direction: 0 | 1, locks: typeof out.locks): Promise<ChainCall> => {
      return { kind: 'claimLocks', params, settlement: await settlementOf(port, id), direction, locks }
    }
    const first = await run(world, port, await claim(1, incoming.locks))
    expect(first.events).toMatchObject([{ name: 'LocksClaimed', amount: 25n, paid: 0n }])
    expect(await settlementOf(port, id)).toMatchObject({ owed: [-5n, 0n], locked: [130n, 0n], held: 125n })
    const second = await run(world, peer, await claim(0, out.locks))
    expect(second.events).toMatchObject([{ name: 'LocksClaimed', amount: 130n, paid: 125n }])
    expect(await port.channel(id, 'final')).toMatchObject({ status: 'closed' })
    expect(await port.balance(world.token, peer.account, 'final')).toBe(1_001_000n)
  })
})
