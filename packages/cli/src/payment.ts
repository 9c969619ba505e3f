/** One payment, asked for until it is accepted or refused for good. */
import type { Hex, NodeClient, PaymentView } from '@tallystick/client'

export type PaymentRequest = ({ readonly channelId: Hex } | { readonly peer: string }) & {
  readonly amount: bigint
  /** 32 bytes. Asking again under it never pays twice. */
  readonly reference: Hex
}

/** One request of the API waits at most four minutes; a long wait is several requests. */
const longestRequestMs = 60_000

/** Resolves with the payment as it is when it is accepted or refused, or when the time is over. */
export async function payOnce(
  api: NodeClient,
  request: PaymentRequest,
  timeoutMs: number,
): Promise<PaymentView> {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    const leftMs = Math.max(1, deadlineMs - Date.now())
    const payment = await api.pay({ ...request, timeoutMs: Math.min(leftMs, longestRequestMs) })
    if (leftMs <= longestRequestMs || payment.state === 'accepted' || payment.state === 'refused')
      return payment
  }
}
