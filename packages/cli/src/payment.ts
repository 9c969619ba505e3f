/** One payment, asked for until it is accepted or refused for good. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Hex, NodeClient, PaymentView } from '@tallystick/client'
import { ApiError } from '@tallystick/client'

export type PaymentRequest = ({ readonly channelId: Hex } | { readonly peer: string }) & {
  readonly amount: bigint
  /** 32 bytes. Asking again under it never pays twice. */
  readonly reference: Hex
}

/** One request of the API waits at most four minutes; a long wait is several requests. */
const longestRequestMs = 60_000
const retryMs = 250

/**
 * Resolves with the payment as it is when it is accepted or refused, or when the time is over.
 * A peer whose view of the chain is a moment behind ours refuses the first payments of a new channel; the node makes
 * such a refused payment void before it makes it again, so asking again is safe.
 */
export async function payOnce(
  api: NodeClient,
  request: PaymentRequest,
  timeoutMs: number,
): Promise<PaymentView> {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    const leftMs = Math.max(1, deadlineMs - Date.now())
    const last = leftMs <= longestRequestMs
    try {
      const payment = await api.pay({ ...request, timeoutMs: Math.min(leftMs, longestRequestMs) })
      if (last || payment.state === 'accepted' || payment.state === 'refused') return payment
    } catch (thrown) {
      if (!isPeerBehind(thrown) || Date.now() >= deadlineMs) throw thrown
      await pause(retryMs)
    }
  }
}

function isPeerBehind(thrown: unknown): boolean {
  return (
    thrown instanceof ApiError &&
    thrown.code === 'PAYMENT_REFUSED' &&
    thrown.detail?.startsWith('not-open') === true
  )
}
