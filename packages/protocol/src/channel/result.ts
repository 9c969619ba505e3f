/** How the parts of the machine answer, and the marks that stop them. */

import { equalBytes } from '../encoding/bytes.ts'
import type { Party } from '../encoding/signable.ts'
import { type Refusal, type RefusalCode, refusal } from '../refusal.ts'
import type { ChannelMessage } from '../wire/message.ts'
import { greater } from './amount.ts'
import type { Context } from './context.ts'
import type { Effect } from './effect.ts'
import { otherParty } from './params.ts'
import type { ChannelState } from './state.ts'

/** The next state with its effects, or a refusal that changes nothing. */
export type Outcome = { readonly state: ChannelState; readonly effects: readonly Effect[] } | Refusal

export function isRefusal(outcome: object): outcome is Refusal {
  return 'code' in outcome
}

export function done(state: ChannelState, ...effects: readonly Effect[]): Outcome {
  return { state, effects }
}

/** An effect that sends; held back while there is no synced connection. */
export function send(state: ChannelState, message: ChannelMessage): Effect {
  return { type: 'send', message, transmit: state.link.synced || message.type === 'sync' }
}

/** Why nothing new may be signed or accepted in this channel now (LN-20, CL-1, CL-22, CL-30). */
export function stopped(state: ChannelState, field: string): Refusal | undefined {
  const code: RefusalCode | undefined = state.lost
    ? 'lost-data'
    : state.closing !== undefined
      ? 'closing'
      : state.together !== undefined
        ? 'closing-together'
        : state.chain.status !== 'open'
          ? 'not-open'
          : undefined
  return code && refusal(code, field)
}

export function peerOf(state: ChannelState): Party {
  return otherParty(state.setup.party)
}

/** What a party has taken out, or may still take out with signatures that are out: withdrawn or reserved (WD-2). */
export function takenOut(state: ChannelState, party: Party): bigint {
  return greater(state.withdrawals[party]?.total ?? 0n, state.chain.withdrawn[party])
}

/** True when the party's signer made this signature over the digest: recovered, never merely verified (EN-61). */
export function signedBy(
  state: ChannelState,
  ctx: Context,
  party: Party,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const address = ctx.crypto.recoverAddress(digest, signature)
  return address !== undefined && equalBytes(address, state.setup.params.signer[party])
}

/** A pair with the element of one party replaced. */
export function withParty<T>(pair: readonly [T, T], party: Party, value: T): readonly [T, T] {
  return party === 0 ? [value, pair[1]] : [pair[0], value]
}
