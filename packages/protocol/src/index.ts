/**
 * @tallystick/protocol: the rules of a Tallystick channel, pure. No I/O, no clock, no randomness: what happens comes in as
 * inputs, what to do goes out as effects, and crypto comes through ports/crypto.ts.
 *
 * Entry points:
 * - `newChannel(setup, view)`, `channelSetup(...)`: a channel as this node first sees it.
 * - `step(state, input, ctx)`: the machine (input.ts, effect.ts, state.ts). Persist the state and the messages of one
 *   step, or of a group of steps, before performing its effects.
 * - `encodeState(state)`, `decodeState(crypto, bytes)`: the stored form, versioned and strict.
 * - `spendable(state)`, `receivable(state)`, `wantsClearing(state)`, `lockMayStillPay(state, ...)`: derived facts.
 * - `encodeMessage(message)`, `decodeMessage(bytes)`: the wire.
 * - `statementOf(state)`, `duties(state, record, ctx)`: what to submit to the chain, as calls of ports/chain.ts.
 * - `channelIdOf`, `contentHash`, `digestOf`, `domainOf`, `conditionIdOf`, `checkKey`: encodings and checks.
 * - `memoReceipt`, `checkReceipt`: proof that an operation is in a line.
 * - `createOnion`, `peelOnion`, `createFailure`, `wrapFailure`, `unwrapFailure`: onions and the way back of a failure.
 * - `decodeItem`, `verifyPolicy` and others of gossip/; `decodeGossip`, `encodeGossip`: what nodes tell of the network.
 * - `REFUSALS`, `refusal`: every way of saying no, with consequence and remedy.
 */

export * from './channel/content.ts'
export * from './channel/context.ts'
export * from './channel/court.ts'
export * from './channel/effect.ts'
export * from './channel/input.ts'
export * from './channel/new-channel.ts'
export * from './channel/params.ts'
export * from './channel/state.ts'
export * from './channel/step.ts'
export { decodeState, encodeState, STATE_VERSION, type StoredFault } from './channel/stored.ts'
export * from './channel/waiting.ts'
export * from './constants.ts'
export * from './encoding/bytes.ts'
export * from './encoding/digest.ts'
export * from './encoding/domain.ts'
export * from './encoding/signable.ts'
export * from './gossip/codec.ts'
export * from './gossip/item.ts'
export * from './gossip/refusal.ts'
export * from './gossip/signable.ts'
export * from './gossip/summary.ts'
export * from './gossip/verify.ts'
export * from './invoice/index.ts'
export * from './joint/index.ts'
export * from './locks/condition.ts'
export * from './locks/key.ts'
export * from './locks/tree.ts'
export * from './onion/create.ts'
export * from './onion/failure.ts'
export * from './onion/failure-message.ts'
export * from './onion/hop-payload.ts'
export { MAX_ONION_HOPS, ONION_BYTES } from './onion/packet.ts'
export * from './onion/peel.ts'
export * from './onion/refusal.ts'
export * from './payment/memo.ts'
export * from './payment/operation.ts'
export * from './ports/chain.ts'
export * from './ports/crypto.ts'
export * from './ports/onion-crypto.ts'
export * from './refusal.ts'
export * from './wire/codec.ts'
export * from './wire/gossip-codec.ts'
export * from './wire/gossip-limits.ts'
export * from './wire/gossip-message.ts'
export * from './wire/limits.ts'
export * from './wire/message.ts'
