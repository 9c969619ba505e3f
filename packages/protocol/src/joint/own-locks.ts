/** Facts about the locks of this party's own hops: told by the engine, each as often as it likes. */

import { giveUp } from './advance.ts'
import type { JointContext } from './context.ts'
import type { JointInput } from './input.ts'
import { type JointRefusal, jointRefusal } from './refusal.ts'
import type { IncomingHop, JointState, LockPlace, OutgoingHop } from './state.ts'

type Named<T extends JointInput['type']> = Extract<JointInput, { readonly type: T }>

/** Also a lock that is not as the terms say: it is noted, and asked to fail (JP-22, JP-32). */
export function takeAccepted(
  state: JointState,
  { hop, at, amount, expiry }: Named<'lock-accepted'>,
  ctx: JointContext,
): JointState | JointRefusal {
  const own = state.incoming.find((one) => one.hop === hop)
  const terms = state.setup.terms.hops[hop]
  if (own === undefined || terms === undefined) return jointRefusal('hop-unknown', 'hop')
  if (own.at !== undefined) return samePlace(own.at, at) ? state : jointRefusal('lock-twice', 'at')
  const held = withIncoming(state, { ...own, status: 'held', at })
  if (amount === terms.amount && expiry === state.setup.terms.expiry) return held
  return giveUp(held, { code: 'lock-wrong', party: endOf(state, hop, 'payer') }, ctx)
}

export function takeIncomingEnd(
  state: JointState,
  { type, hop, at }: Named<'lock-paid' | 'lock-dropped'>,
  ctx: JointContext,
): JointState | JointRefusal {
  const own = state.incoming.find((one) => one.hop === hop)
  if (own === undefined) return jointRefusal('hop-unknown', 'hop')
  // A payer may put a second, smaller lock on the id and pay that one: the hop is still unpaid.
  if (own.status !== 'held' || own.at === undefined || !samePlace(own.at, at)) return state
  if (type === 'lock-paid') return withIncoming(state, { ...own, status: 'folded' })
  const dropped = withIncoming(state, { ...own, status: 'dropped' })
  return giveUp(dropped, { code: 'lock-gone', party: endOf(state, hop, 'payer') }, ctx)
}

export function takePlaced(state: JointState, { hop, at }: Named<'lock-placed'>): JointState | JointRefusal {
  const own = state.outgoing.find((one) => one.hop === hop)
  if (own === undefined) return jointRefusal('hop-unknown', 'hop')
  if (own.status === 'folded') return state
  if (own.status === 'placed' && own.at !== undefined)
    return samePlace(own.at, at) ? state : jointRefusal('lock-twice', 'at')
  // Told late that it ended before: nothing comes to life again.
  if (own.status === 'void' && own.at !== undefined && samePlace(own.at, at)) return state
  return withOutgoing(state, { ...own, status: 'placed', at })
}

export function takeOutgoingEnd(
  state: JointState,
  { type, hop }: Named<'lock-void' | 'lock-refused' | 'lock-folded'>,
  ctx: JointContext,
): JointState | JointRefusal {
  const own = state.outgoing.find((one) => one.hop === hop)
  if (own === undefined) return jointRefusal('hop-unknown', 'hop')
  if (own.status === 'void' || own.status === 'folded') return state
  const payee = endOf(state, hop, 'payee')
  if (type === 'lock-folded') return withOutgoing(state, { ...own, status: 'folded' })
  if (type === 'lock-refused') return giveUp(state, { code: 'lock-refused', party: payee }, ctx)
  const code = own.status === 'placed' ? 'lock-gone' : 'lock-refused'
  return giveUp(withOutgoing(state, { ...own, status: 'void' }), { code, party: payee }, ctx)
}

function samePlace(a: LockPlace, b: LockPlace): boolean {
  return a.slot === b.slot && a.born === b.born
}

function endOf(state: JointState, hop: number, end: 'payer' | 'payee'): number {
  return state.setup.graph.hops[hop]?.[end] ?? state.setup.self
}

function withIncoming(state: JointState, changed: IncomingHop): JointState {
  return { ...state, incoming: state.incoming.map((own) => (own.hop === changed.hop ? changed : own)) }
}

function withOutgoing(state: JointState, changed: OutgoingHop): JointState {
  return { ...state, outgoing: state.outgoing.map((own) => (own.hop === changed.hop ? changed : own)) }
}
