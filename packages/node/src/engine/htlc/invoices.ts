/**
 * The payee: invoices of this node, and the locks that pay them. The preimage is shown once accepted live locks cover the
 * invoice and each leaves time enough (LK-53), in the commit that marks the invoice settled.
 */

import { createHash } from 'node:crypto'
import {
  conditionIdOf,
  type FinalPayload,
  formatInvoice,
  fromHex,
  type InvoiceMethods,
  parseHost,
  type RouteHint,
  toHex,
} from '@tallystick/protocol'
import type { Store } from '../../store/port.ts'
import { command } from '../command.ts'
import { chainNowSeconds } from '../context.ts'
import { ServiceError } from '../errors.ts'
import type { IncomingLock } from '../locks/lock-book.ts'
import { learnKey, locksHeld } from '../locks/lock-keys.ts'
import { decodeJson, putRecord, recordsOf } from '../records.ts'
import type { Group, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'
import { failWith } from './failing.ts'
import { privateRoutes } from './private-routes.ts'

const SPACE = 'invoice'
const PARTS_TIMEOUT_MS = 60_000
const DEFAULT_EXPIRY_SECONDS = 3_600

export interface InvoiceRequest {
  readonly token: Hex
  /** Undefined: the payer chooses. */
  readonly amount: bigint | undefined
  readonly description?: string
  readonly expirySeconds?: number
  readonly methods?: InvoiceMethods
  /** Ways to this node over channels that are not announced. */
  readonly routes?: readonly (readonly RouteHint[])[]
  /** True: also ways over this node's own channels that are not announced. */
  readonly private?: boolean
}

export interface InvoiceRecord {
  readonly hash: Hex
  readonly condition: Hex
  readonly preimage: Hex
  readonly secret: Hex
  readonly text: string
  readonly token: Hex
  readonly amount: bigint | undefined
  readonly description: string
  readonly createdAtSeconds: number
  readonly expiresAtSeconds: number
  readonly state: 'open' | 'settled'
  readonly received: bigint
  readonly settledAtMs: number | undefined
}

export interface InvoiceBook {
  /** Not settled, by condition id. */
  readonly open: Map<Hex, InvoiceRecord>
  /** Since when parts of an invoice wait for the others, by condition id. */
  readonly partial: Map<Hex, number>
}

export async function loadInvoices(store: Store): Promise<InvoiceBook> {
  const open = new Map<Hex, InvoiceRecord>()
  for await (const record of recordsOf<InvoiceRecord>(store, SPACE))
    if (record.state === 'open') open.set(record.condition, record)
  return { open, partial: new Map() }
}

/** @throws ServiceError INVALID_REQUEST naming the field. */
export async function createInvoice(rt: Runtime, request: InvoiceRequest): Promise<InvoiceRecord> {
  const { chain, randomBytes, invoices, nowMs } = rt.ports
  const preimage = randomBytes(32)
  const hash = createHash('sha256').update(preimage).digest()
  const secret = randomBytes(32)
  const createdAt = Math.floor(nowMs() / 1000)
  const expirySeconds = request.expirySeconds ?? DEFAULT_EXPIRY_SECONDS
  const description = request.description ?? ''
  const given = request.routes ?? []
  const issued = invoices.issue({
    chainId: chain.chainId,
    bank: bytesOf(chain.bank),
    registry: bytesOf(chain.registry),
    token: bytesOf(request.token),
    amount: request.amount,
    paymentHash: hash,
    paymentSecret: secret,
    createdAt,
    expirySeconds,
    description,
    methods: request.methods ?? { htlc: true, joint: true },
    lockMarginSeconds: rt.config.policy.safetyMarginSeconds + rt.config.forwardMarginSeconds,
    addresses: ownAddress(rt),
    routes: request.private === true ? [...given, ...privateRoutes(rt, request.token, given.length)] : given,
    features: 0n,
  })
  if (!issued.ok)
    throw new ServiceError('INVALID_REQUEST', {
      field: issued.field,
      detail: `${issued.detail}. ${issued.remedy}`,
    })
  const condition = toHex(conditionIdOf(rt.ports.crypto, rt.registryDomain, { kind: 'hash', sha256: hash }))
  const record: InvoiceRecord = {
    hash: toHex(hash),
    condition,
    preimage: toHex(preimage),
    secret: toHex(secret),
    text: formatInvoice(issued.signed),
    token: request.token,
    amount: request.amount,
    description,
    createdAtSeconds: createdAt,
    expiresAtSeconds: createdAt + expirySeconds,
    state: 'open',
    received: 0n,
    settledAtMs: undefined,
  }
  await command(rt, (group) => {
    rt.invoices.open.set(condition, record)
    putRecord(group, SPACE, hash, record)
  })
  return record
}

export async function findInvoice(rt: Runtime, hash: Hex): Promise<InvoiceRecord | undefined> {
  const row = await rt.ports.store.getRecord(SPACE, bytesOf(hash))
  return row && decodeJson<InvoiceRecord>(row.bytes)
}

export async function listInvoices(rt: Runtime): Promise<readonly InvoiceRecord[]> {
  const found: InvoiceRecord[] = []
  for await (const record of recordsOf<InvoiceRecord>(rt.ports.store, SPACE)) found.push(record)
  return found.sort((a, b) => b.createdAtSeconds - a.createdAtSeconds)
}

/** Resolves when it is settled and durable. */
export async function settledInvoice(rt: Runtime, hash: Hex, timeoutMs: number): Promise<InvoiceRecord> {
  const isOpen = () => openInvoice(rt, hash) !== undefined
  await rt.waits.until(`invoice/${hash}`, timeoutMs, () => (isOpen() ? undefined : true))
  const found = await findInvoice(rt, hash)
  if (found === undefined) throw new ServiceError('UNKNOWN_PAYMENT', { field: 'hash' })
  return found
}

/** An accepted lock whose onion ends here. One answer for all that is wrong, so that a prober learns nothing. */
export function takePart(
  rt: Runtime,
  group: Group,
  lock: IncomingLock,
  secret: Hex,
  payload: FinalPayload,
): void {
  const record = rt.invoices.open.get(lock.condition)
  if (record === undefined || !pays(rt, record, lock, payload)) {
    failWith(rt, group, lock, secret, { code: 'payment-unknown' })
    return
  }
  lock.use = { kind: 'invoice', hash: record.hash, secret, total: `${payload.total}` }
  if (!rt.invoices.partial.has(record.condition)) rt.invoices.partial.set(record.condition, rt.ports.nowMs())
  settleWhenCovered(rt, group, record)
}

function pays(rt: Runtime, record: InvoiceRecord, lock: IncomingLock, payload: FinalPayload): boolean {
  const { amount, token, expiresAtSeconds } = record
  const now = chainNowSeconds(rt)
  return (
    toHex(payload.paymentSecret) === record.secret &&
    lock.amount >= payload.amount &&
    (amount === undefined || payload.total >= amount) &&
    toHex(lock.channel.core.setup.params.token) === token &&
    now <= expiresAtSeconds &&
    leavesTime(rt, lock)
  )
}

/** LK-53: T + delta before the expiry. */
function leavesTime(rt: Runtime, lock: IncomingLock): boolean {
  const { policy, forwardMarginSeconds } = rt.config
  return lock.expiry - chainNowSeconds(rt) >= policy.safetyMarginSeconds + forwardMarginSeconds
}

function settleWhenCovered(rt: Runtime, group: Group, record: InvoiceRecord): void {
  const parts = partsOf(rt, record.condition)
  const received = parts.reduce((sum, { amount }) => sum + amount, 0n)
  const total = parts.reduce((most, { use }) => {
    const said = use.kind === 'invoice' ? BigInt(use.total) : 0n
    return said > most ? said : most
  }, record.amount ?? 0n)
  if (received < total || !parts.every((lock) => leavesTime(rt, lock))) return
  settle(rt, group, record, received)
  learnKey(rt, group, record.condition, { kind: 'hash', preimage: bytesOf(record.preimage) }, undefined)
}

/** The invoice with this payment hash that is not settled. */
export function openInvoice(rt: Runtime, hash: Hex): InvoiceRecord | undefined {
  const sha256 = bytesOf(hash)
  return rt.invoices.open.get(
    toHex(conditionIdOf(rt.ports.crypto, rt.registryDomain, { kind: 'hash', sha256 })),
  )
}

/** Paid otherwise than by locks on its hash: by a joint payment. */
export function settleInvoice(rt: Runtime, group: Group, hash: Hex, received: bigint): void {
  const record = openInvoice(rt, hash)
  if (record !== undefined) settle(rt, group, record, received)
}

function settle(rt: Runtime, group: Group, record: InvoiceRecord, received: bigint): void {
  const settled: InvoiceRecord = { ...record, state: 'settled', received, settledAtMs: rt.ports.nowMs() }
  rt.invoices.open.delete(record.condition)
  rt.invoices.partial.delete(record.condition)
  putRecord(group, SPACE, bytesOf(record.hash), settled)
  group.effects.push(() => {
    rt.waits.poke(`invoice/${record.hash}`)
    rt.events.emit({ type: 'invoice', atMs: rt.ports.nowMs(), hash: record.hash, received })
  })
}

function partsOf(rt: Runtime, condition: Hex): readonly IncomingLock[] {
  return [...locksHeld(rt, condition)].filter(({ use }) => use.kind === 'invoice')
}

/** With time: parts whose others do not come are given back; invoices past their time are not waited for. */
export function tickInvoices(rt: Runtime, group: Group): void {
  const now = rt.ports.nowMs()
  for (const [condition, sinceMs] of rt.invoices.partial) {
    const parts = partsOf(rt, condition)
    if (parts.length === 0) rt.invoices.partial.delete(condition)
    if (now - sinceMs < PARTS_TIMEOUT_MS && parts.every((lock) => leavesTime(rt, lock))) continue
    rt.invoices.partial.delete(condition)
    for (const lock of parts) {
      const { use } = lock
      lock.use = { kind: 'none' }
      if (use.kind === 'invoice') failWith(rt, group, lock, use.secret, { code: 'parts-missing' })
    }
  }
  for (const [condition, { expiresAtSeconds }] of rt.invoices.open)
    if (now / 1000 > expiresAtSeconds + 60 && partsOf(rt, condition).length === 0)
      rt.invoices.open.delete(condition)
}

/** After a restart: a part that was accepted and neither paid nor given back. */
export function resumePart(rt: Runtime, group: Group, lock: IncomingLock): void {
  const record = rt.invoices.open.get(lock.condition)
  if (record === undefined) {
    const { use } = lock
    if (use.kind === 'invoice') failWith(rt, group, lock, use.secret, { code: 'payment-unknown' })
    return
  }
  rt.invoices.partial.set(record.condition, rt.ports.nowMs())
  settleWhenCovered(rt, group, record)
}

/** Where this node listens, if an invoice can say so: a payer finds it by gossip otherwise. */
function ownAddress(rt: Runtime): readonly { readonly host: string; readonly port: number }[] {
  const { publicAddress } = rt.config
  if (publicAddress === undefined) return []
  const colon = publicAddress.lastIndexOf(':')
  const host = parseHost(
    publicAddress
      .slice(0, colon)
      .toLowerCase()
      .replace(/^\[|\]$/g, ''),
  )
  return typeof host === 'string' ? [] : [{ host: host.text, port: Number(publicAddress.slice(colon + 1)) }]
}

function bytesOf(hex: Hex): Uint8Array {
  const bytes = fromHex(hex, (hex.length - 2) / 2)
  if (bytes === undefined) throw new ServiceError('INVALID_REQUEST', { field: 'token', detail: hex })
  return bytes
}
