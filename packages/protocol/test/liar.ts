/** Mallory: signs whatever she likes with a real key of the channel, whatever her machine would allow. */

import { applyOperations, balanceProof } from '../src/channel/line.ts'
import { encodeOperations, type Operation, type Update } from '../src/index.ts'
import { crypto } from './crypto.ts'
import { other, type Side, type World } from './world.ts'

export interface Lie {
  readonly nonce?: number
  readonly acked?: number
  readonly base?: number
  readonly operations?: readonly Operation[]
  /** Contents to continue; otherwise the receiver's last accepted. */
  readonly from?: Parameters<typeof applyOperations>[1]
}

/** A line that is right in everything but what `lie` says, on the receiver's last accepted content. */
export function signedLine(world: World, liar: Side, lie: Lie = {}): Update {
  const victim = other(world, liar)
  const { accepted } = victim.state.in
  const nonce = lie.nonce ?? accepted.nonce + 1
  const encoded = encodeOperations(lie.operations ?? [])
  if ('code' in encoded) throw new Error(encoded.code)
  const next = applyOperations(crypto, lie.from ?? accepted, encoded, nonce, () => undefined)
  if ('code' in next) throw new Error(next.code)
  const acked = lie.acked ?? victim.state.in.acked.nonce
  const direction = liar.party
  const line = { nonce, acked, contentHash: next.contentHash }
  return {
    type: 'update',
    channelId: liar.state.setup.channelId,
    direction,
    nonce,
    base: lie.base ?? accepted.nonce,
    acked,
    operationCount: encoded.ends.length,
    operations: encoded.bytes,
    signature: liar.signer.sign(balanceProof(liar.state.setup, direction, line)),
  }
}
