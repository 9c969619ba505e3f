/** How a payment over the network is asked for and told, with an API on paper. */
import type { Hex, NetworkPaymentView, NodeClient, ReceivedEvent } from '@tallystick/client'
import { ApiError } from '@tallystick/client'
import { describe, expect, it } from 'vitest'
import { settledInvoice } from '../src/paying/invoice-wait.ts'
import { payInvoice } from '../src/paying/network-payment.ts'
import { stepsSince } from '../src/paying/steps.ts'

const HASH: Hex = `0x${'ab'.repeat(32)}`
const [CHANNEL, HOP, PAYEE] = [`0x${'c1'.repeat(32)}` as Hex, `02${'5a'.repeat(32)}`, `03${'5b'.repeat(32)}`]
const path = [
  { channelId: CHANNEL, to: HOP, amount: 12n },
  { channelId: CHANNEL, to: PAYEE, amount: 10n },
]
type Attempt = NetworkPaymentView['attempts'][number]
const attempt = (change: Partial<Attempt> = {}): Attempt => ({
  amount: 10n,
  fee: 2n,
  state: 'pending',
  path,
  ...change,
})
const failure = { code: 'channel-unavailable', hop: 0, nodeId: HOP, message: 'No.', remedy: 'Later.' }

function payment(change: Partial<NetworkPaymentView> = {}): NetworkPaymentView {
  return {
    paymentHash: HASH,
    invoice: 'tally1q',
    payee: PAYEE,
    token: `0x${'00'.repeat(20)}`,
    amount: 10n,
    maxFee: 10n,
    fee: 2n,
    via: 'htlc',
    state: 'pending',
    attempts: [attempt()],
    createdAtMs: 1,
    ...change,
  }
}

const timedOut = new ApiError({ title: 'late', status: 408, code: 'TIMED_OUT', remedy: 'Ask again.' })

/** Answers in turn, and remembers what was asked. */
function paperApi(answers: { pay: NetworkPaymentView; looks: (NetworkPaymentView | ApiError)[] }) {
  const asked: string[] = []
  const looks = [...answers.looks]
  const api: Partial<NodeClient> = {
    payInvoice: async () => {
      asked.push('pay')
      return answers.pay
    },
    networkPayment: async (_hash, query) => {
      asked.push(query?.timeoutMs === undefined ? 'look' : 'wait')
      const next = looks.shift()
      if (next instanceof ApiError) throw next
      return next
    },
    // biome-ignore lint/correctness/useYield: a stream that ends at once, as one that is refused.
    events: async function* (): AsyncGenerator<ReceivedEvent, void> {
      asked.push('events')
    },
  }
  return { api: api as NodeClient, asked }
}

const request = { invoice: 'tally1q' }

describe('a payment that takes long', () => {
  it('is asked for once: what failed meanwhile would be paid anew', async () => {
    const { api, asked } = paperApi({
      pay: payment(),
      looks: [timedOut, payment(), payment({ state: 'failed' })],
    })
    const ended = await payInvoice(api, request, { paymentHash: HASH, timeoutMs: 60_000 })
    expect(ended.state).toBe('failed')
    expect(asked).toEqual(['pay', 'wait', 'wait', 'wait'])
  })

  it('is told as it is when the time is over', async () => {
    const { api, asked } = paperApi({ pay: payment(), looks: [] })
    const ended = await payInvoice(api, request, { paymentHash: HASH, timeoutMs: 0 })
    expect([ended.state, asked]).toEqual(['pending', ['pay']])
  })

  it('is made although nobody can watch it', async () => {
    const { api, asked } = paperApi({ pay: payment({ state: 'succeeded' }), looks: [] })
    const options = { paymentHash: HASH, timeoutMs: 5, onChange: () => undefined }
    expect((await payInvoice(api, request, options)).state).toBe('succeeded')
    expect(asked).toEqual(['events', 'pay'])
  })
})

describe('what is told on the way', () => {
  it('is each thing once, in order', () => {
    const story = [
      payment({ attempts: [] }),
      payment({ attempts: [attempt({ state: 'wanted' })] }),
      payment(),
      payment({ attempts: [attempt({ state: 'failed', failure }), attempt({ fee: -3n })] }),
      payment({ attempts: [attempt({ state: 'failed', failure }), attempt({ fee: -3n, state: 'paid' })] }),
    ]
    const way = '10 over 025a5a5a5a5a... > 035b5b5b5b5b...'
    expect(story.flatMap((now, index) => stepsSince(story[index - 1], now))).toEqual([
      `Part 1: ${way}, fee 2`,
      'Part 1: locked',
      'Part 1: failed at hop 1 (025a5a5a5a5a...): No.',
      `Part 2: ${way}, 3 given by the path`,
      'Part 2: locked',
      'Part 2: arrived',
    ])
  })

  it('is the same story when it is told at the end', () => {
    const joint = payment({ via: 'joint', attempts: [attempt({ state: 'paid' })] })
    expect(stepsSince(undefined, joint)).toEqual([
      'Attempt 1: 10 over 025a5a5a5a5a... > 035b5b5b5b5b..., fee 2',
      'Attempt 1: arrived',
    ])
    expect(stepsSince(joint, joint)).toEqual([])
  })
})

describe('waiting for an invoice', () => {
  const waiting = (...states: ('open' | 'settled' | 'expired')[]) =>
    settledInvoice(
      { invoice: async () => ({ state: states.shift() }) } as unknown as NodeClient,
      HASH,
      states.length === 1 ? 0 : 60_000,
    )

  it('ends when it is settled, when its time is over, and when the waiting is', async () => {
    expect(await waiting('open', 'open', 'settled')).toMatchObject({ state: 'settled' })
    await expect(waiting('open', 'expired')).rejects.toMatchObject({ detail: { code: 'INVOICE_EXPIRED' } })
    await expect(waiting('open')).rejects.toMatchObject({ detail: { code: 'TIMED_OUT' } })
  })
})
