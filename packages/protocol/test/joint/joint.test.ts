/** The machine of one party, rule by rule (docs/spec/joint.md JP-20 to JP-44). */

import { expect, test } from 'vitest'
import {
  batchPath,
  batchRoot,
  checkKey,
  decodeJoint,
  decodeKey,
  encodeJoint,
  encodeTerms,
  isJointSettled,
  type JointState,
  jointIdsOf,
  jointWakeAtMs,
  toHex,
} from '../../src/index.ts'
import { crypto, signerOf } from '../crypto.ts'
import {
  abortBy,
  approvalOf,
  contextOf,
  did,
  give,
  hold,
  holdAll,
  hopsOf,
  placeAll,
  placeOf,
  type Rig,
  receiptBy,
  refusalOf,
  rigOf,
  signaturesOf,
  signedTypes,
  startAs,
  tell,
  wholeKey,
} from './rig.ts'
import { CYCLE, DIAMOND, NETTING, PATH, SINGLE } from './shapes.ts'
import { DELTA, EXPIRY, registry, START, T, word } from './world.ts'

const ALL = ['A', 'B', 'C', 'D']
const dueAt = (rig: Rig) => hopsOf(rig, 'payer')[0] ?? -1
/** Of the incoming lock that it holds. */
const heldAt = (rig: Rig) => rig.state.incoming[0]?.at ?? { slot: -1, born: -1 }
const inAt = (rig: Rig) => hopsOf(rig, 'payee')[0] ?? -1

/** A forwarder with its locks in order and the signatures from downstream: it signs with the last of them. */
function signedB(): Rig {
  const rig = rigOf('B', PATH.terms())
  holdAll(rig)
  placeAll(rig)
  tell(rig, 'C', signaturesOf(rig, 'C', 'D'))
  expect(signedTypes(rig)).toEqual(['Condition'])
  return rig
}

/** The customer of the path, before the last signature arrives. */
function waitingA(): Rig {
  const rig = rigOf('A', PATH.terms())
  placeAll(rig)
  tell(rig, 'B', signaturesOf(rig, 'C', 'D'))
  expect(signedTypes(rig)).toEqual([])
  return rig
}

function signedA(): Rig {
  const rig = waitingA()
  tell(rig, 'B', signaturesOf(rig, 'B'))
  expect(signedTypes(rig)).toEqual(['Condition'])
  return rig
}

const atSeconds = (rig: Rig, seconds: number) => {
  rig.nowMs = seconds * 1000
  return give(rig, { type: 'tick' })
}

test('JP-20: the terms go to the neighbours, but not back; the same terms again change nothing', () => {
  const first = rigOf('B', PATH.terms())
  expect(did(first, ALL).filter((one) => one.startsWith('jointpay'))).toEqual(
    expect.arrayContaining(['jointpay-terms to A', 'jointpay-terms to C']),
  )
  const { rig } = startAs('B', PATH.terms(), { start: { from: signerOf('C').address } })
  expect(did(rig, ALL)).not.toContain('jointpay-terms to C')
  expect(did(rig, ALL)).toContain('jointpay-terms to A')
  const terms = { type: 'jointpay-terms', terms: encodeTerms(PATH.terms()) } as const
  const before = rig.state
  expect(tell(rig, 'A', terms)).toBe('ok')
  expect(rig.state).toBe(before)
  expect(rig.effects).toEqual([])
  expect(tell(rig, 'A', { ...terms, terms: encodeTerms(PATH.terms({ salt: word('other') })) })).toBe(
    'joint-differs',
  )
})

test('JP-21: the customer locks at once, a forwarder ahead only within its limit, else after its incoming lock', () => {
  const customer = rigOf('A', PATH.terms(), { policy: { aheadLimit: () => 0n } })
  expect(did(customer, ALL)).toContain(`place-lock ${dueAt(customer)}`)
  const trusting = rigOf('B', PATH.terms(), { policy: { aheadLimit: () => 100n } })
  expect(did(trusting, ALL)).toContain(`place-lock ${dueAt(trusting)}`)
  for (const limit of [99n, 0n, -5n]) {
    const careful = rigOf('B', PATH.terms(), { policy: { aheadLimit: () => limit } })
    expect(did(careful, ALL)).not.toContain(`place-lock ${dueAt(careful)}`)
    holdAll(careful)
    expect(did(careful, ALL)).toEqual([`place-lock ${dueAt(careful)}`])
  }
  // Who pays more than it is paid, by agreement, is ahead only of what it is owed.
  const generous = rigOf('C', PATH.terms(), { policy: { aheadLimit: () => 99n } })
  expect(did(generous, ALL)).not.toContain(`place-lock ${dueAt(generous)}`)
  const debtor = rigOf('D', NETTING.terms(), { policy: { aheadLimit: () => 1n } })
  expect(did(debtor, ALL)).toContain(`place-lock ${dueAt(debtor)}`)
})

test('JP-22: a party signs only with all its locks in place and the signatures from downstream', () => {
  const steps: readonly ((rig: Rig) => void)[] = [
    (rig) => void hold(rig, inAt(rig)),
    (rig) => placeAll(rig),
    (rig) => void tell(rig, 'C', signaturesOf(rig, 'D')),
    (rig) => void tell(rig, 'C', signaturesOf(rig, 'C')),
  ]
  for (const missing of [-1, 0, 1, 2, 3]) {
    const rig = rigOf('B', PATH.terms())
    for (const [index, step] of steps.entries()) if (index !== missing) step(rig)
    expect(signedTypes(rig), `without step ${missing}`).toEqual(missing === -1 ? ['Condition'] : [])
  }
  const two = rigOf('D', DIAMOND.terms())
  hold(two, hopsOf(two, 'payee')[0] ?? -1)
  expect(signedTypes(two)).toEqual([])
  hold(two, hopsOf(two, 'payee')[1] ?? -1)
  expect(signedTypes(two)).toEqual(['Condition'])
})

test.each([{ amount: 101n }, { amount: 103n }, { expiry: EXPIRY - 1 }, { expiry: EXPIRY + 1 }])(
  'JP-22, JP-32: an incoming lock with %o is never signed for, and asked to fail at once',
  (change) => {
    const rig = rigOf('B', PATH.terms())
    placeAll(rig)
    tell(rig, 'C', signaturesOf(rig, 'C', 'D'))
    hold(rig, inAt(rig), change)
    expect(did(rig, ALL)).toContain(`ask-fail ${inAt(rig)}`)
    expect(did(rig, ALL)).toContain('jointpay-refusal to A')
    expect(signedTypes(rig)).toEqual([])
    expect(hold(rig, inAt(rig))).toBe('ok')
    expect(signedTypes(rig)).toEqual([])
    expect(rig.state.outcome).toMatchObject({ type: 'failed', complaint: { code: 'lock-wrong' } })
  },
)

test('JP-22: a second lock on a hop is refused, the same one again changes nothing', () => {
  const rig = rigOf('B', PATH.terms())
  hold(rig, inAt(rig))
  const { state } = rig
  expect(hold(rig, inAt(rig))).toBe('ok')
  expect(rig.state).toBe(state)
  const other = {
    type: 'lock-accepted',
    hop: inAt(rig),
    at: { slot: 9, born: 99 },
    amount: 102n,
    expiry: EXPIRY,
  } as const
  expect(give(rig, other)).toBe('lock-twice')
  expect(give(rig, { ...other, hop: dueAt(rig) })).toBe('hop-unknown')
  expect(give(rig, { ...other, hop: 17 })).toBe('hop-unknown')
  placeAll(rig)
  expect(give(rig, { type: 'lock-placed', hop: dueAt(rig), at: { slot: 9, born: 99 } })).toBe('lock-twice')
  expect(give(rig, { type: 'lock-placed', hop: inAt(rig), at: { slot: 9, born: 99 } })).toBe('hop-unknown')
})

test('JP-23: signatures go to the payers of the own hops, with all that are known', () => {
  const rig = rigOf('C', PATH.terms())
  holdAll(rig)
  placeAll(rig)
  tell(rig, 'D', signaturesOf(rig, 'D'))
  expect(did(rig, ALL)).toEqual(['jointpay-signatures to B'])
  const [sent] = rig.effects
  expect(sent).toMatchObject({ message: { approvals: [{}, {}] } })
  tell(rig, 'D', signaturesOf(rig, 'D'))
  expect(rig.effects).toEqual([])
})

test('JP-23: signatures are taken all or none, and only right ones', () => {
  const rig = rigOf('B', PATH.terms())
  const { state } = rig
  const { conditionId } = jointIdsOf(crypto, registry, rig.terms)
  const right = approvalOf(rig, 'D')
  const say = (...approvals: readonly (typeof right)[]) =>
    tell(rig, 'C', { type: 'jointpay-signatures', conditionId, approvals })
  expect(say(right, { ...approvalOf(rig, 'C'), signature: right.signature })).toBe('signature-wrong')
  expect(say(right, { ...approvalOf(rig, 'C'), signature: new Uint8Array(64) })).toBe('signature-wrong')
  expect(say(right, { ...approvalOf(rig, 'C'), signer: 4 })).toBe('signer-unknown')
  expect(say({ ...right, index: 1 })).toBe('signature-wrong')
  expect(tell(rig, 'D', signaturesOf(rig, 'D'))).toBe('stranger')
  expect(tell(rig, 'Z', signaturesOf(rig, 'D'))).toBe('stranger')
  const other = rigOf('B', PATH.terms({ salt: word('other') }))
  expect(tell(rig, 'C', signaturesOf(other, 'D'))).toBe('joint-differs')
  expect(rig.state).toBe(state)
})

test('JP-24: the customer signs last, after everybody and with its locks placed', () => {
  const rig = rigOf('A', PATH.terms())
  tell(rig, 'B', signaturesOf(rig, 'B', 'C', 'D'))
  expect(signedTypes(rig)).toEqual([])
  placeAll(rig)
  expect(signedTypes(rig)).toEqual(['Condition'])
  const circle = rigOf('A', CYCLE.terms())
  placeAll(circle)
  tell(circle, 'B', signaturesOf(circle, 'B', 'C'))
  expect(signedTypes(circle)).toEqual([])
  holdAll(circle)
  expect(signedTypes(circle)).toEqual(['Condition'])
})

test('JP-24: the customer signs while T + delta remains, and not a second later', () => {
  const last = EXPIRY - T - DELTA
  for (const [now, signs] of [
    [last, true],
    [last + 1, false],
  ] as const) {
    const rig = waitingA()
    rig.policy = { ...rig.policy, abortAfterMs: 10_000_000 }
    rig.nowMs = now * 1000
    tell(rig, 'B', signaturesOf(rig, 'B'))
    expect(signedTypes(rig)).toEqual(signs ? ['Condition'] : ['JointAbort'])
    if (!signs) expect(rig.state.outcome).toMatchObject({ type: 'failed', complaint: { code: 'late' } })
  }
})

test('JP-24: a customer whose lock was refused or dropped does not sign', () => {
  for (const type of ['lock-refused', 'lock-void'] as const) {
    const rig = waitingA()
    give(rig, { type, hop: dueAt(rig) })
    tell(rig, 'B', signaturesOf(rig, 'B'))
    expect(signedTypes(rig)).toEqual(['JointAbort'])
  }
})

test('JP-25: the whole set goes to everybody, unlocks, and is what the registry takes', () => {
  const rig = signedA()
  const hop = dueAt(rig)
  expect(did(rig, ALL)).toEqual(['jointpay-signatures to B', `unlock ${hop}`])
  const unlock = rig.effects.find(({ type }) => type === 'unlock')
  if (unlock?.type !== 'unlock') throw new Error('no unlock')
  expect(unlock.at).toEqual(placeOf(hop))
  const key = decodeKey(unlock.key)
  if ('code' in key) throw new Error(key.code)
  const { conditionId } = jointIdsOf(crypto, registry, rig.terms)
  expect(checkKey(crypto, registry, conditionId, key)).toBeUndefined()
  const forwarder = signedB()
  tell(forwarder, 'A', signaturesOf(forwarder, 'A', 'C'))
  expect(did(forwarder, ALL)).toEqual([
    'jointpay-signatures to A',
    'jointpay-signatures to C',
    `unlock ${dueAt(forwarder)}`,
    `show-key ${inAt(forwarder)}`,
  ])
  const whole = signedB()
  tell(whole, 'A', signaturesOf(whole, 'A', 'B', 'C', 'D'))
  expect(did(whole, ALL)).not.toContain('jointpay-signatures to A')
})

test('JP-25: a key that comes another way counts, whatever form its approvals have', () => {
  const rig = signedB()
  const { conditionId, keys } = jointIdsOf(crypto, registry, rig.terms)
  // A signs a batch of conditions, of which this is one.
  const batch = [word('x'), conditionId, word('y')]
  const root = batchRoot(crypto, batch)
  const signature = signerOf('A').sign({ type: 'ConditionBatch', domain: registry, root })
  const at = keys.findIndex((key) => toHex(key) === toHex(signerOf('A').address))
  const approval = { signature, index: 1, path: batchPath(crypto, batch, 1) }
  const key = wholeKey(rig, ALL, new Map([[at, approval]]))
  expect(give(rig, { type: 'key-seen', key: key.slice(0, -1) })).toBe('key-wrong')
  const wrong = wholeKey(rig, ALL, new Map([[at, { ...approval, index: 2 }]]))
  expect(give(rig, { type: 'key-seen', key: wrong })).toBe('key-wrong')
  expect(give(rig, { type: 'key-seen', key: new Uint8Array([1, ...word('preimage')]) })).toBe('key-wrong')
  expect(give(rig, { type: 'key-seen', key })).toBe('ok')
  expect(did(rig, ALL)).toContain(`unlock ${dueAt(rig)}`)
  expect(rig.state.approvals[at]).toEqual(approval)
  const again = decodeJoint(crypto, encodeJoint(rig.state))
  expect(again).toEqual(rig.state)
})

test('JP-26: after expiry - T only the registry counts', () => {
  const rig = signedB()
  rig.nowMs = (EXPIRY - T + 1) * 1000
  tell(rig, 'A', signaturesOf(rig, 'A'))
  const names = did(rig, ALL)
  expect(names).not.toContain(`unlock ${dueAt(rig)}`)
  expect(names).toContain('post-key')
  expect(rig.effects.find(({ type }) => type === 'show-key')).toMatchObject({ release: false })
  give(rig, { type: 'final', timeSeconds: EXPIRY - 10, resolvedAt: 0 })
  expect(rig.state.final).toBeUndefined()
  give(rig, { type: 'final', timeSeconds: EXPIRY, resolvedAt: EXPIRY })
  expect(did(rig, ALL)).toEqual([
    `unlock ${dueAt(rig)} by the registry`.slice(0, `unlock ${dueAt(rig)}`.length),
    'finished',
  ])
  expect(rig.effects[0]).toMatchObject({ type: 'unlock', key: new Uint8Array(0) })
  expect(rig.state.outcome).toEqual({ type: 'paid', proof: 'registry' })
})

test('JP-26: exactly at expiry - T a key still unlocks, and who is unpaid posts it', () => {
  const rig = signedB()
  rig.nowMs = (EXPIRY - T) * 1000
  tell(rig, 'A', signaturesOf(rig, 'A'))
  expect(did(rig, ALL)).toEqual(expect.arrayContaining([`unlock ${dueAt(rig)}`, 'post-key']))
})

test('JP-26: who is paid does not post; who is not does, once, and not after the expiry', () => {
  for (const [paid, at, posts] of [
    [false, EXPIRY - T - 1, false],
    [false, EXPIRY - T, true],
    [false, EXPIRY, true],
    [false, EXPIRY + 1, false],
    [true, EXPIRY - T, false],
  ] as const) {
    const rig = signedB()
    tell(rig, 'A', signaturesOf(rig, 'A'))
    if (paid) give(rig, { type: 'lock-paid', hop: inAt(rig), at: heldAt(rig) })
    rig.headTimeSeconds = at
    atSeconds(rig, at)
    expect(did(rig, ALL).includes('post-key'), `${paid} ${at - EXPIRY}`).toBe(posts)
    atSeconds(rig, at)
    expect(did(rig, ALL)).not.toContain('post-key')
  }
})

test('JP-26: a clock that runs ahead of the chain keeps no key back', () => {
  const rig = signedB()
  tell(rig, 'A', signaturesOf(rig, 'A'))
  rig.headTimeSeconds = EXPIRY - 50
  atSeconds(rig, EXPIRY + 300)
  expect(did(rig, ALL)).toContain('post-key')
})

test('JP-26: a customer without the receipt posts, with it it does not', () => {
  const without = signedA()
  atSeconds(without, EXPIRY - T)
  expect(did(without, ALL)).toContain('post-key')
  const proved = signedA()
  tell(proved, 'B', receiptBy(proved, 'D'))
  expect(did(proved, ALL)).toEqual(['finished'])
  expect(proved.state.outcome).toEqual({ type: 'paid', proof: 'receipts' })
  atSeconds(proved, EXPIRY - T)
  expect(did(proved, ALL)).toEqual([])
})

test('JP-27: what expired unmet is dropped, and failed for good', () => {
  const rig = signedB()
  give(rig, { type: 'final', timeSeconds: EXPIRY, resolvedAt: 0 })
  expect(rig.state.final).toBeUndefined()
  give(rig, { type: 'final', timeSeconds: EXPIRY + 1, resolvedAt: 0 })
  expect(did(rig, ALL)).toEqual([`drop-lock ${dueAt(rig)}`, 'finished'])
  expect(rig.state.outcome).toMatchObject({ type: 'failed', complaint: { code: 'expired' } })
  expect(isJointSettled(rig.state)).toBe(false)
  give(rig, { type: 'lock-void', hop: dueAt(rig) })
  expect(isJointSettled(rig.state)).toBe(true)
  const late = signedB()
  give(late, { type: 'final', timeSeconds: EXPIRY + 5, resolvedAt: EXPIRY + 1 })
  expect(late.state.final).toEqual({ type: 'expired' })
})

test('JP-30: the customer aborts after 3 seconds without progress, and then never signs', () => {
  const rig = waitingA()
  rig.nowMs += 2999
  give(rig, { type: 'tick' })
  expect(rig.effects).toEqual([])
  rig.nowMs += 1
  give(rig, { type: 'tick' })
  expect(did(rig, ALL)).toEqual(['jointpay-abort to B', 'finished'])
  expect(rig.state.outcome).toMatchObject({ type: 'failed', complaint: { code: 'stalled' } })
  tell(rig, 'B', signaturesOf(rig, 'B'))
  expect(signedTypes(rig)).toEqual(['JointAbort'])
  const again = decodeJoint(crypto, encodeJoint(rig.state))
  if (!('setup' in again)) throw new Error(again.field)
  rig.state = again
  give(rig, { type: 'resume' })
  expect(signedTypes(rig)).toEqual(['JointAbort'])
})

test('JP-30: progress puts the abort off; who has signed never aborts', () => {
  const rig = waitingA()
  rig.nowMs += 2900
  tell(rig, 'B', receiptBy(rig, 'D'))
  expect(jointWakeAtMs(rig.state, contextOf(rig))).toBe(START * 1000 + 3000)
  const other = rigOf('A', PATH.terms())
  placeAll(other)
  other.nowMs += 2900
  tell(other, 'B', signaturesOf(other, 'D'))
  other.nowMs += 2900
  give(other, { type: 'tick' })
  expect(other.state.givenUp).toBe(false)
  const signed = signedA()
  signed.nowMs += 100_000
  give(signed, { type: 'tick' })
  tell(signed, 'B', refusalOf(signed, 'B'))
  give(signed, { type: 'lock-refused', hop: dueAt(signed) })
  expect(give(signed, { type: 'give-up', code: 'given-up' })).toBe('signed')
  expect(signedTypes(signed)).toEqual(['Condition'])
  expect(signed.state.givenUp).toBe(false)
})

test('JP-30: a refusal that reaches the customer ends it at once, with its reason', () => {
  const rig = waitingA()
  tell(rig, 'B', refusalOf(rig, 'C'))
  expect(did(rig, ALL)).toEqual(['jointpay-abort to B', 'finished'])
  const party = jointIdsOf(crypto, registry, rig.terms).keys.findIndex(
    (key) => toHex(key) === toHex(signerOf('C').address),
  )
  expect(rig.state.outcome).toEqual({ type: 'failed', complaint: { code: 'policy', party } })
})

test('JP-31: who has signed asks to fail nothing without the signed abort, and then only when its own locks are void', () => {
  const rig = signedB()
  const asked = () => did(rig, ALL).some((one) => one.startsWith('ask-fail'))
  rig.nowMs += 200_000
  give(rig, { type: 'tick' })
  expect(asked()).toBe(false)
  tell(rig, 'A', refusalOf(rig, 'A'))
  expect(asked()).toBe(false)
  expect(give(rig, { type: 'give-up', code: 'given-up' })).toBe('signed')
  expect(tell(rig, 'A', abortBy(rig, 'C'))).toBe('signature-wrong')
  give(rig, { type: 'lock-refused', hop: dueAt(rig) })
  expect(asked()).toBe(false)
  tell(rig, 'A', abortBy(rig, 'A'))
  expect(did(rig, ALL)).toEqual(['jointpay-abort to C'])
  give(rig, { type: 'lock-void', hop: dueAt(rig) })
  expect(did(rig, ALL)).toEqual([`ask-fail ${inAt(rig)}`, 'finished'])
  expect(rig.state.outcome).toMatchObject({ type: 'failed' })
})

test('JP-31: a void lock alone is no abort', () => {
  const rig = signedB()
  give(rig, { type: 'lock-void', hop: dueAt(rig) })
  expect(rig.effects).toEqual([])
  tell(rig, 'A', signaturesOf(rig, 'A'))
  expect(did(rig, ALL)).toContain(`show-key ${inAt(rig)}`)
})

test('JP-31: a set that comes before the abort was acted on is honoured, after it is not shown', () => {
  const early = signedB()
  tell(early, 'A', abortBy(early, 'A'))
  tell(early, 'A', signaturesOf(early, 'A'))
  expect(did(early, ALL)).toEqual(
    expect.arrayContaining([`unlock ${dueAt(early)}`, `show-key ${inAt(early)}`]),
  )
  give(early, { type: 'lock-folded', hop: dueAt(early) })
  expect(did(early, ALL).some((one) => one.startsWith('ask-fail'))).toBe(false)
  const late = signedB()
  tell(late, 'A', abortBy(late, 'A'))
  give(late, { type: 'lock-void', hop: dueAt(late) })
  tell(late, 'A', signaturesOf(late, 'A'))
  expect(did(late, ALL).some((one) => one.startsWith('show-key'))).toBe(false)
  atSeconds(late, EXPIRY - T)
  expect(did(late, ALL)).not.toContain('post-key')
})

test('JP-31: an abort that comes after the whole set changes nothing', () => {
  const rig = rigOf('D', PATH.terms())
  holdAll(rig)
  tell(rig, 'C', signaturesOf(rig, 'A', 'B', 'C'))
  tell(rig, 'C', abortBy(rig, 'A'))
  expect(rig.effects).toEqual([])
  expect(rig.state.incoming[0]?.failing).toBe(false)
  expect(rig.state.abort).toHaveLength(64)
})

test('JP-32: who has not signed asks to fail at once when it gives up, and locks nothing more', () => {
  const rig = rigOf('B', PATH.terms(), { policy: { aheadLimit: () => 0n } })
  give(rig, { type: 'give-up', code: 'given-up' })
  expect(did(rig, ALL)).toEqual(['jointpay-refusal to A', 'finished'])
  hold(rig, inAt(rig))
  expect(did(rig, ALL)).toEqual([`ask-fail ${inAt(rig)}`])
  tell(rig, 'C', signaturesOf(rig, 'C', 'D'))
  expect(signedTypes(rig)).toEqual([])
  expect(give(rig, { type: 'give-up', code: 'given-up' })).toBe('ended')
})

test('JP-32: a lock that was asked for and is not wanted any more is taken back, or failed by its payee', () => {
  const rig = rigOf('B', PATH.terms())
  give(rig, { type: 'give-up', code: 'given-up' })
  expect(did(rig, ALL)).toContain(`cancel-lock ${dueAt(rig)}`)
  give(rig, { type: 'lock-placed', hop: dueAt(rig), at: placeOf(dueAt(rig)) })
  expect(isJointSettled(rig.state)).toBe(false)
  give(rig, { type: 'lock-void', hop: dueAt(rig) })
  expect(isJointSettled(rig.state)).toBe(true)
})

test('JP-32: patience ends for who has not signed, and too little time is left', () => {
  const rig = rigOf('B', PATH.terms())
  expect(jointWakeAtMs(rig.state, contextOf(rig))).toBe(START * 1000 + 10_000)
  rig.nowMs += 10_000
  give(rig, { type: 'tick' })
  expect(rig.state.complaint?.code).toBe('stalled')
  const late = rigOf('B', PATH.terms(), { policy: { patienceMs: 10_000_000 } })
  atSeconds(late, EXPIRY - T - DELTA)
  expect(late.state.givenUp).toBe(false)
  atSeconds(late, EXPIRY - T - DELTA + 1)
  expect(late.state.complaint?.code).toBe('late')
})

test('JP-33: a refusal is relayed to the payers, also by who has signed', () => {
  const rig = signedB()
  tell(rig, 'C', refusalOf(rig, 'D'))
  expect(did(rig, ALL)).toEqual(['jointpay-refusal to A'])
  expect(rig.effects[0]).toMatchObject({ message: { party: signerOf('D').address, code: 'policy' } })
  expect(tell(rig, 'C', { ...refusalOf(rig, 'D'), party: word('nobody').slice(0, 20) } as never)).toBe(
    'signer-unknown',
  )
  tell(rig, 'C', refusalOf(rig, 'B'))
  expect(rig.effects).toEqual([])
})

test('JP-40: the payee signs the receipt when it is sure of the money, and it is relayed', () => {
  const rig = rigOf('D', PATH.terms())
  holdAll(rig)
  expect(signedTypes(rig)).toEqual(['Condition'])
  tell(rig, 'C', signaturesOf(rig, 'A', 'B', 'C'))
  expect(signedTypes(rig)).toEqual(['Condition', 'JointReceipt'])
  expect(did(rig, ALL)).toContain('jointpay-receipt to C')
  const forwarder = signedB()
  expect(tell(forwarder, 'C', receiptBy(forwarder, 'C'))).toBe('signature-wrong')
  expect(tell(forwarder, 'C', receiptBy(forwarder, 'D', 1))).toBe('signer-unknown')
  tell(forwarder, 'C', receiptBy(forwarder, 'D'))
  expect(did(forwarder, ALL)).toEqual(['jointpay-receipt to A'])
})

test('JP-40: a payee with a late set signs the receipt only when it is paid', () => {
  const rig = rigOf('D', PATH.terms())
  holdAll(rig)
  rig.nowMs = (EXPIRY - T + 1) * 1000
  tell(rig, 'C', signaturesOf(rig, 'A', 'B', 'C'))
  expect(signedTypes(rig)).toEqual(['Condition'])
  give(rig, { type: 'final', timeSeconds: EXPIRY, resolvedAt: EXPIRY - 5 })
  expect(signedTypes(rig)).toEqual(['Condition', 'JointReceipt'])
  const aborted = rigOf('D', PATH.terms())
  holdAll(aborted)
  tell(aborted, 'C', abortBy(aborted, 'A'))
  expect(did(aborted, ALL)).toContain(`ask-fail ${inAt(aborted)}`)
  tell(aborted, 'C', signaturesOf(aborted, 'A', 'B', 'C'))
  expect(signedTypes(aborted)).toEqual(['Condition'])
})

test('JP-40: the whole set is no receipt', () => {
  const rig = signedA()
  give(rig, { type: 'lock-folded', hop: dueAt(rig) })
  expect(rig.state.outcome).toBeUndefined()
})

test('JP-43: a restart does everything again but messages; a reconnect sends them again to that neighbour alone', () => {
  const rig = signedB()
  tell(rig, 'A', signaturesOf(rig, 'A'))
  give(rig, { type: 'resume' })
  expect(did(rig, ALL)).toEqual([`unlock ${dueAt(rig)}`, `show-key ${inAt(rig)}`])
  give(rig, { type: 'connected', peer: signerOf('C').address })
  expect(did(rig, ALL)).toEqual(['jointpay-terms to C', 'jointpay-signatures to C'])
  give(rig, { type: 'connected', peer: signerOf('Z').address })
  expect(rig.effects).toEqual([])
  const asked = rigOf('B', PATH.terms())
  give(asked, { type: 'resume' })
  expect(did(asked, ALL)).toEqual([`place-lock ${dueAt(asked)}`])
})

test('JP-26: a second, smaller lock that is paid does not make the hop paid', () => {
  const rig = signedB()
  tell(rig, 'A', signaturesOf(rig, 'A'))
  const { slot, born } = heldAt(rig)
  give(rig, { type: 'lock-paid', hop: inAt(rig), at: { slot: slot + 1, born: born + 1 } })
  give(rig, { type: 'lock-dropped', hop: inAt(rig), at: { slot: slot + 1, born: born + 1 } })
  atSeconds(rig, EXPIRY - T)
  expect(did(rig, ALL)).toContain('post-key')
})

test('JP-44: the record holds everything, in a versioned and strict form', () => {
  const states: JointState[] = []
  const keep = (rig: Rig) => states.push(rig.state)
  const rig = signedB()
  keep(rig)
  tell(rig, 'A', signaturesOf(rig, 'A'))
  keep(rig)
  tell(rig, 'C', receiptBy(rig, 'D'))
  give(rig, { type: 'lock-paid', hop: inAt(rig), at: heldAt(rig) })
  give(rig, { type: 'lock-folded', hop: dueAt(rig) })
  keep(rig)
  give(rig, { type: 'final', timeSeconds: EXPIRY, resolvedAt: EXPIRY - 50 })
  keep(rig)
  const failed = waitingA()
  tell(failed, 'B', refusalOf(failed, 'C'))
  keep(failed)
  const failing = rigOf('B', PATH.terms())
  hold(failing, inAt(failing), { amount: 1n })
  keep(failing)
  expect(failing.state.incoming[0]?.failing).toBe(true)
  keep(rigOf('A', CYCLE.terms()))
  keep(rigOf('B', SINGLE.terms()))
  for (const state of states) {
    const stored = encodeJoint(state)
    expect(decodeJoint(crypto, stored)).toEqual(state)
    for (let length = 0; length < stored.length; length += 1)
      expect(decodeJoint(crypto, stored.slice(0, length))).toHaveProperty('detail')
    expect(decodeJoint(crypto, new Uint8Array([...stored, 0]))).toMatchObject({ field: 'joint' })
    for (let at = 0; at < stored.length; at += 1) {
      const changed = stored.slice()
      changed[at] = (changed[at] ?? 0) ^ 0x41
      expect(() => decodeJoint(crypto, changed)).not.toThrow()
    }
  }
  expect(states.at(3)?.receipts[0]).toHaveLength(64)
})

test('nothing to wake for once the payment is over', () => {
  const rig = signedA()
  expect(jointWakeAtMs(rig.state, contextOf(rig))).toBe((EXPIRY - T) * 1000)
  tell(rig, 'B', receiptBy(rig, 'D'))
  expect(jointWakeAtMs(rig.state, contextOf(rig))).toBeUndefined()
  const forwarder = signedB()
  expect(jointWakeAtMs(forwarder.state, contextOf(forwarder))).toBeUndefined()
  tell(forwarder, 'A', signaturesOf(forwarder, 'A'))
  atSeconds(forwarder, EXPIRY - T)
  expect(jointWakeAtMs(forwarder.state, contextOf(forwarder))).toBeUndefined()
})
