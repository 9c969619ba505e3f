/**
 * Two nodes on paper: what the buyer's pays, the seller's has. Optionally kept in a file, so that it outlives a killed
 * process, as a node does. (The same trade over real nodes, chains and disks is tested with the command line.)
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { ChannelView, Hex, PaymentView } from '@tallystick/client'
import type { BuyerNode } from '../../src/paywall/payer.ts'
import type { Cashier } from '../../src/paywall/seller.ts'
import { nodeCashier } from '../../src/paywall/seller.ts'
import { type PaperNetwork, paperNetwork } from './paper-network.ts'
import { refusal } from './paper-refusal.ts'

export const TOKEN: Hex = `0x${'70'.repeat(20)}`
export const BANK: Hex = `0x${'ba'.repeat(20)}`
export const PRICE = 7n
export const CHAIN_ID = 31337n
export const CHANNEL: Hex = `0x${'c1'.repeat(32)}`
export const SELLER = { nodeId: `03${'5e'.repeat(32)}`, host: '127.0.0.1', port: 9735 }

interface Entry {
  readonly reference: Hex
  readonly amount: bigint
  readonly token: Hex
}

export interface PaperLedger {
  readonly payments: readonly Entry[]
  readonly buyer: BuyerNode
  readonly cashier: Cashier
  readonly network: PaperNetwork
  /** Somebody else pays the seller. */
  put(entry: Entry): void
  spendable: bigint
}

export function paperLedger(options: { file?: string; spendable?: bigint } = {}): PaperLedger {
  const payments: Entry[] = []
  const { file } = options
  if (file !== undefined && existsSync(file))
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const { reference, amount, token } = JSON.parse(line)
      payments.push({ reference, amount: BigInt(amount), token })
    }
  const put = (entry: Entry) => {
    payments.push(entry)
    if (file !== undefined)
      appendFileSync(file, `${JSON.stringify({ ...entry, amount: entry.amount.toString() })}\n`)
  }
  const network = paperNetwork({ payee: SELLER.nodeId, chainId: CHAIN_ID, bank: BANK })
  const ledger: PaperLedger = {
    network,
    payments,
    put,
    spendable: options.spendable ?? 1_000_000n,
    cashier: nodeCashier(
      {
        payment: async (_direction, reference, filter = {}) => {
          const { token, atLeast = 0n } = filter
          const found = payments.find(
            (entry) =>
              entry.reference === reference &&
              entry.amount >= atLeast &&
              (token === undefined || entry.token === token),
          )
          return found && view('incoming', found)
        },
      },
      TOKEN,
    ),
    buyer: {
      ...network.payer,
      status: async () => ({ chainId: CHAIN_ID, bank: BANK }) as Awaited<ReturnType<BuyerNode['status']>>,
      channels: async () => [
        {
          channelId: CHANNEL,
          peer: SELLER.nodeId,
          token: TOKEN,
          status: 'open',
          spendable: ledger.spendable,
        } as ChannelView,
      ],
      async pay({ amount, reference }) {
        const before = payments.find((entry) => entry.reference === reference)
        if (before !== undefined && before.amount !== amount) throw refusal('REFERENCE_CONFLICT', 409)
        if (before !== undefined) return view('outgoing', before)
        if (ledger.spendable < amount) throw refusal('INSUFFICIENT_BALANCE', 402)
        ledger.spendable -= amount
        const entry = { reference, amount, token: TOKEN }
        put(entry)
        return view('outgoing', entry)
      },
      payment: async (_direction, reference) => {
        const found = payments.find((entry) => entry.reference === reference)
        return found && view('outgoing', found)
      },
    },
  }
  return ledger
}

function view(direction: 'incoming' | 'outgoing', { reference, amount, token }: Entry): PaymentView {
  return {
    direction,
    reference,
    channelId: CHANNEL,
    peer: SELLER.nodeId,
    token,
    amount,
    state: 'accepted',
    atMs: 0,
  }
}
