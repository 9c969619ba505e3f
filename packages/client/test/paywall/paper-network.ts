/** Invoices and their payments on paper: what the seller's node issues, the buyer's pays, once. */
import { createHash, randomBytes } from 'node:crypto'
import type { Hex, InvoiceDetails, InvoiceView, NetworkPaymentView, NodeClient } from '@tallystick/client'
import { refusal } from './paper-refusal.ts'

type Changes = { -readonly [K in keyof InvoiceDetails]?: InvoiceDetails[K] }

export interface PaperNetwork {
  readonly payee: Pick<NodeClient, 'createInvoice' | 'invoice'>
  readonly payer: Pick<NodeClient, 'decodeInvoice' | 'payInvoice' | 'networkPayment'>
  /** Of every invoice, in the order of their making. */
  readonly issued: readonly InvoiceDetails[]
  /** Payment hashes, in the order of their payments. */
  readonly paid: readonly Hex[]
  /** What the next invoices say instead of the truth. */
  lies: Changes
  /** Outcomes of the next attempts to pay; after them every one succeeds. */
  outcomes: ('failed' | 'pending' | 'payment-unknown' | 'TIMED_OUT')[]
  /** Fee of every payment, base units. */
  fee: bigint
}

interface Entry {
  readonly details: InvoiceDetails
  readonly text: string
  state: NetworkPaymentView['state'] | undefined
  via: 'htlc' | 'joint'
}

export function paperNetwork(place: Pick<InvoiceDetails, 'payee' | 'chainId' | 'bank'>): PaperNetwork {
  const entries: Entry[] = []
  const paid: Hex[] = []
  const byText = (text: string) => {
    const entry = entries.find((one) => one.text === text)
    if (entry === undefined) throw refusal('INVALID_INVOICE', 400)
    return entry
  }
  const byHash = (hash: Hex) => entries.find(({ details }) => details.paymentHash === hash)
  const network: PaperNetwork = {
    paid,
    get issued() {
      return entries.map(({ details }) => details)
    },
    lies: {},
    outcomes: [],
    fee: 2n,
    payee: {
      async createInvoice({ token, amount, description = '', expirySeconds = 3600 }) {
        const details = {
          ...place,
          token,
          ...(amount === undefined ? {} : { amount }),
          paymentHash: `0x${createHash('sha256').update(randomBytes(32)).digest('hex')}`,
          description,
          methods: ['htlc', 'joint'],
          createdAtMs: 0,
          expiresAtMs: expirySeconds * 1000,
          lockMarginSeconds: 10,
          addresses: [],
          routes: [],
          features: 0n,
          ...network.lies,
        } as unknown as InvoiceDetails
        const text = `tally1${randomBytes(8).toString('hex')}`
        const entry: Entry = { details, text, state: undefined, via: 'htlc' }
        entries.push(entry)
        return view(entry)
      },
      async invoice(hash) {
        const entry = byHash(hash)
        return entry && view(entry)
      },
    },
    payer: {
      decodeInvoice: async (text) => byText(text).details,
      async payInvoice({ invoice, via = 'htlc' }) {
        const entry = byText(invoice)
        if (entry.state === 'succeeded') return payment(entry)
        entry.via = via
        const outcome = network.outcomes.shift()
        if (outcome === 'TIMED_OUT') throw refusal('TIMED_OUT', 408)
        if (outcome !== undefined) {
          entry.state = outcome === 'pending' ? 'pending' : 'failed'
          return payment(entry, outcome === 'payment-unknown' ? outcome : 'no-route')
        }
        entry.state = 'succeeded'
        paid.push(entry.details.paymentHash)
        return payment(entry)
      },
      networkPayment: async (hash) => {
        const entry = byHash(hash)
        return entry?.state === undefined ? undefined : payment(entry)
      },
    },
  }
  return network

  function payment({ details, state, via }: Entry, code = 'no-route'): NetworkPaymentView {
    const failure = state === 'failed' ? { failure: { code, message: code, remedy: 'Pay again.' } } : {}
    return { ...details, state, via, fee: network.fee, ...failure } as unknown as NetworkPaymentView
  }
}

function view({ details, text, state }: Entry): InvoiceView {
  const settled = state === 'succeeded'
  return {
    ...details,
    text,
    state: settled ? 'settled' : 'open',
    received: settled ? (details.amount ?? 0n) : 0n,
  } as unknown as InvoiceView
}
