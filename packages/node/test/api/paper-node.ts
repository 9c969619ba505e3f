/**
 * A node on paper: the service interface with remembered calls and canned answers, for testing what the API itself does
 * (the engine behind it is tested with real chains, disks and sockets elsewhere).
 */
import type { ChannelView, Hex, NodeEvent, NodeService, PaymentView } from '../../src/engine/service.ts'
import { ServiceError } from '../../src/engine/service.ts'
import { invoiceRecord, networkPayment, PATH, PAYMENT_HASH, PREIMAGE } from './network-records.ts'

export const CHANNEL: Hex = `0x${'c1'.repeat(32)}`
export const REFERENCE: Hex = `0x${'0f'.repeat(32)}`
export const TOKEN: Hex = `0x${'70'.repeat(20)}`
export const PEER = `02${'5a'.repeat(32)}`

export const POLICY = {
  feeBase: -2n,
  feePpm: 1_000,
  minAmount: 1n,
  maxAmount: 2n ** 128n - 1n,
  disabled: false,
}

export const NETTED = { reference: REFERENCE, positions: [{ party: TOKEN, net: -5n }] }

const LINE = { nonce: 3n, ackedNonce: 2n, sent: 30n, ackedSent: 20n }

export const channelView: ChannelView = {
  channelId: CHANNEL,
  peer: PEER,
  peerConnected: true,
  party: 0,
  token: TOKEN,
  lockPeriodSeconds: 600,
  status: 'open',
  waitingFor: [
    { what: 'acknowledgement', message: 'The peer has not acknowledged yet.', dueAtMs: undefined },
  ],
  depositMine: 2n ** 100n + 1n,
  depositTheirs: 0n,
  withdrawnMine: 0n,
  withdrawnTheirs: 0n,
  mine: 70n,
  theirs: 30n,
  spendable: 70n,
  receivable: 30n,
  pending: 10n,
  lockedMine: 0n,
  lockedTheirs: 0n,
  outgoing: LINE,
  incoming: LINE,
  close: undefined,
}

export function paymentView(reference: Hex, amount: bigint): PaymentView {
  return {
    direction: 'outgoing',
    reference,
    channelId: CHANNEL,
    peer: PEER,
    token: TOKEN,
    amount,
    state: 'accepted',
    nonce: 4n,
    index: 0,
    atMs: 1,
  }
}

export interface PaperNode extends NodeService {
  readonly calls: [name: string, ...args: unknown[]][]
  emit(event: NodeEvent): void
  readonly listeners: number
  /** Replaces what one call does. */
  on<K extends keyof NodeService>(name: K, act: NodeService[K]): void
}

const refused = async () => {
  throw new ServiceError('UNKNOWN_PAYMENT', { field: 'hash' })
}

export function paperNode(): PaperNode {
  const calls: [name: string, ...args: unknown[]][] = []
  const listeners = new Set<(event: NodeEvent) => void>()
  const service: NodeService = {
    status: async () => ({
      nodeId: PEER,
      address: undefined,
      signer: TOKEN,
      account: TOKEN,
      chainId: 31337n,
      bank: TOKEN,
      registry: TOKEN,
      chain: { reachable: true, headBlock: 10n, finalBlock: 5n, headTimeSeconds: undefined },
      peers: { known: 2, connected: 1 },
      channels: { open: 1, total: 1 },
      payments: { sent: 12n, received: 34n },
      limits: {
        minLockPeriodSeconds: 600,
        maxLockPeriodSeconds: 7_776_000,
        defaultLockPeriodSeconds: 86_400,
        maxBatch: 1000,
        maxJointDeposit: { [TOKEN]: 5n },
      },
      startedAtMs: 1,
      running: true,
    }),
    doctor: async () => ({ ok: true, findings: [{ check: 'chain', level: 'ok', message: 'Reachable.' }] }),
    connectPeer: async () => ({
      nodeId: PEER,
      address: undefined,
      connected: true,
      channels: 1,
      nextDialInMs: undefined,
    }),
    createInvoice: async () => invoiceRecord(),
    getInvoice: async (hash) => (hash === PAYMENT_HASH ? invoiceRecord() : refused()),
    listInvoices: async () => [invoiceRecord()],
    waitForInvoice: async () => {
      throw new ServiceError('TIMED_OUT')
    },
    payInvoice: async () => networkPayment({ state: 'succeeded', preimage: PREIMAGE }),
    getNetworkPayment: async (hash) => (hash === PAYMENT_HASH ? networkPayment() : refused()),
    listNetworkPayments: async () => [networkPayment()],
    getPolicy: async () => POLICY,
    setPolicy: async (_channelId, policy) => policy,
    announceChannel: async () => undefined,
    rebalance: async ({ amount }) => ({ amount, fee: -3n, hops: PATH }),
    agreeToNetting: async () => NETTED,
    settleNetting: async () => NETTED,
    networkGraph: async () => ({
      nodes: [{ nodeId: PEER, alias: 'bob', addresses: ['bob.example:9735'] }],
      channels: [
        {
          channelId: CHANNEL,
          token: TOKEN,
          nodes: [PEER, PEER],
          capacity: 5n,
          policies: [POLICY, undefined],
        },
      ],
    }),
    findRoute: async ({ amount }) => ({ amount, fee: 3n, parts: [PATH] }),
    listPeers: async () => [{ nodeId: PEER, address: 'h:1', connected: false, channels: 0, nextDialInMs: 5 }],
    openChannel: async () => channelView,
    topUp: async () => channelView,
    withdraw: async () => channelView,
    closeChannel: async () => channelView,
    listChannels: async () => [channelView],
    getChannel: async (channelId) => {
      if (channelId !== CHANNEL) throw new ServiceError('UNKNOWN_CHANNEL', { field: 'channelId' })
      return channelView
    },
    waitForChannel: async () => channelView,
    pay: async ({ reference, amount }) => paymentView(reference, amount),
    payBatch: async ({ payments }) => ({
      channelId: CHANNEL,
      count: payments.length,
      amount: payments.reduce((sum, { amount }) => sum + amount, 0n),
      state: 'accepted',
    }),
    getPayment: async () => undefined,
    waitForPayment: async () => {
      throw new ServiceError('TIMED_OUT')
    },
    listPayments: async () => ({ payments: [paymentView(REFERENCE, 1n)], next: undefined }),
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    stop: async () => undefined,
  }
  const acts = { ...service }
  const recorded = Object.fromEntries(
    Object.keys(service).map((name) => [
      name,
      (...args: unknown[]) => {
        calls.push([name, ...args])
        const act = acts[name as keyof NodeService] as (...given: unknown[]) => unknown
        return act(...args)
      },
    ]),
  ) as unknown as NodeService
  return {
    ...recorded,
    calls,
    emit: (event) => {
      for (const listener of listeners) listener(event)
    },
    get listeners() {
      return listeners.size
    },
    on: (name, act) => {
      acts[name] = act
    },
  }
}
