/**
 * The freeze and the one statement (CL-1 to CL-6), and lost data (CL-30). The mark fixes the lines that are stated, so
 * that nothing acknowledged later can contradict them. It is durable before a statement is signed or sent, and for ever.
 */

import { ZERO32 } from '../encoding/bytes.ts'
import type { CloseStatement } from '../encoding/signable.ts'
import { refusal } from '../refusal.ts'
import type { Context } from './context.ts'
import { NO_IN_LINE, NO_OUT_LINE } from './line.ts'
import { done, type Outcome } from './result.ts'
import type { ChannelState, ClosingMark } from './state.ts'

/**
 * Marks the channel closing, by us or because the peer's close was seen. The first mark fixes the lines; a later one only
 * lets us state them ourselves, for a peer's close that left the chain again.
 */
export function freeze(state: ChannelState, by: 'us' | 'peer', blind: boolean): Outcome {
  if (state.closing !== undefined) {
    if (by === 'peer' || state.closing.by === 'us') return done(state)
    return done({ ...state, closing: { ...state.closing, by } }, { type: 'frozen', by })
  }
  if (blind && !state.lost) return refusal('statement-fixed', 'blind', 'nothing is lost: state the lines')
  if (!blind && by === 'us' && state.lost) return refusal('lost-data', 'blind')
  const silent = blind || state.lost
  const closing: ClosingMark = silent
    ? { by, blind: true, out: NO_OUT_LINE, outAck: undefined, live: [], in: NO_IN_LINE }
    : {
        by,
        blind: false,
        out: state.out.agreed,
        outAck: state.out.ack,
        live: state.out.live,
        in: state.in.accepted,
      }
  return done({ ...state, closing }, { type: 'frozen', by })
}

/** Signs the fixed statement for a relayer (CL-6): always the same lines, whatever was acknowledged since. */
export function signStatement(state: ChannelState, validUntil: number, ctx: Context): Outcome {
  const { closing } = state
  if (closing === undefined) return refusal('statement-fixed', 'channel', 'mark the channel closing first')
  if (closing.by === 'peer')
    return refusal('closing', 'channel', 'the peer has closed: a second close is refused')
  if (!Number.isSafeInteger(validUntil) || validUntil < 0) return refusal('validity-past', 'validUntil')
  const signature = ctx.signer.sign(closeStatement(state, closing, validUntil))
  return done(state, { type: 'statement-signed', validUntil, signature })
}

/** From now on no line, ack, withdrawal or statement with lines is signed here (CL-30). */
export function markLost(state: ChannelState): ChannelState {
  return state.lost ? state : { ...state, lost: true }
}

/** The EIP-712 message of a statement. */
function closeStatement(state: ChannelState, mark: ClosingMark, validUntil: number): CloseStatement {
  const { domain, channelId, party } = state.setup
  return {
    type: 'CloseStatement',
    domain,
    channelId,
    party,
    blind: mark.blind,
    outNonce: mark.out.nonce,
    outAcked: mark.out.acked,
    outContentHash: mark.out.nonce === 0 ? ZERO32 : mark.out.contentHash,
    inNonce: mark.in.nonce,
    inAcked: mark.in.acked,
    inContentHash: mark.in.nonce === 0 ? ZERO32 : mark.in.contentHash,
    validUntil,
  }
}
