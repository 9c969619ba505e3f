/**
 * Joint payments of this node, and the shell of their machine: every step is stored in the commit of the lines that it
 * came from, then its effects are performed. Source: docs/spec/joint.md.
 */

import {
  decodeJoint,
  decodeKey,
  encodeJoint,
  hopOf,
  isJointSettled,
  type JointContext,
  type JointEffect,
  type JointInput,
  type JointState,
  type JointStep,
  type JointStepRefused,
  jointWakeAtMs,
  keyToChain,
  stepJoint,
  toHex,
} from '@tallystick/protocol'
import { MAX_PAGE_ROWS, type Store } from '../../store/port.ts'
import { contextOf } from '../context.ts'
import type { IncomingLock, OutgoingLock } from '../locks/lock-book.ts'
import { failIncoming, learnKey, locksHeld, wantLines } from '../locks/lock-keys.ts'
import { cancelPlacement, place } from '../locks/lock-lines.ts'
import { sendAfter } from '../machine.ts'
import { resolutionOf } from '../registry-book.ts'
import { type Group, post, type Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'
import { useAgreement } from './agreements.ts'

export const JOINT_SPACE = 'joint'
/** First byte of a lock's payload: a hop of a joint payment, whose terms came by message or will. */
export const JOINT_PAYLOAD = 2
/** LockFail's reason: a joint payment was given up. */
const JOINT_FAILED = 3
/** How long a settled payment answers neighbours from memory. */
const SETTLED_MS = 30_000

export interface JointPayBook {
  /** Not settled, or not past their expiry in final blocks, by condition id. */
  readonly open: Map<Hex, JointState>
  /** Locks on conditions whose terms have not come, since when. */
  readonly early: Map<IncomingLock, number>
  /** Settled a while ago, with their expiry: remembered so that an old id is not taken for a new one (LK-50). */
  readonly ended: Map<Hex, number>
  /** Conditions whose terms this node refused, since when: locks on them are given back at once. */
  readonly refused: Map<Hex, number>
}

export async function loadJoints(store: Store, crypto: Runtime['ports']['crypto']): Promise<JointPayBook> {
  const open = new Map<Hex, JointState>()
  const ended = new Map<Hex, number>()
  let after: Uint8Array | undefined
  for (;;) {
    const page = await store.listRecords({
      space: JOINT_SPACE,
      limit: MAX_PAGE_ROWS,
      ...(after === undefined ? {} : { after }),
    })
    for (const { bytes } of page) {
      const state = decodeJoint(crypto, bytes)
      if (!('setup' in state)) throw new Error(`stored joint payment: ${state.field}: ${state.detail}`)
      const condition = toHex(state.setup.conditionId)
      if (isUnderWay(state)) open.set(condition, state)
      else if (state.final === undefined) ended.set(condition, state.setup.terms.expiry)
    }
    after = page.at(-1)?.key
    if (page.length < MAX_PAGE_ROWS) return { open, early: new Map(), ended, refused: new Map() }
  }
}

export function jointContext(rt: Runtime): JointContext {
  const { crypto, signer, nowMs, headTimeSeconds } = contextOf(rt)
  const { policy, forwardMarginSeconds } = rt.config
  return {
    crypto,
    signer,
    nowMs,
    headTimeSeconds,
    policy: {
      safetyMarginSeconds: policy.safetyMarginSeconds,
      signingMarginSeconds: forwardMarginSeconds,
      maxExpirySeconds: rt.config.maxLockTimeSeconds,
      abortAfterMs: rt.config.jointAbortMs,
      patienceMs: 10 * rt.config.jointAbortMs,
      aheadLimit: (payee) => aheadLimit(rt, payee),
    },
  }
}

/** A tenth of what stands in the channels with that peer may be locked before the own incoming lock is there. */
function aheadLimit(rt: Runtime, payee: Uint8Array): bigint {
  let most = 0n
  for (const { core } of rt.channels.values()) {
    const { params, party } = core.setup
    if (toHex(params.signer[party === 0 ? 1 : 0]) !== toHex(payee)) continue
    const deposit = core.chain.deposits[party] / 10n
    if (deposit > most) most = deposit
  }
  return most
}

/** Runs one input of a known joint payment. */
export function jointInput(
  rt: Runtime,
  group: Group,
  condition: Hex,
  input: JointInput,
): JointStepRefused | undefined {
  const state = rt.jointPays.open.get(condition)
  if (state === undefined) return undefined
  return takeStep(rt, group, state, stepJoint(state, input, jointContext(rt)))
}

/** Keeps what a step made of `before` (undefined: a payment that begins), and performs its effects. */
export function takeStep(
  rt: Runtime,
  group: Group,
  before: JointState | undefined,
  step: JointStep,
): JointStepRefused | undefined {
  if (!step.ok) return step
  const { state, effects } = step
  if (state !== before) {
    rt.jointPays.open.set(toHex(state.setup.conditionId), state)
    group.changes.push({
      type: 'record.put',
      row: { space: JOINT_SPACE, key: state.setup.conditionId, bytes: encodeJoint(state) },
    })
  }
  for (const effect of effects) perform(rt, group, state, effect)
  return undefined
}

function perform(rt: Runtime, group: Group, state: JointState, effect: JointEffect): void {
  const condition = toHex(state.setup.conditionId)
  switch (effect.type) {
    case 'send':
      for (const nodeId of neighboursAt(rt, state, effect.to)) sendAfter(rt, group, nodeId, effect.message)
      return
    case 'place-lock': {
      const channel = rt.channels.get(toHex(effect.terms.channelId))
      if (channel === undefined || ownLock(rt, state, effect.hop) !== undefined) return
      place(rt, {
        channel,
        amount: effect.terms.amount,
        condition: state.setup.conditionId,
        expiry: state.setup.terms.expiry,
        payload: Uint8Array.of(JOINT_PAYLOAD),
        use: { kind: 'joint' },
        from: undefined,
      })
      return
    }
    case 'cancel-lock': {
      const hop = state.setup.terms.hops[effect.hop]
      const channel = hop && rt.channels.get(toHex(hop.channelId))
      if (channel !== undefined && cancelPlacement(channel, state.setup.conditionId))
        rt.jointNotes.push(
          (later) => void jointInput(rt, later, condition, { type: 'lock-void', hop: effect.hop }),
        )
      return
    }
    case 'unlock':
    case 'show-key': {
      const key = decodeKey(effect.key)
      if (!('code' in key)) learnKey(rt, group, condition, key, undefined)
      const lock = effect.type === 'unlock' ? ownLock(rt, state, effect.hop) : undefined
      if (lock !== undefined) wantLines(rt, lock.channel)
      return
    }
    case 'drop-lock': {
      const lock = ownLock(rt, state, effect.hop)
      if (lock !== undefined) wantLines(rt, lock.channel)
      return
    }
    case 'ask-fail':
      for (const lock of locksHeld(rt, condition))
        if (jointHop(state, lock, 'in') === effect.hop)
          failIncoming(rt, group, lock, { reason: JOINT_FAILED, data: new Uint8Array(0) })
      return
    case 'post-key':
      postKey(rt, group, condition, effect.key)
      return
    case 'finished':
      if (effect.outcome.type === 'paid') useAgreement(rt, group, state)
      rt.jointNotes.push((later) => rt.jointEnded(later, state, effect.outcome))
      group.effects.push(() => rt.waits.poke(`joint/${condition}`))
  }
}

function postKey(rt: Runtime, group: Group, condition: Hex, encoded: Uint8Array): void {
  const key = decodeKey(encoded)
  if ('code' in key) return
  const call = { kind: 'resolve', resolutions: [keyToChain(key)] } as const
  group.effects.push(() =>
    rt.submissions.submit(`resolve/joint/${condition}`, call, {
      onSeen: () => {},
      onFinal: () => {},
      onFailed: (error) =>
        post(rt, (later) =>
          later.effects.push(() =>
            rt.events.emit({
              type: 'warning',
              atMs: rt.ports.nowMs(),
              code: error.code,
              message: `joint payment ${condition}: ${error.message} ${error.remedy}`,
            }),
          ),
        ),
    }),
  )
}

/** Node ids of the peers behind a signer, among the channels of the terms. */
function neighboursAt(rt: Runtime, state: JointState, signer: Uint8Array): ReadonlySet<string> {
  const found = new Set<string>()
  for (const { channelId } of state.setup.terms.hops) {
    const channel = rt.channels.get(toHex(channelId))
    if (channel === undefined) continue
    const { params, party } = channel.core.setup
    if (toHex(params.signer[party === 0 ? 1 : 0]) === toHex(signer)) found.add(channel.peer)
  }
  return found
}

export function ownLock(rt: Runtime, state: JointState, hop: number): OutgoingLock | undefined {
  const locks = rt.locks.conditions.get(toHex(state.setup.conditionId))
  return [...(locks?.outgoing ?? [])].find((lock) => jointHop(state, lock, 'out') === hop)
}

/** The hop of the terms that a lock is; undefined when the terms know nothing of it. */
export function jointHop(
  state: JointState,
  { channel }: { readonly channel: IncomingLock['channel'] },
  way: 'in' | 'out',
): number | undefined {
  const { party } = channel.core.setup
  const direction = way === 'out' ? party : party === 0 ? 1 : 0
  return hopOf(state, channel.idBytes, direction)
}

/** Time, and what final blocks say. */
export function tickJoints(rt: Runtime, group: Group): void {
  const ctx = jointContext(rt)
  // Limits count from the later of the clock and the chain (SEC-1): a slow clock must not keep a key from the registry.
  const laterMs = Math.max(ctx.nowMs, ctx.headTimeSeconds * 1_000)
  for (const [condition, state] of rt.jointPays.open) {
    const wakeAtMs = jointWakeAtMs(state, ctx)
    if (wakeAtMs !== undefined && wakeAtMs <= laterMs) jointInput(rt, group, condition, { type: 'tick' })
    // Neighbours that missed a message have asked by now; the record itself stays in the store.
    if (!isUnderWay(state) && ctx.nowMs - state.progressAtMs > SETTLED_MS) {
      rt.jointPays.open.delete(condition)
      rt.jointPays.ended.set(condition, state.setup.terms.expiry)
    }
  }
  for (const [lock, sinceMs] of rt.jointPays.early) {
    if (ctx.nowMs - sinceMs < 10 * rt.config.jointAbortMs) continue
    rt.jointPays.early.delete(lock)
    if (rt.locks.incoming.has(lock.id) && !rt.jointPays.open.has(lock.condition)) giveBack(rt, group, lock)
  }
  for (const [condition, sinceMs] of rt.jointPays.refused)
    if (ctx.nowMs - sinceMs > 1_000 * rt.config.maxLockTimeSeconds) rt.jointPays.refused.delete(condition)
}

/**
 * A lock of a payment that this node takes no part in (LK-31). Asking is durable and irrevocable: should the terms come again
 * and please, the lock does not count for them.
 */
export function giveBack(rt: Runtime, group: Group, lock: IncomingLock): void {
  rt.jointPays.early.delete(lock)
  lock.use = { kind: 'none' }
  failIncoming(rt, group, lock, { reason: JOINT_FAILED, data: new Uint8Array(0) })
}

export function finalForJoints(rt: Runtime, group: Group): void {
  const timeSeconds = Number(rt.final?.timestampSeconds ?? 0n)
  for (const [condition, expiry] of rt.jointPays.ended)
    if (expiry < timeSeconds) rt.jointPays.ended.delete(condition)
  for (const [condition, state] of rt.jointPays.open) {
    const { final: resolvedAt } = resolutionOf(rt.registry, condition)
    const past = timeSeconds > state.setup.terms.expiry
    if (resolvedAt > 0 || past) jointInput(rt, group, condition, { type: 'final', timeSeconds, resolvedAt })
    const now = rt.jointPays.open.get(condition)
    if (past && now !== undefined && isJointSettled(now)) rt.jointPays.open.delete(condition)
  }
}

/** After a restart: everything that is to be done comes again. */
export function resumeJoints(rt: Runtime, group: Group): void {
  for (const [condition, state] of rt.jointPays.open) {
    for (const { hop, status } of state.outgoing)
      if (status === 'asked' && ownLock(rt, state, hop) === undefined)
        jointInput(rt, group, condition, { type: 'lock-void', hop })
    jointInput(rt, group, condition, { type: 'resume' })
  }
}

/** A lock is pending, or a payee's receipt is missing and the key may still have to go to the registry (JP-26). */
function isUnderWay(state: JointState): boolean {
  const unshown = state.key !== undefined && !state.posted && state.receipts.includes(undefined)
  return !isJointSettled(state) || (unshown && state.final === undefined)
}
