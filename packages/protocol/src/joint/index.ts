/**
 * Joint (channel-chain) payments: hops paid all together or not at all (docs/spec/joint.md; seed 000 section 3.4 to 3.6).
 *
 * - `makeTerms`, `checkTerms`, `encodeTerms`, `decodeTerms`, `jointIdsOf`, `netOf`: terms and their condition id.
 * - `startJoint(terms, agreement, ...)`, `stepJoint(state, input, ctx)`: the machine of one party (input.ts, effect.ts).
 * - `encodeJoint(state)`, `decodeJoint(crypto, bytes)`: the stored form and full record.
 * - `hopOf`, `hasSigned`, `isJointSettled`, `jointWakeAtMs`: derived facts.
 * - `planNetting(obligations, channels, options)`: the hops that settle obligations among n parties.
 */

export * from './check.ts'
export * from './context.ts'
export * from './effect.ts'
export { hasSigned, hopOf, isJointSettled, jointWakeAtMs } from './facts.ts'
export type { JointGraph } from './graph.ts'
export * from './input.ts'
export {
  type NetPosition,
  type NettingOptions,
  type NettingPlan,
  type NettingRefusal,
  type NettingRefusalCode,
  netPositions,
  type Obligation,
  planNetting,
} from './netting.ts'
export type { NettingChannel } from './network.ts'
export * from './refusal.ts'
export {
  type JointStart,
  type JointStep,
  type JointStepDone,
  type JointStepRefused,
  startJoint,
} from './start.ts'
export * from './state.ts'
export * from './step.ts'
export { decodeJoint, encodeJoint, JOINT_VERSION } from './stored.ts'
export {
  compareHops,
  decodeTerms,
  encodeTerms,
  type JointHop,
  type JointIds,
  type JointTerms,
  jointIdsOf,
  jointKeys,
  MAX_JOINT_HOPS,
  makeTerms,
  termsHashOf,
} from './terms.ts'
