/**
 * The accepting rules as one property: a second, plain statement of every clause (LN-20 to LN-25, LK-1 to LK-6) decides
 * what the receiver must say to a line that is right or wrong in any of them.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { balanceProof } from '../src/channel/line.ts'
import { MAX_LOCK, type Operation, toHex } from '../src/index.ts'
import { crypto } from './crypto.ts'
import { signedLine } from './liar.ts'
import {
  act,
  apply,
  commit,
  connectedWorld,
  hashCondition,
  lock,
  OPEN_POLICY,
  pay,
  START,
  seeChain,
  settle,
  T,
  type World,
} from './world.ts'

const around = (value: number) => fc.integer({ min: value - 2, max: value + 2 })

/** Everything that a line and its circumstances can be. Most draws are near a limit. */
const trial = fc.record({
  /** Alice's deposit, what she paid before, what bob paid her: agreed, and live above that. */
  deposit: fc.nat({ max: 300 }),
  before: fc.nat({ max: 100 }),
  paidBack: fc.nat({ max: 60 }),
  unagreed: fc.nat({ max: 60 }),
  reserved: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 200 })),
  /** How far the new line goes beyond what is covered. */
  beyond: fc.integer({ min: -30, max: 2 }),
  locked: fc.oneof(fc.constant(0), fc.nat({ max: 40 })),
  slot: fc.constantFrom(0, 1, 7),
  expiryIn: fc.oneof(around(T), around(MAX_LOCK), fc.constant(5 * T)),
  met: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
  nonceAhead: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, around(1024), fc.constantFrom(0, -1)),
  ackedOff: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.constantFrom(-1, 1)),
  baseOff: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.constantFrom(-1, 1)),
  signer: fc.oneof({ weight: 8, arbitrary: fc.constant('alice') }, fc.constantFrom('bob', 'nobody')),
  mark: fc.oneof(
    { weight: 10, arbitrary: fc.constant('none') },
    fc.constantFrom('closing', 'together', 'lost', 'unfunded'),
  ),
  refuseAll: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.constant(true)),
})

type Trial = typeof trial extends fc.Arbitrary<infer V> ? V : never

/** Two agreed lines of alice (so that `acked` has room), and what bob paid. */
function prepare(draw: Trial): World {
  const world = connectedWorld([10_000n, 10_000n])
  const [alice, bob] = world.sides
  const half = BigInt(Math.floor(draw.before / 2) + 1)
  for (const operations of [[pay(half)], [pay(half), lock(7, 10n, 'old', START + 9 * T)], [pay(1n)]]) {
    act(world, alice, { type: 'send', operations })
    settle(world)
  }
  if (draw.paidBack > 0) act(world, bob, { type: 'send', operations: [pay(BigInt(draw.paidBack))] })
  settle(world)
  if (draw.unagreed > 0) act(world, bob, { type: 'send', operations: [pay(BigInt(draw.unagreed))] })
  alice.inbox = []
  const { content } = bob.state.in.accepted
  world.deposits = [content.sent + content.locked + BigInt(draw.deposit), 10_000n]
  seeChain(world, bob)
  if (draw.reserved > 0)
    bob.state = {
      ...bob.state,
      withdrawals: [
        { total: BigInt(draw.reserved), validUntil: START + T, signatures: [undefined, undefined] },
        undefined,
      ],
    }
  if (draw.met) world.resolved.set(toHex(hashCondition('new')), START)
  if (draw.mark === 'closing') act(world, bob, { type: 'close-seen' })
  if (draw.mark === 'lost') act(world, bob, { type: 'data-lost' })
  if (draw.mark === 'together')
    bob.state = {
      ...bob.state,
      together: {
        delta: 0n,
        validUntil: START + T,
        holdUntil: START + T,
        offeredByUs: true,
        signatures: [undefined, undefined],
      },
    }
  if (draw.mark === 'unfunded') {
    world.status = 'none'
    seeChain(world, bob)
  }
  bob.policy = { ...OPEN_POLICY, refuseOperations: draw.refuseAll }
  commit(world, bob)
  return world
}

test('LN-20 to LN-25: a line is accepted exactly when every clause holds', () => {
  let accepted = 0
  fc.assert(
    fc.property(trial, (draw) => {
      const world = prepare(draw)
      const [alice, bob] = world.sides
      const { content, nonce } = bob.state.in.accepted
      const covered = world.deposits[0] - BigInt(draw.reserved) + BigInt(draw.paidBack)
      const room = covered - content.sent - content.locked + BigInt(draw.beyond)
      const locks: Operation[] =
        draw.locked > 0 ? [lock(draw.slot, BigInt(draw.locked), 'new', START + draw.expiryIn)] : []
      const direct = room - BigInt(draw.locked)
      const pays = direct > 0n ? [pay(direct)] : []
      const operations = [...locks, ...pays]
      if (draw.slot === 7 && draw.locked > 0) return
      const update = signedLine(world, alice, {
        operations,
        nonce: nonce + draw.nonceAhead,
        acked: bob.state.in.acked.nonce + draw.ackedOff,
        base: nonce + draw.baseOff,
      })
      const line = { nonce: update.nonce, acked: update.acked, contentHash: new Uint8Array(32) }
      const signature =
        draw.signer === 'alice'
          ? update.signature
          : draw.signer === 'bob'
            ? bob.signer.sign(balanceProof(bob.state.setup, 0, line))
            : new Uint8Array(64)
      const added = BigInt(draw.locked) + (direct > 0n ? direct : 0n)
      const lockFine =
        draw.locked === 0 ||
        (draw.locked >= 10 && draw.expiryIn >= T && draw.expiryIn <= MAX_LOCK && !draw.met)
      const good =
        draw.mark === 'none' &&
        draw.signer === 'alice' &&
        draw.nonceAhead >= 1 &&
        draw.nonceAhead <= 1024 &&
        // The last line of the preparation carries acked 2, bob has acknowledged 3.
        draw.ackedOff <= 0 &&
        draw.baseOff === 0 &&
        (operations.length === 0 || !draw.refuseAll) &&
        lockFine &&
        (added === 0n || content.sent + content.locked + added <= covered)
      const before = bob.state
      const result = apply(world, bob, { type: 'message', message: { ...update, signature } })
      expect(result.ok, JSON.stringify(result.ok ? {} : result.refusal)).toBe(good)
      if (good) {
        accepted += 1
        expect(bob.state.in.accepted.content.sent).toBe(content.sent + (direct > 0n ? direct : 0n))
        expect(crypto.keccak256(bob.state.in.accepted.contentHash)).toHaveLength(32)
      } else {
        expect(bob.state).toBe(before)
      }
    }),
    { numRuns: Number(globalThis.process?.env.MODEL_RUNS ?? 400) },
  )
  expect(accepted).toBeGreaterThan(0)
})
