/** Attacks that once worked against the machine, each with the rule that stops it now. */

import { expect, test } from 'vitest'
import {
  type ChannelRecord,
  type ChannelState,
  decodeState,
  duties,
  encodeState,
  paramsToChain,
  statementOf,
  toHex,
  wantsClearing,
} from '../src/index.ts'
import { crypto } from './crypto.ts'
import {
  act,
  apply,
  commit,
  connectedWorld,
  contextOf,
  deliver,
  pay,
  type Side,
  START,
  settle,
  verdict,
  type World,
} from './world.ts'

const PERIOD = 3600

/** The record that the bank would hold after `state` closed with its statement. */
function closingRecord(state: ChannelState, shown?: { nonce: number; hash: Uint8Array }): ChannelRecord {
  const statement = statementOf(state)
  const mark = state.closing
  if (statement === undefined || mark === undefined) throw new Error('not frozen')
  const timestampSeconds = BigInt(START)
  return {
    kind: 'closing',
    block: { number: 1n, hash: toHex(new Uint8Array(32)), timestampSeconds },
    params: paramsToChain(state.setup.params),
    closing: {
      party: state.setup.party,
      blind: false,
      closedAt: timestampSeconds,
      endsAt: timestampSeconds + BigInt(PERIOD),
      statedOut: statement.outNonce,
      outNonce: shown === undefined ? statement.outNonce : BigInt(shown.nonce),
      outHash: toHex(shown?.hash ?? mark.out.contentHash),
      inNonce: statement.inNonce,
      inHash: toHex(mark.in.contentHash),
      base: [1000n, 1000n],
      held: 2000n,
      paidToPeer: 0n,
    },
    contents: [undefined, undefined],
  }
}

function dutiesOf(world: World, side: Side, record: ChannelRecord): string[] {
  return duties(side.state, record, contextOf(world, side)).map(({ call }) => call.kind)
}

test('CL-21: who consents to a common close has acknowledged what it accepted, and can update after a close alone', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(10n)] })
  settle(world)
  const before = alice.state
  act(world, alice, { type: 'send', operations: [pay(500n)] })
  const { domain, channelId } = alice.state.setup
  const offer = { delta: -510n, validUntil: START + PERIOD } as const
  const signature = alice.signer.sign({ type: 'CloseTogether', domain, channelId, ...offer })
  // Payment and offer arrive in one group of Bob's, before he has acknowledged the payment.
  expect(verdict(deliver(world, bob))).toBe('ok')
  expect(
    verdict(
      apply(world, bob, {
        type: 'message',
        message: { type: 'together-offer', channelId, ...offer, signature },
      }),
    ),
  ).toBe('ok')
  act(world, bob, { type: 'flush' })
  expect(bob.released.some((effect) => effect.type === 'accepted' && effect.nonce === 2)).toBe(true)
  expect(bob.state.in.acked.nonce).toBe(2)
  // Alice closes alone on the line before, which is true as far as she was told.
  const closer: Side = { ...alice, state: before }
  act(world, closer, { type: 'freeze', blind: false })
  act(world, bob, { type: 'close-seen' })
  expect(dutiesOf(world, bob, closingRecord(closer.state))[0]).toBe('update')
})

test('CL-2: a close alone ends the silence of a common close that was offered and not answered', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(10n)] })
  settle(world)
  const before = alice.state
  act(world, alice, { type: 'send', operations: [pay(500n)] })
  expect(verdict(deliver(world, bob))).toBe('ok')
  // A state in which the silence began before the ack, as an older version could have stored it.
  bob.state = {
    ...bob.state,
    together: {
      delta: -10n,
      validUntil: START + PERIOD,
      holdUntil: START + PERIOD,
      offeredByUs: true,
      signatures: [undefined, undefined],
    },
  }
  act(world, bob, { type: 'flush' })
  expect(bob.state.in.acked.nonce).toBe(1)
  const closer: Side = { ...alice, state: before }
  act(world, closer, { type: 'freeze', blind: false })
  act(world, bob, { type: 'close-seen' })
  act(world, bob, { type: 'flush' })
  expect(dutiesOf(world, bob, closingRecord(closer.state))[0]).toBe('update')
})

test('BK-70: the closer can settle on any own line that was live at its mark, whatever was acknowledged since', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(10n)] })
  settle(world)
  act(world, alice, { type: 'send', operations: [pay(1n)] })
  const [shown] = alice.state.out.live
  if (shown === undefined) throw new Error('no live line')
  deliver(world, bob)
  act(world, bob, { type: 'flush' })
  // The ack of the line in the middle is withheld; that of the next one comes after the mark.
  alice.inbox = []
  act(world, alice, { type: 'send', operations: [pay(1n)] })
  act(world, alice, { type: 'freeze', blind: false })
  deliver(world, bob)
  act(world, bob, { type: 'flush' })
  while (alice.inbox.length > 0) {
    deliver(world, alice)
    commit(world, alice)
  }
  expect(alice.state.out.agreed.nonce).toBe(3)
  const record = closingRecord(alice.state, { nonce: shown.nonce, hash: shown.contentHash })
  expect(dutiesOf(world, alice, record)).toContain('settle')
  const stored = decodeState(crypto, encodeState(alice.state))
  if (!('setup' in stored)) throw new Error(stored.detail)
  alice.state = stored
  expect(dutiesOf(world, alice, record)).toContain('settle')
})

test('LN-15: a peer that refuses every clearing line cannot make live lines grow without bound', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  const { channelId } = alice.state.setup
  const refuse = (nonce: number, lastAccepted: number) => {
    const message = {
      type: 'refusal',
      channelId,
      about: 'update',
      nonce,
      lastAccepted,
      code: 'policy',
      field: '',
    } as const
    apply(world, alice, { type: 'message', message })
  }
  act(world, alice, { type: 'send', operations: [pay(1n)] })
  refuse(1, 0)
  let stopped: string | undefined
  for (let i = 0; i < 1_100 && stopped === undefined; i += 1) {
    expect(wantsClearing(alice.state)).toBe(true)
    const sent = apply(world, alice, { type: 'send', operations: [] })
    if (sent.ok) refuse(alice.state.out.lastNonce, alice.state.out.lastNonce - 1)
    else stopped = sent.refusal.code
    alice.group = []
  }
  expect(stopped).toBe('window-full')
  expect(alice.state.out.live.length).toBeLessThanOrEqual(1024)
})

test('a state with more live lines than its format can count is never written', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  act(world, alice, { type: 'send', operations: [pay(1n)] })
  const [line] = alice.state.out.live
  if (line === undefined) throw new Error('no live line')
  const live = Array.from({ length: 65_536 }, (_, i) => ({ ...line, nonce: i + 1, base: 0, burnt: true }))
  expect(() => encodeState({ ...alice.state, out: { ...alice.state.out, live, lastNonce: 65_536 } })).toThrow(
    RangeError,
  )
})
