/** One payment over the network, asked for once and followed until it ends. */
import type { Hex, NetworkPaymentView, NodeClient, PayInvoiceRequest } from '@tallystick/client'
import { ApiError } from '@tallystick/client'

export type FollowOptions = {
  readonly paymentHash: Hex
  readonly timeoutMs: number
  /** Each time something of it changed; without it nobody watches. */
  readonly onChange?: (payment: NetworkPaymentView) => void
}

/** One request of the API waits at most four minutes; a long wait is several requests. */
const longestRequestMs = 60_000

/** Resolves with the payment as it is when it has ended, or when the time is over. */
export async function payInvoice(
  api: NodeClient,
  request: Omit<PayInvoiceRequest, 'timeoutMs'>,
  { paymentHash, timeoutMs, onChange }: FollowOptions,
): Promise<NetworkPaymentView> {
  const deadlineMs = Date.now() + timeoutMs
  const leftMs = () => Math.min(Math.max(1, deadlineMs - Date.now()), longestRequestMs)
  const watch = onChange === undefined ? undefined : await watchPayment(api, paymentHash, onChange)
  try {
    let payment = await api.payInvoice({ ...request, timeoutMs: leftMs() })
    // Only looked at from here on: what has failed meanwhile would be paid anew if it were asked for again.
    while (payment.state === 'pending' && Date.now() < deadlineMs)
      payment = (await endedWithin(api, paymentHash, leftMs())) ?? payment
    return payment
  } finally {
    await watch?.stop()
  }
}

async function endedWithin(
  api: NodeClient,
  paymentHash: Hex,
  timeoutMs: number,
): Promise<NetworkPaymentView | undefined> {
  try {
    return await api.networkPayment(paymentHash, { timeoutMs })
  } catch (thrown) {
    if (thrown instanceof ApiError && thrown.code === 'TIMED_OUT') return undefined
    throw thrown
  }
}

/** Tells changes from the node's events. A watch that breaks is no fault of the payment: it falls silent. */
async function watchPayment(
  api: NodeClient,
  paymentHash: Hex,
  onChange: (payment: NetworkPaymentView) => void,
): Promise<{ stop(): Promise<void> }> {
  const stopped = new AbortController()
  let opened: () => void = () => undefined
  const open = new Promise<void>((resolve) => {
    opened = resolve
  })
  const watching = (async () => {
    for await (const { event } of api.events({ signal: stopped.signal, once: true, onOpen: opened })) {
      if (event.type !== 'reset' && (event.type !== 'network-payment' || event.hash !== paymentHash)) continue
      const payment = await api.networkPayment(paymentHash)
      if (payment !== undefined && !stopped.signal.aborted) onChange(payment)
    }
  })().catch(() => undefined)
  await Promise.race([open, watching])
  return {
    async stop() {
      stopped.abort()
      await watching
    },
  }
}
