/**
 * LN-33, CL-10 against a peer that refuses, claims and acknowledges whatever lines it likes, in any order, and ends the
 * channel on the one that it likes best: no payment that was told void is in the line that counts, none that is in it is told
 * void, and no answer that was given is taken back.
 */

import {
  type ChainUpdate,
  type Content,
  contentHash,
  contentToChain,
  decodeOperations,
  memoRoot,
  NO_CONTENT,
  paramsToChain,
  type Sync,
  toHex,
  type Update,
} from '@tallystick/protocol'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Hex, PaymentState } from '../../src/engine/service.ts'
import { reference } from './rig.ts'
import { crypto, DEPOSIT, type Scene, scene } from './scripted-peer.ts'

const PEERS_ACCOUNT = 3
const LONG = { timeout: 60_000 }
const NO_LINE = { nonce: 0, acked: 0, contentHash: new Uint8Array(32), signature: new Uint8Array(64) }

interface Line {
  readonly nonce: number
  readonly base: number
  readonly acked: number
  readonly content: Content
  readonly hash: Uint8Array
  readonly promise: Uint8Array
  readonly references: readonly Hex[]
}

const moves = fc.array(
  fc.record({
    what: fc.constantFrom('pay', 'pay', 'refuse', 'claim', 'betray', 'acknowledge'),
    one: fc.nat({ max: 1_000 }),
    other: fc.nat({ max: 1_000 }),
  }),
  { minLength: 5, maxLength: 14 },
)
const endings = fc.record({
  weClose: fc.boolean(),
  late: fc.array(fc.nat({ max: 1_000 }), { maxLength: 2 }),
  shown: fc.nat({ max: 1_000 }),
})

it('a two-faced peer is never paid twice', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(moves, endings, async (script, ending) => {
      const game = await begin()
      for (const move of script) await game.play(move)
      await game.end(ending)
    }),
    { numRuns: Number(process.env.TWO_FACED_RUNS ?? 5), endOnFailure: true },
  )
})

async function begin() {
  const here = await scene()
  const { alice, peer } = here
  const lines = new Map<number, Line>()
  /** What was told of each payment for good. */
  const told = new Map<Hex, PaymentState>()
  let acked = 0
  let paid = 0

  /** Everything sent before this is dealt with, and what it made the node send is here. */
  async function quiet(): Promise<void> {
    peer.send({ type: 'ping', id: 1 })
    await peer.next('pong')
    for (const message of peer.received)
      if (message.type === 'update' && !lines.has(message.nonce))
        lines.set(message.nonce, lineOf(lines, message))
    await look()
  }

  async function look(): Promise<void> {
    const { payments } = await alice.service.listPayments({ direction: 'outgoing', limit: 1_000 })
    for (const { reference: name, state } of payments) {
      const before = told.get(name)
      if (before !== undefined) expect(state).toBe(before)
      if (state === 'accepted' || state === 'refused') told.set(name, state)
    }
  }

  /** Lines that the node must believe the peer holds. */
  const usable = () => [...lines.keys()].filter((nonce) => nonce > acked)
  const pick = <T>(from: readonly T[], number: number): T | undefined => from[number % from.length]

  function acknowledge(nonce: number): void {
    acked = nonce
    peer.send({
      type: 'ack',
      channelId: bytesOf(here),
      direction: 0,
      nonce,
      signature: ackOf(here, lines, nonce),
    })
  }

  return {
    async play({ what, one, other }: { what: string; one: number; other: number }): Promise<void> {
      const nonce = pick(usable(), one)
      if (what === 'pay') await pay()
      else if (nonce === undefined) return
      else if (what === 'refuse') refuse(nonce, other)
      else if (what === 'acknowledge') acknowledge(nonce)
      else if (what === 'claim') await claim(nonce)
      else await betray(nonce, other)
      await quiet()
    },
    end,
  }

  async function pay(): Promise<void> {
    paid += 1
    const request = {
      channelId: here.channelId,
      amount: BigInt(paid),
      reference: reference(`payment ${paid}`),
    }
    // A peer that refuses every line is not paid at: then this one is not made.
    await alice.service.pay({ ...request, until: 'sent', timeoutMs: 300 }).catch(() => undefined)
  }

  function refuse(nonce: number, other: number): void {
    const below = [acked, ...usable().filter((one) => one < nonce)]
    peer.send({
      type: 'refusal',
      channelId: bytesOf(here),
      about: 'update',
      nonce,
      lastAccepted: pick(below, other) ?? acked,
      code: 'policy',
      field: 'operations',
    })
  }

  /** Comes back and says that this line is the last it accepted, whatever it said before. */
  async function claim(nonce: number): Promise<void> {
    const hellos = () => peer.received.filter(({ type }) => type === 'hello').length
    const before = hellos()
    peer.hangUp()
    await expect.poll(hellos, LONG).toBe(before + 1)
    const line = lines.get(nonce)
    if (line === undefined) throw new Error(`no line ${nonce}`)
    const sync: Sync = {
      type: 'sync',
      channelId: bytesOf(here),
      accepted: { nonce, acked: line.acked, contentHash: line.hash, signature: line.promise },
      ackedNonce: acked,
      agreed: NO_LINE,
      lost: false,
    }
    peer.send(sync)
  }

  /** Refuses a line, so that another branch begins, and has the refused one continued all the same. */
  async function betray(nonce: number, other: number): Promise<void> {
    refuse(nonce, other)
    await quiet()
    await claim(nonce)
    await quiet()
    await pay()
  }

  async function end({ weClose, late, shown }: { weClose: boolean; late: readonly number[]; shown: number }) {
    const { world, channelId } = here
    const chain = world.chainOf(PEERS_ACCOUNT)
    const params = paramsToChain(here.state.setup.params)
    const stated = acked
    let counted = stated
    if (weClose) {
      await alice.service.closeChannel(channelId, 'alone')
      for (const number of late) {
        const nonce = pick(usable(), number)
        if (nonce !== undefined) acknowledge(nonce)
        await quiet()
      }
      await expect
        .poll(async () => (await alice.service.getChannel(channelId)).close?.endsAtSeconds, LONG)
        .toBeDefined()
      const nonce = pick([stated, ...[...lines.keys()].filter((one) => one > stated)], shown) ?? stated
      const record = await chain.record(channelId, 'head')
      if (nonce > stated && record?.kind === 'closing') {
        const update = updateOf(here, lines, nonce)
        await chain.submit({ kind: 'update', params, closing: record.closing, update }, { key: 'update' })
        counted = nonce
      }
    } else {
      counted = pick([stated, ...usable()], shown) ?? stated
      const line = lines.get(counted)
      const statement = {
        outNonce: 0n,
        outAcked: 0n,
        outContent: contentToChain(NO_CONTENT),
        outAck: toHex(new Uint8Array(64)),
        inNonce: BigInt(counted),
        inAcked: BigInt(line?.acked ?? 0),
        inContent: contentToChain(line?.content ?? NO_CONTENT),
        inPromise: toHex(line?.promise ?? new Uint8Array(64)),
      }
      await chain.submit({ kind: 'close', params, party: 1, statement }, { key: 'close' })
      await expect
        .poll(async () => (await alice.service.getChannel(channelId)).close?.endsAtSeconds, LONG)
        .toBeDefined()
    }
    await look()
    await world.anvil.increaseTime(700)
    const { close } = await alice.service.waitForChannel(channelId, 'closed', { timeoutMs: 60_000 })
    await look()
    expect(close?.forfeited).toBeUndefined()
    // What our close paid the peer at once it keeps, though it shows a line that pays less (BK-51).
    const sentBy = (nonce: number) => lines.get(nonce)?.content.sent ?? 0n
    const atOnce = weClose ? sentBy(stated) : 0n
    const spent = sentBy(counted)
    expect(close?.paidMine).toBe(DEPOSIT - (spent < atOnce ? atOnce : spent))
    const { payments } = await alice.service.listPayments({ direction: 'outgoing', limit: 1_000 })
    const inCounted = new Set(ancestry(lines, counted).flatMap(({ references }) => references))
    for (const { reference: name, state } of payments) {
      if (inCounted.has(name)) expect(state).toBe('accepted')
      expect(['accepted', 'refused']).toContain(state)
    }
    await alice.stop()
    await world.anvil.stop()
  }
}

function lineOf(lines: ReadonlyMap<number, Line>, message: Update): Line {
  const { nonce, base, acked, signature } = message
  const encoded = decodeOperations(message.operations, message.operationCount)
  if ('code' in encoded) throw new Error(encoded.code)
  const before = base === 0 ? NO_CONTENT : lines.get(base)?.content
  if (before === undefined) throw new Error(`line ${nonce} continues ${base}, which never came`)
  let { sent } = before
  const references: Hex[] = []
  for (const operation of encoded.operations) {
    if (operation.type !== 'pay') throw new Error('only payments here')
    sent += operation.amount
    references.push(toHex(operation.reference))
  }
  const content = { ...NO_CONTENT, sent, memoRoot: memoRoot(crypto, encoded) }
  return { nonce, base, acked, content, hash: contentHash(crypto, content), promise: signature, references }
}

function ancestry(lines: ReadonlyMap<number, Line>, nonce: number): readonly Line[] {
  const line = lines.get(nonce)
  return line === undefined ? [] : [...ancestry(lines, line.base), line]
}

function ackOf({ peer, state }: Scene, lines: ReadonlyMap<number, Line>, nonce: number): Uint8Array {
  const line = lines.get(nonce)
  if (line === undefined) throw new Error(`no line ${nonce}`)
  const { domain, channelId } = state.setup
  const { acked, hash } = line
  return peer.signer.sign({
    type: 'BalanceProof',
    domain,
    channelId,
    direction: 0,
    nonce,
    acked,
    contentHash: hash,
  })
}

function updateOf(here: Scene, lines: ReadonlyMap<number, Line>, nonce: number): ChainUpdate {
  const line = lines.get(nonce)
  if (line === undefined) throw new Error(`no line ${nonce}`)
  return {
    line: { nonce: BigInt(nonce), acked: BigInt(line.acked), contentHash: toHex(line.hash) },
    promise: toHex(line.promise),
    ack: toHex(ackOf(here, lines, nonce)),
  }
}

function bytesOf({ state }: Scene): Uint8Array {
  return state.setup.channelId
}
