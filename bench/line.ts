/**
 * Creating and accepting one balance proof in memory: both machines of the protocol core with all
 * their rules, the real signatures, and the receiver's acknowledgement once every `linesPerAck` lines,
 * as in a group commit. No disk, no network and no wire encoding, as for the peers.
 */
import { loadCrypto } from '@tallystick/crypto'
import type {
  ChainView,
  ChannelInput,
  ChannelMessage,
  ChannelParams,
  ChannelState,
  Context,
} from '@tallystick/protocol'
import { channelSetup, domainOf, newChannel, step } from '@tallystick/protocol'
import type { Work } from './measure.ts'

const linesPerAck = 64

export async function creatingAndAccepting(): Promise<Work> {
  const { payer, payee } = await twoSides()
  return (count) => {
    const reference = new Uint8Array(32)
    new DataView(reference.buffer).setUint32(28, count)
    payer.take({ type: 'send', operations: [{ type: 'pay', amount: 1n, reference }] })
    deliver(payer, payee)
    if (count % linesPerAck !== 0) return
    payee.take({ type: 'flush' })
    deliver(payee, payer)
  }
}

type Side = {
  take(input: ChannelInput): void
  /** Messages made since the last look. */
  sent(): readonly ChannelMessage[]
}

async function twoSides(): Promise<{ payer: Side; payee: Side }> {
  const { crypto, createSigner } = await loadCrypto()
  const signers = [createSigner(filled(32, 1)), createSigner(filled(32, 2))] as const
  const params: ChannelParams = {
    owner: [filled(20, 1), filled(20, 2)],
    signer: [signers[0].address, signers[1].address],
    token: filled(20, 3),
    lockPeriod: 86_400,
    salt: 1n,
  }
  const view: ChainView = { status: 'open', timeSeconds: 1, deposits: [10n ** 30n, 0n], withdrawn: [0n, 0n] }
  const domains = [
    domainOf(crypto, 31_337n, filled(20, 4)),
    domainOf(crypto, 31_337n, filled(20, 5)),
  ] as const
  const [payer, payee] = ([0, 1] as const).map((party) => {
    const setup = channelSetup(crypto, params, party, ...domains)
    if ('code' in setup) throw new Error(`the channel was refused: ${setup.code}`)
    return machine(newChannel(setup, view), { crypto, signer: signers[party] })
  })
  if (payer === undefined || payee === undefined) throw new Error('two sides were expected')
  for (const side of [payer, payee]) side.take({ type: 'connected' })
  deliver(payer, payee)
  deliver(payee, payer)
  return { payer, payee }
}

function machine(first: ChannelState, parts: Pick<Context, 'crypto' | 'signer'>): Side {
  let state = first
  let messages: ChannelMessage[] = []
  return {
    take(input) {
      const done = step(state, input, { ...parts, ...surroundings, nowMs: Date.now() })
      if (!done.ok) throw new Error(`a step of the benchmark was refused: ${done.refusal.code}`)
      state = done.state
      for (const effect of done.effects) if (effect.type === 'send') messages.push(effect.message)
    },
    sent() {
      const all = messages
      messages = []
      return all
    },
  }
}

function deliver(from: Side, to: Side): void {
  for (const message of from.sent()) to.take({ type: 'message', message })
}

const surroundings = {
  headTimeSeconds: 1,
  finalTimeSeconds: 1,
  registry: { resolution: () => undefined },
  policy: {
    safetyMarginSeconds: 120,
    minPaymentAmount: 1n,
    minLockAmount: 1n,
    maxPendingLocks: 0,
    maxPendingLockAmount: 0n,
    maxValiditySeconds: 3_600,
    refuseOperations: false,
    refusesCondition: () => false,
  },
} as const

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}
