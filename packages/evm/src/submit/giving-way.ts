/**
 * When a signed transaction that the account cannot pay for gives its nonce up: nothing behind it is included before it, so
 * a deposit whose money went elsewhere would hold back an answer in court for ever.
 */

import type { ChainCall } from '@tallystick/protocol'

/** Calls that come too late: whoever does not answer, reveal or claim in time loses money. */
const ANSWERS: ReadonlySet<ChainCall['kind']> = new Set([
  'close',
  'closeFor',
  'closeBlind',
  'closeBlindFor',
  'update',
  'challenge',
  'settle',
  'claimLocks',
  'resolve',
])

interface Waiting {
  readonly kind: ChainCall['kind']
  /** Wei that the account must hold for it as it is signed now. */
  readonly cost: bigint
}

/**
 * Whether `blocked` goes for the sake of one of those `behind` it, that the account can pay for after the `price` of going.
 * While the signed transaction itself is affordable, only its fee too low, falling fees may still bring it in: then a
 * call that can wait gives way to an answer, and an answer to nothing. Afterwards an answer gives way to an answer, and
 * a call that can wait to whatever is behind it. All sums in wei; `blocked` cannot be paid for at the fee needed now.
 */
export function givesWay(
  blocked: Waiting,
  behind: readonly Waiting[],
  balance: bigint,
  price: bigint,
): boolean {
  const isAnswer = ANSWERS.has(blocked.kind)
  const mayStillBeIncluded = balance >= blocked.cost
  if (isAnswer && mayStillBeIncluded) return false
  const onlyForAnswers = isAnswer || mayStillBeIncluded
  return behind.some(({ kind, cost }) => balance >= price + cost && (!onlyForAnswers || ANSWERS.has(kind)))
}
