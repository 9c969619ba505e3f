/**
 * The channel machine: one function from state, input and context to the next state and effects, or a refusal.
 *
 * The engine applies a step (or a group of steps, in order), makes the newest state and the stored messages durable in
 * one transaction, and only then performs the effects, in order. A refusal changes nothing. `step` never throws for
 * anything that a peer, a chain or a caller can put into an input that has the declared types.
 */

import { equalBytes } from '../encoding/bytes.ts'
import { type Refusal, refusal } from '../refusal.ts'
import type { ChannelMessage, RefusalMessage, RefusedMessage } from '../wire/message.ts'
import { askFail, knowKey, takeLockFail, takeLockKey } from './answers.ts'
import { freeze, markLost, signStatement } from './closing.ts'
import type { Context } from './context.ts'
import {
  consentWhileLost,
  offerTogether,
  requestWithdrawal,
  takeChainView,
  takeTogetherConsent,
  takeTogetherOffer,
  takeWithdrawalConsent,
  takeWithdrawalRequest,
} from './cosign.ts'
import type { Effect } from './effect.ts'
import type { ChannelInput } from './input.ts'
import { acceptLine, acknowledge } from './receiver.ts'
import { done, isRefusal, type Outcome } from './result.ts'
import { signLine, takeAck, takeRefusal } from './sender.ts'
import type { ChainView, ChannelState } from './state.ts'
import { endLink, startSync, takeSync } from './sync.ts'

export type Step = StepDone | StepRefused

export interface StepDone {
  readonly ok: true
  /** The same object when nothing changed. */
  readonly state: ChannelState
  readonly effects: readonly Effect[]
}

/** The state is as before. */
export interface StepRefused {
  readonly ok: false
  readonly refusal: Refusal
  /** What to answer the peer; undefined when the input was not a message or the refusal says `ignore`. */
  readonly reply: RefusalMessage | undefined
}

export function step(state: ChannelState, input: ChannelInput, ctx: Context): Step {
  const outcome = perform(state, input, ctx)
  if (!isRefusal(outcome)) return { ok: true, state: outcome.state, effects: outcome.effects }
  const reply = input.type === 'message' ? replyTo(state, input.message, outcome) : undefined
  return { ok: false, refusal: outcome, reply }
}

function perform(state: ChannelState, input: ChannelInput, ctx: Context): Outcome {
  switch (input.type) {
    case 'send':
      return signLine(state, input.operations, ctx)
    case 'flush':
      return acknowledge(state, ctx)
    case 'message':
      return takeMessage(state, input.message, ctx)
    case 'connected':
      return startSync(state)
    case 'disconnected':
      return endLink(state)
    case 'chain':
      return takeView(state, input.view)
    case 'close-seen':
      return freeze(state, 'peer', false)
    case 'withdraw':
      return requestWithdrawal(state, input.total, input.validUntil, ctx)
    case 'close-together':
      return offerTogether(state, input.validUntil, ctx)
    case 'freeze':
      return freeze(state, 'us', input.blind)
    case 'sign-statement':
      return signStatement(state, input.validUntil, ctx)
    case 'data-lost':
      return done(markLost(state))
    case 'consent-while-lost':
      return consentWhileLost(state, input, ctx)
    case 'know-key':
      return knowKey(state, input, ctx)
    case 'ask-fail':
      return askFail(state, input)
  }
}

function takeMessage(state: ChannelState, message: ChannelMessage, ctx: Context): Outcome {
  if (!equalBytes(message.channelId, state.setup.channelId)) return refusal('wrong-channel', 'channelId')
  switch (message.type) {
    case 'sync':
      return takeSync(state, message, ctx)
    case 'update':
      return acceptLine(state, message, ctx)
    case 'ack':
      return takeAck(state, message, ctx)
    case 'refusal':
      return takePeersRefusal(state, message)
    case 'withdrawal-request':
      return takeWithdrawalRequest(state, message, ctx)
    case 'withdrawal-consent':
      return takeWithdrawalConsent(state, message, ctx)
    case 'together-offer':
      return takeTogetherOffer(state, message, ctx)
    case 'together-consent':
      return takeTogetherConsent(state, message, ctx)
    case 'lock-key':
      return takeLockKey(state, message, ctx)
    case 'lock-fail':
      return takeLockFail(state, message)
  }
}

/** A close that final blocks show freezes too, whoever made it (CL-1). */
function takeView(state: ChannelState, view: ChainView): Outcome {
  const outcome = takeChainView(state, view)
  if (isRefusal(outcome)) return outcome
  const ended = view.status === 'closing' || view.status === 'settled' || view.status === 'closed'
  if (!ended) return outcome
  const frozen = freeze(outcome.state, 'peer', false)
  return isRefusal(frozen) ? frozen : done(frozen.state, ...outcome.effects, ...frozen.effects)
}

function takePeersRefusal(state: ChannelState, message: RefusalMessage): Outcome {
  if (message.about === 'update') return takeRefusal(state, message)
  const { about } = message
  if (about !== 'withdrawal' && about !== 'close-together') return done(state)
  // Our signature is out: the reservation stays until it cannot be executed any more.
  return done(state, { type: 'peer-refused', what: about, refusal: refusal(message.code, message.field) })
}

const ABOUT: Readonly<Record<ChannelMessage['type'], RefusedMessage | undefined>> = {
  sync: undefined,
  update: 'update',
  ack: undefined,
  refusal: undefined,
  'withdrawal-request': 'withdrawal',
  'withdrawal-consent': undefined,
  'together-offer': 'close-together',
  'together-consent': undefined,
  'lock-key': 'lock',
  'lock-fail': 'lock',
}

/** Refusals are answered where the peer waits for an answer. */
function replyTo(state: ChannelState, message: ChannelMessage, why: Refusal): RefusalMessage | undefined {
  const about = ABOUT[message.type]
  if (about === undefined || why.consequence === 'ignore' || why.code === 'wrong-channel') return undefined
  return {
    type: 'refusal',
    channelId: state.setup.channelId,
    about,
    nonce: message.type === 'update' ? message.nonce : 0,
    lastAccepted: about === 'update' ? state.in.accepted.nonce : 0,
    code: why.code,
    field: why.field.slice(0, 64),
  }
}
