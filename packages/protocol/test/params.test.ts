/** Parameters, and replays from another channel, contract or chain (CH-1 to CH-3, EN-20, INV-6). */

import { expect, test } from 'vitest'
import { balanceProof } from '../src/channel/line.ts'
import {
  type ChannelParams,
  channelSetup,
  checkParams,
  type Domain,
  domainOf,
  MAX_LOCK_PERIOD,
  MIN_LOCK_PERIOD,
} from '../src/index.ts'
import { crypto } from './crypto.ts'
import { signedLine } from './liar.ts'
import { apply, connectedWorld, pay, registry, verdict, word } from './world.ts'

const setup = connectedWorld().sides[0].state.setup
const zero = new Uint8Array(20)
const short = new Uint8Array(19).fill(1)

test('CH-3: what the bank would refuse is refused by field', () => {
  const { params } = setup
  const [owner, signer] = [params.owner[0], params.signer[0]]
  const cases: readonly (readonly [Partial<ChannelParams>, string])[] = [
    [{ owner: [zero, owner] }, 'owner[0]'],
    [{ owner: [owner, short] }, 'owner[1]'],
    [{ signer: [zero, signer] }, 'signer[0]'],
    [{ signer: [signer, zero] }, 'signer[1]'],
    [{ signer: [signer, signer.slice()] }, 'signer'],
    [{ token: short }, 'token'],
    [{ lockPeriod: MIN_LOCK_PERIOD - 1 }, 'lockPeriod'],
    [{ lockPeriod: MAX_LOCK_PERIOD + 1 }, 'lockPeriod'],
    [{ lockPeriod: 1000.5 }, 'lockPeriod'],
    [{ salt: -1n }, 'salt'],
    [{ salt: 1n << 64n }, 'salt'],
  ]
  for (const [change, field] of cases) {
    const wrong = { ...params, ...change }
    expect(checkParams(wrong)).toMatchObject({ code: 'params-invalid', field })
    expect(channelSetup(crypto, wrong, 0, setup.domain, registry)).toMatchObject({ field })
  }
  const good = [{}, { owner: [owner, owner] as const }, { lockPeriod: MIN_LOCK_PERIOD }, { token: zero }]
  for (const change of good) expect(checkParams({ ...params, ...change })).toBeUndefined()
})

test('a channel’s bank and registry are on one chain', () => {
  const elsewhere = domainOf(crypto, setup.domain.chainId + 1n, registry.verifyingContract)
  expect(channelSetup(crypto, setup.params, 0, setup.domain, elsewhere)).toMatchObject({
    code: 'chain-differs',
  })
})

test('INV-6: a line of another chain, bank, channel or direction is refused', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  const honest = signedLine(world, alice, { operations: [pay(5n)] })
  const { domain } = alice.state.setup
  const otherChain = domainOf(crypto, domain.chainId + 1n, domain.verifyingContract)
  const otherBank = domainOf(crypto, domain.chainId, word('other bank').slice(0, 20))
  const before = alice.state
  const signedIn = (change: { domain?: Domain; channelId?: Uint8Array }) => {
    alice.state = { ...before, setup: { ...before.setup, ...change } }
    const line = { ...signedLine(world, alice, { operations: [pay(5n)] }), channelId: honest.channelId }
    alice.state = before
    return verdict(apply(world, bob, { type: 'message', message: line }))
  }
  expect(signedIn({ domain: otherChain })).toBe('signature-wrong')
  expect(signedIn({ domain: otherBank })).toBe('signature-wrong')
  expect(signedIn({ channelId: word('other channel') })).toBe('signature-wrong')
  const otherWay = { ...honest, signature: alice.signer.sign({ ...proof(world), direction: 1 }) }
  expect(verdict(apply(world, bob, { type: 'message', message: otherWay }))).toBe('signature-wrong')
  expect(verdict(apply(world, bob, { type: 'message', message: honest }))).toBe('ok')
})

/** What alice signs for her next payment of 5. */
function proof(world: ReturnType<typeof connectedWorld>) {
  const [alice, bob] = world.sides
  const trial = bob.state
  apply(world, bob, { type: 'message', message: signedLine(world, alice, { operations: [pay(5n)] }) })
  const line = bob.state.in.accepted
  bob.state = trial
  return balanceProof(alice.state.setup, 0, line)
}

test('EN-65: our own promise is not taken for the peer’s acknowledgement', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  apply(world, alice, { type: 'send', operations: [pay(5n)] })
  const line = alice.state.out.live[0]
  if (line === undefined) throw new Error('no line')
  const signature = alice.signer.sign(balanceProof(alice.state.setup, 0, line))
  const { channelId } = alice.state.setup
  const message = { type: 'ack', channelId, direction: 0, nonce: 1, signature } as const
  expect(verdict(apply(world, alice, { type: 'message', message }))).toBe('signature-wrong')
})
