/**
 * The payer: one invoice is one payment, whatever is asked how often and whenever the process ends. Parts live in locks
 * whose purpose is stored with them; a part is sent again only when its lock is void, and nothing more is locked once the
 * preimage is known (LK-52).
 */

import {
  checkInvoiceTime,
  conditionIdOf,
  createOnion,
  decodeFailureMessage,
  encodeHopPayload,
  FAILURES,
  fromHex,
  type Invoice,
  type Key,
  parseInvoice,
  toHex,
  unwrapFailure,
} from '@tallystick/protocol'
import type { Store } from '../../store/port.ts'
import { command } from '../command.ts'
import { chainNowSeconds } from '../context.ts'
import { ServiceError } from '../errors.ts'
import type { OutgoingLock, Placement } from '../locks/lock-book.ts'
import { place } from '../locks/lock-lines.ts'
import { decodeJson, putRecord, recordsOf } from '../records.ts'
import type { Group, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'
import { ONION_PAYLOAD } from './forward.ts'
import type { NetworkPayment, PaymentFailure, PaymentPart } from './payment-record.ts'
import { findRoutes, learnFrom, nodeIdText, type PlannedRoute } from './routes.ts'

const SPACE = 'network.payment'
const DEFAULT_TIMEOUT_MS = 60_000
/** Parts of one payment, failed ones included. */
const MAX_PARTS = 64

export interface PayInvoiceRequest {
  readonly invoice: string
  /** For an open invoice; else it must be absent or the invoice's own. */
  readonly amount?: bigint
  /** Base units; default: 1 % of the amount, at least 10. */
  readonly maxFee?: bigint
  /** Default: htlc. */
  readonly via?: 'htlc' | 'joint'
  readonly timeoutMs?: number
}

export interface NetworkPaymentBook {
  /** Not ended, by condition id. */
  readonly pending: Map<Hex, NetworkPayment>
  /** Invoices being looked up, so that two callers make one payment. */
  readonly starting: Map<Hex, Promise<NetworkPayment>>
}

export async function loadNetworkPayments(store: Store): Promise<NetworkPaymentBook> {
  const pending = new Map<Hex, NetworkPayment>()
  for await (const record of recordsOf<NetworkPayment>(store, SPACE))
    if (record.state === 'pending' || record.parts.some(isOpen)) pending.set(record.condition, record)
  return { pending, starting: new Map() }
}

/**
 * Pays an invoice, or joins the payment of it. Resolves when it ended: `succeeded` with the preimage, or `failed` with why.
 * @throws ServiceError INVALID_REQUEST, INVOICE_UNPAYABLE, TIMED_OUT (the payment goes on; ask again).
 */
export async function payInvoice(rt: Runtime, request: PayInvoiceRequest): Promise<NetworkPayment> {
  const invoice = readInvoice(rt, request.invoice)
  const hash = toHex(invoice.paymentHash)
  let starting = rt.netPayments.starting.get(hash)
  if (starting === undefined) {
    starting = startPayment(rt, request, invoice).finally(() => rt.netPayments.starting.delete(hash))
    rt.netPayments.starting.set(hash, starting)
  }
  const payment = await starting
  return rt.waits.until(`netpay/${hash}`, request.timeoutMs ?? DEFAULT_TIMEOUT_MS, () =>
    payment.state === 'pending' ? undefined : payment,
  )
}

export function readInvoice(rt: Runtime, text: string): Invoice {
  const { chain, crypto } = rt.ports
  const read = parseInvoice(crypto, text.replace(/^tally:/i, ''), {
    chainId: chain.chainId,
    bank: bytesOf(chain.bank),
    registry: bytesOf(chain.registry),
  })
  if (!read.ok)
    throw new ServiceError('INVALID_INVOICE', { field: read.field, detail: `${read.detail}. ${read.remedy}` })
  return read.signed.invoice
}

async function startPayment(
  rt: Runtime,
  request: PayInvoiceRequest,
  invoice: Invoice,
): Promise<NetworkPayment> {
  const amount = amountOf(request, invoice)
  const condition = toHex(
    conditionIdOf(rt.ports.crypto, rt.registryDomain, { kind: 'hash', sha256: invoice.paymentHash }),
  )
  const known =
    rt.netPayments.pending.get(condition) ?? (await findNetworkPayment(rt, toHex(invoice.paymentHash)))
  if (known !== undefined && known.state !== 'failed') {
    if (known.amount !== amount)
      throw new ServiceError('REFERENCE_CONFLICT', {
        field: 'amount',
        detail: `It is paid with ${known.amount}.`,
      })
    return known
  }
  const method = request.via ?? 'htlc'
  if (!invoice.methods[method])
    throw new ServiceError('INVALID_INVOICE', { field: 'via', detail: `The payee does not take ${method}` })
  const late = checkInvoiceTime(invoice, chainNowSeconds(rt))
  if (late !== undefined)
    throw new ServiceError('INVALID_INVOICE', { field: late.field, detail: `${late.detail}. ${late.remedy}` })
  if (nodeIdText(invoice.payee) === rt.ports.transport.nodeId)
    throw new ServiceError('INVALID_INVOICE', {
      field: 'payee',
      detail: 'It is an invoice of this node itself',
    })
  const tenth = amount / 100n
  const payment: NetworkPayment = {
    hash: toHex(invoice.paymentHash),
    condition,
    invoice: request.invoice,
    payee: nodeIdText(invoice.payee),
    token: toHex(invoice.token),
    amount,
    maxFee: request.maxFee ?? (tenth > 10n ? tenth : 10n),
    via: request.via ?? 'htlc',
    createdAtMs: known?.createdAtMs ?? rt.ports.nowMs(),
    state: 'pending',
    endedAtMs: undefined,
    preimage: undefined,
    attempts: [],
    parts: [],
    failure: undefined,
  }
  await command(rt, (group) => {
    rt.netPayments.pending.set(condition, payment)
    storePayment(rt, group, payment)
    if (payment.via === 'joint') rt.sendJoint(group, payment, invoice)
    else sendParts(rt, group, payment, invoice, amount)
  })
  return payment
}

function amountOf(request: PayInvoiceRequest, invoice: Invoice): bigint {
  const amount = invoice.amount ?? request.amount
  if (amount === undefined)
    throw new ServiceError('INVALID_REQUEST', {
      field: 'amount',
      detail: 'The invoice leaves the amount open',
    })
  if (request.amount !== undefined && request.amount !== amount)
    throw new ServiceError('INVALID_REQUEST', { field: 'amount', detail: `The invoice asks for ${amount}` })
  if (amount <= 0n) throw new ServiceError('INVALID_AMOUNT', { field: 'amount' })
  return amount
}

export async function findNetworkPayment(rt: Runtime, hash: Hex): Promise<NetworkPayment | undefined> {
  const row = await rt.ports.store.getRecord(SPACE, bytesOf(hash))
  return row && decodeJson<NetworkPayment>(row.bytes)
}

export async function listNetworkPayments(rt: Runtime): Promise<readonly NetworkPayment[]> {
  const found: NetworkPayment[] = []
  for await (const record of recordsOf<NetworkPayment>(rt.ports.store, SPACE)) found.push(record)
  return found.sort((a, b) => b.createdAtMs - a.createdAtMs)
}

/** Plans and wants locks for `amount`, which no live part covers. */
function sendParts(
  rt: Runtime,
  group: Group,
  payment: NetworkPayment,
  invoice: Invoice,
  amount: bigint,
): void {
  const spent = payment.parts.reduce(
    (sum, part) => sum + (part.state === 'failed' ? 0n : part.total - part.amount),
    0n,
  )
  const found =
    payment.parts.length >= MAX_PARTS
      ? { ok: false as const, failure: ended('attempts-exhausted') }
      : findRoutes(rt, {
          invoice,
          amount,
          maxFee: payment.maxFee - spent,
          failures: payment.parts.flatMap(({ failure }) => (failure === undefined ? [] : [failure])),
        })
  if (!found.ok) {
    paymentFailed(rt, group, payment, found.failure)
    return
  }
  for (const route of found.routes) wantPart(rt, group, payment, invoice, route)
  storePayment(rt, group, payment)
}

function wantPart(
  rt: Runtime,
  group: Group,
  payment: NetworkPayment,
  invoice: Invoice,
  route: PlannedRoute,
): void {
  const sessionKey = rt.ports.randomBytes(32)
  const expiry = lockExpiry(rt, invoice)
  const part: PaymentPart = {
    number: payment.parts.length,
    amount: route.hops.at(-1)?.amount ?? 0n,
    total: route.hops[0]?.amount ?? 0n,
    hops: route.hops,
    expiry,
    sessionKey: toHex(sessionKey),
    state: 'wanted',
    failure: undefined,
  }
  payment.parts.push(part)
  const condition = bytesOf(payment.condition)
  const onion = createOnion(rt.ports.onion.crypto, {
    sessionKey,
    hops: onionHops(part, invoice, payment.amount),
    associatedData: condition,
  })
  if ('code' in onion) throw new Error(`onion: ${onion.code} ${onion.field}`)
  const payload = new Uint8Array(1 + onion.packet.length)
  payload[0] = ONION_PAYLOAD
  payload.set(onion.packet, 1)
  place(rt, {
    channel: route.channel,
    amount: part.total,
    condition,
    expiry,
    payload,
    use: { kind: 'part', payment: payment.condition, part: part.number },
    from: undefined,
  })
  group.touched.add(route.channel)
}

/** Of the locks of a payment that begins now, unix seconds: what the payee wants left, and time for the way there. */
export function lockExpiry(rt: Runtime, { lockMarginSeconds }: Invoice): number {
  const { lockTimeSeconds, forwardMarginSeconds } = rt.config
  return chainNowSeconds(rt) + Math.max(lockTimeSeconds, lockMarginSeconds + 2 * forwardMarginSeconds)
}

function onionHops(part: PaymentPart, invoice: Invoice, total: bigint) {
  const { hops, expiry } = part
  return hops.map(({ to }, index) => {
    const next = hops[index + 1]
    const payload = encodeHopPayload(
      next === undefined
        ? {
            type: 'final',
            amount: part.amount,
            expiry,
            paymentSecret: invoice.paymentSecret,
            total,
            metadata: new Uint8Array(0),
          }
        : { type: 'forward', channelId: bytesOf(next.channelId), amount: next.amount, expiry },
    )
    if ('code' in payload) throw new Error(`hop payload: ${payload.code} ${payload.field}`)
    return { nodeId: Buffer.from(to, 'hex'), payload }
  })
}

export function partPlaced(rt: Runtime, group: Group, lock: OutgoingLock): void {
  withPart(rt, lock.use, (payment, part) => {
    part.state = 'pending'
    storePayment(rt, group, payment)
  })
}

export function partNotPlaced(rt: Runtime, group: Group, placement: Placement, why: string): void {
  withPart(rt, placement.use, (payment, part) => {
    const channelId = placement.channel.id
    partFailed(rt, group, payment, part, { code: why, hop: undefined, nodeId: undefined, channelId })
  })
}

export function partGone(rt: Runtime, group: Group, lock: OutgoingLock, paid: boolean): void {
  withPart(rt, lock.use, (payment, part) => {
    if (paid) {
      part.state = 'paid'
      learnFrom(rt, part.hops, part.amount, undefined)
      storePayment(rt, group, payment)
      // Met on chain while this node was away: paid, though it never saw the preimage.
      if (
        payment.state === 'pending' &&
        payment.parts.every(({ state }) => state === 'paid' || state === 'failed')
      )
        endPayment(rt, group, payment, 'succeeded')
      endIfDone(rt, group, payment)
    } else {
      partFailed(rt, group, payment, part, readFailure(rt, payment, part, lock))
    }
  })
}

function partFailed(
  rt: Runtime,
  group: Group,
  payment: NetworkPayment,
  part: PaymentPart,
  failure: PaymentFailure,
): void {
  part.state = 'failed'
  part.failure = failure
  learnFrom(rt, part.hops, part.amount, failure)
  rt.ports.log.info(
    { payment: payment.hash, part: part.number, code: failure.code, hop: failure.hop },
    'a part failed',
  )
  if (payment.preimage !== undefined) {
    storePayment(rt, group, payment)
    endIfDone(rt, group, payment)
    return
  }
  const invoice = readInvoice(rt, payment.invoice)
  const final =
    failure.code in FAILURES && FAILURES[failure.code as keyof typeof FAILURES].blame === 'payment'
  const late = checkInvoiceTime(invoice, chainNowSeconds(rt)) !== undefined
  if (final || late) paymentFailed(rt, group, payment, failure)
  else sendParts(rt, group, payment, invoice, part.amount)
}

/** No more is tried: it ends as failed once no lock of it can pay any more. */
export function paymentFailed(
  rt: Runtime,
  group: Group,
  payment: NetworkPayment,
  failure: PaymentFailure,
): void {
  payment.failure ??= failure
  storePayment(rt, group, payment)
  endIfDone(rt, group, payment)
}

function endIfDone(rt: Runtime, group: Group, payment: NetworkPayment): void {
  const open = payment.parts.some(isOpen)
  if (open || payment.state !== 'pending') {
    if (!open && payment.state === 'succeeded') rt.netPayments.pending.delete(payment.condition)
    return
  }
  if (payment.failure === undefined) return
  endPayment(rt, group, payment, 'failed')
  rt.netPayments.pending.delete(payment.condition)
}

/** The preimage is the payee's receipt: the payment is made, whatever becomes of its locks. */
export function paymentKnown(rt: Runtime, group: Group, condition: Hex, key: Key): void {
  const payment = rt.netPayments.pending.get(condition)
  if (payment === undefined || key.kind !== 'hash' || payment.preimage !== undefined) return
  payment.preimage = toHex(key.preimage)
  payment.failure = undefined
  endPayment(rt, group, payment, 'succeeded')
}

export function endPayment(
  rt: Runtime,
  group: Group,
  payment: NetworkPayment,
  state: 'succeeded' | 'failed',
): void {
  payment.state = state
  payment.endedAtMs = rt.ports.nowMs()
  storePayment(rt, group, payment)
  group.effects.push(() => rt.waits.poke(`netpay/${payment.hash}`))
}

function readFailure(
  rt: Runtime,
  payment: NetworkPayment,
  part: PaymentPart,
  lock: OutgoingLock,
): PaymentFailure {
  const { crypto } = rt.ports.onion
  const first = part.hops[0]
  const local = (code: string): PaymentFailure => ({
    code,
    hop: 0,
    nodeId: first?.to,
    channelId: first?.channelId,
  })
  if (lock.failure === undefined) return local('refused')
  const invoice = parseInvoice(rt.ports.crypto, payment.invoice.replace(/^tally:/i, ''))
  if (!invoice.ok) return local('refused')
  const onion = createOnion(crypto, {
    sessionKey: bytesOf(part.sessionKey),
    hops: onionHops(part, invoice.signed.invoice, payment.amount),
    associatedData: bytesOf(payment.condition),
  })
  if ('code' in onion) return local('refused')
  const opened = unwrapFailure(crypto, { sharedSecrets: onion.sharedSecrets, packet: lock.failure.data })
  if ('code' in opened) return local('failure-garbled')
  const nodeId = part.hops[opened.hop]?.to
  const message = opened.message && decodeFailureMessage(opened.message)
  if (message === undefined || !('policy' in message))
    return { code: 'payload-refused', hop: opened.hop, nodeId, channelId: undefined }
  const channelId = message.channelId && toHex(message.channelId)
  return { code: message.code, hop: opened.hop, nodeId, channelId }
}

/** After a restart: a part that no line carries was never made. */
export function resumePayments(rt: Runtime, group: Group): void {
  for (const payment of rt.netPayments.pending.values()) {
    const attempt = payment.attempts.at(-1)
    if (attempt !== undefined && attempt.failure === undefined)
      rt.jointPayments.set(attempt.condition, payment)
    for (const part of payment.parts) {
      if (part.state !== 'wanted') continue
      part.state = 'failed'
      part.failure = ended('interrupted')
      paymentFailed(rt, group, payment, part.failure)
    }
  }
}

function isOpen({ state }: PaymentPart): boolean {
  return state === 'wanted' || state === 'pending'
}

function ended(code: string): PaymentFailure {
  return { code, hop: undefined, nodeId: undefined, channelId: undefined }
}

function withPart(
  rt: Runtime,
  use: OutgoingLock['use'],
  apply: (payment: NetworkPayment, part: PaymentPart) => void,
): void {
  if (use.kind !== 'part') return
  const payment = rt.netPayments.pending.get(use.payment)
  const part = payment?.parts[use.part]
  if (payment !== undefined && part !== undefined) apply(payment, part)
}

export function storePayment(rt: Runtime, group: Group, payment: NetworkPayment): void {
  putRecord(group, SPACE, bytesOf(payment.hash), payment)
  group.effects.push(() => {
    const { hash, state, parts } = payment
    const pending = parts.filter((part) => part.state === 'pending').length
    rt.events.emit({
      type: 'network-payment',
      atMs: rt.ports.nowMs(),
      hash,
      state,
      parts: parts.length,
      pending,
    })
  })
}

function bytesOf(hex: Hex): Uint8Array {
  const bytes = fromHex(hex, (hex.length - 2) / 2)
  if (bytes === undefined) throw new Error(`not hexadecimal: ${hex}`)
  return bytes
}
