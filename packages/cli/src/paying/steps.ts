/** A payment on its way, told in sentences as it goes along its path. */
import type { NetworkPaymentAttempt, NetworkPaymentFailure, NetworkPaymentView } from '@tallystick/client'

/** What is new since `before`; the whole story so far without it. */
export function stepsSince(before: NetworkPaymentView | undefined, now: NetworkPaymentView): string[] {
  return now.attempts.flatMap((attempt, index) =>
    stepsOf(now.via, index + 1, before?.attempts[index]?.state, attempt),
  )
}

function stepsOf(
  via: NetworkPaymentView['via'],
  number: number,
  earlier: NetworkPaymentAttempt['state'] | undefined,
  attempt: NetworkPaymentAttempt,
): string[] {
  if (earlier === attempt.state) return []
  const joint = via === 'joint'
  const name = `${joint ? 'Attempt' : 'Part'} ${number}`
  const way = `${name}: ${attempt.amount} over ${pathOf(attempt)}, ${feeText(attempt.fee)}`
  const first = earlier === undefined ? [way] : []
  switch (attempt.state) {
    case 'wanted':
      return first
    case 'pending':
      return [...first, joint ? `${name}: everybody on the path is asked to sign` : `${name}: locked`]
    case 'paid':
      return [...first, `${name}: arrived`]
    case 'failed':
      return [...first, `${name}: failed ${whereOf(attempt.failure)}`.trimEnd()]
  }
}

/** `02ab12cd34ef > 03...`, the payee last. */
export function pathOf({ path }: Pick<NetworkPaymentAttempt, 'path'>): string {
  return path.map(({ to }) => `${to.slice(0, 12)}...`).join(' > ')
}

export function feeText(fee: bigint): string {
  return fee < 0n ? `${-fee} given by the path` : `fee ${fee}`
}

/** Which hop says what; of this node, only what. */
export function whereOf(failure: NetworkPaymentFailure | undefined): string {
  if (failure === undefined) return ''
  const { hop, nodeId, message } = failure
  if (hop === undefined) return `here: ${message}`
  return `at hop ${hop + 1}${nodeId === undefined ? '' : ` (${nodeId.slice(0, 12)}...)`}: ${message}`
}
