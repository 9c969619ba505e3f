/** The channel machine: one function from state, input and context to the next state and effects, or a refusal. */

import type { Refusal } from '../refusal.ts'
import type { RefusalMessage } from '../wire/message.ts'
import type { Context } from './context.ts'
import type { Effect } from './effect.ts'
import type { ChannelInput } from './input.ts'
import type { ChannelState } from './state.ts'

export type Step = StepDone | StepRefused

export interface StepDone {
  readonly ok: true
  /** The same object when nothing durable or volatile changed. */
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

export function step(_state: ChannelState, _input: ChannelInput, _ctx: Context): Step {
  throw new Error('the machine is not here yet')
}
