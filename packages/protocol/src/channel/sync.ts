/**
 * Reconnecting (LN-50 to LN-52): each side tells what it has accepted and acknowledged, with the told one's own signature
 * as proof, and the other sends again what is missing: stored bytes, oldest first.
 *
 * A claim is believed only as far as it is proved. A genuine signature of ours on a line that we do not know proves that
 * our data is older than our signatures: we lost data, and sign nothing here again (CL-30).
 */

import { equalBytes, ZERO32 } from '../encoding/bytes.ts'
import type { Direction } from '../encoding/signable.ts'
import { refusal } from '../refusal.ts'
import type { ProvenLine, Sync } from '../wire/message.ts'
import { answersAgain } from './answers.ts'
import { markLost } from './closing.ts'
import type { Context } from './context.ts'
import { requestsAgain } from './cosign.ts'
import type { Effect } from './effect.ts'
import { type LineHeader, lineDigest } from './line.ts'
import { resendAck } from './receiver.ts'
import { done, isRefusal, type Outcome, peerOf, send, signedBy } from './result.ts'
import { lineAt, withTip } from './sender.ts'
import type { ChannelState, Link } from './state.ts'

export const NO_LINK: Link = { connected: false, synced: false, delivered: [] }

/** A connection is up: tell what we hold. */
export function startSync(state: ChannelState): Outcome {
  const next: ChannelState = { ...state, link: { connected: true, synced: false, delivered: [] } }
  return done(next, send(next, syncOf(next)))
}

export function endLink(state: ChannelState): Outcome {
  return state.link.connected ? done({ ...state, link: NO_LINK }) : done(state)
}

function syncOf(state: ChannelState): Sync {
  const { out, in: received, setup } = state
  return {
    type: 'sync',
    channelId: setup.channelId,
    accepted: proven(received.accepted, received.accepted.promise),
    ackedNonce: received.acked.nonce,
    agreed: proven(out.agreed, out.ack),
    lost: state.lost,
  }
}

/** Judges the peer's claims, and sends again what it misses. */
export function takeSync(state: ChannelState, message: Sync, ctx: Context): Outcome {
  const { out } = state
  const own = state.setup.party
  const claims = [
    {
      direction: own,
      told: message.accepted,
      field: 'accepted',
      known: knownOut(state, message.accepted.nonce),
    },
    {
      direction: peerOf(state),
      told: message.agreed,
      field: 'agreed',
      known: knownIn(state, message.agreed.nonce),
    },
  ]
  for (const { direction, told, field, known } of claims) {
    const verdict = judge(state, ctx, direction, told, known)
    if (verdict === 'false') return refusal('sync-contradicted', field, `nonce ${told.nonce}`)
    if (verdict === 'we lost data') return provedLost(state)
  }
  // Below an ack of its own: its ack decides (LN-52), and every live line is above that anyway.
  const behind = message.accepted.nonce < out.agreed.nonce
  const known = Math.max(out.knownAccepted, message.accepted.nonce)
  const synced: ChannelState = {
    ...state,
    out: known === out.knownAccepted ? out : withTip({ ...out, knownAccepted: known }),
    link: { ...state.link, synced: true },
  }
  // A sync that comes twice on one connection may be older than what was agreed since.
  const news = !state.link.synced && (behind || message.lost)
  const notice: Effect[] = news ? [{ type: 'peer-lost-data' }] : []
  return sendAgain(synced, message, notice, ctx)
}

type Verdict = 'true' | 'false' | 'unknown to us, and old' | 'we lost data'

/**
 * `known` is our own record of that nonce: the line, or `superseded` when we remember that a later one is agreed. Anything
 * else must carry our signature, and then we are the ones who forgot.
 */
function judge(
  state: ChannelState,
  ctx: Context,
  direction: Direction,
  told: ProvenLine,
  known: LineHeader | 'superseded' | undefined,
): Verdict {
  if (told.nonce === 0) return 'true'
  if (known === 'superseded') return 'unknown to us, and old'
  if (known !== undefined && known.acked === told.acked && equalBytes(known.contentHash, told.contentHash))
    return 'true'
  const digest = lineDigest(ctx.crypto, state.setup, direction, told)
  return signedBy(state, ctx, state.setup.party, digest, told.signature) ? 'we lost data' : 'false'
}

/** Our own line of that nonce. */
function knownOut(state: ChannelState, nonce: number): LineHeader | 'superseded' | undefined {
  return nonce < state.out.agreed.nonce ? 'superseded' : lineAt(state.out, nonce)
}

/** The peer's line of that nonce, as far as we acknowledged it. */
function knownIn(state: ChannelState, nonce: number): LineHeader | 'superseded' | undefined {
  const { acked } = state.in
  if (nonce < acked.nonce) return 'superseded'
  return nonce === acked.nonce ? acked : undefined
}

function provedLost(state: ChannelState): Outcome {
  return done({ ...markLost(state), link: { ...state.link, synced: true } }, { type: 'data-loss-proved' })
}

/** Acknowledgement first: what it frees may be spent by the lines after it (LN-42). */
function sendAgain(state: ChannelState, message: Sync, notice: readonly Effect[], ctx: Context): Outcome {
  if (state.lost) return done(state, ...notice)
  const withAck = message.agreed.nonce < state.in.acked.nonce ? resendAck(state, ctx) : done(state)
  if (isRefusal(withAck)) return withAck
  const effects = [...notice, ...withAck.effects]
  const nonces = state.out.live
    .filter(({ nonce, burnt }) => nonce > message.accepted.nonce && !burnt)
    .map(({ nonce }) => nonce)
  if (nonces.length > 0 && state.closing === undefined) effects.push({ type: 'resend', nonces })
  effects.push(...requestsAgain(state), ...answersAgain(state))
  return done(withAck.state, ...effects)
}

function proven(line: LineHeader, signature: Uint8Array | undefined): ProvenLine {
  if (line.nonce === 0) return { nonce: 0, acked: 0, contentHash: ZERO32, signature: new Uint8Array(64) }
  const { nonce, acked, contentHash } = line
  return { nonce, acked, contentHash, signature: signature ?? new Uint8Array(64) }
}
