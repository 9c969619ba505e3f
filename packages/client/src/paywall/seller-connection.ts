/** The buyer's requests to a seller: bounded in time and size, every answer checked before it is believed. */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { Hex } from '../schema/index.ts'
import { PaywallError } from './error.ts'
import type { Intent } from './purchase-state.ts'
import {
  Manifest,
  METHOD_HEADER,
  PAYMENT_HASH_HEADER,
  PaymentRequired,
  REFERENCE_HEADER,
  SESSION_HEADER,
} from './wire.ts'

const MAX_JSON_BYTES = 8 * 1024 * 1024
const MANIFEST_TIMEOUT_MS = 30_000
/** The slowest delivery that is waited for, beyond the fixed time: 8 KiB a second. */
const SLOWEST_BYTES_PER_MS = 8

/** What became of one request for a chunk. */
export type ChunkAnswer =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'payment-required'; readonly required: PaymentRequired }
  /** The bytes are not the chunk's. */
  | { readonly kind: 'corrupt'; readonly detail: string }
  /** No answer, a cut one, or an error of the seller's: worth another try. */
  | { readonly kind: 'unavailable'; readonly detail: string }

export interface ChunkRequest {
  readonly index: number
  readonly session: Hex
  /** The payment that was made or is meant. */
  readonly intent: Intent | undefined
  /** Shall the terms carry an invoice? */
  readonly wantsInvoice: boolean
  readonly sizeBytes: number
  readonly sha256: Hex
  /** Where the bytes go, and at which offset. */
  readonly part: FileHandle
  readonly offset: number
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** @throws {PaywallError} `seller-unreachable`, `manifest-malformed` */
export async function fetchManifest(url: string, signal?: AbortSignal): Promise<Manifest> {
  const timeout = AbortSignal.timeout(MANIFEST_TIMEOUT_MS)
  try {
    const response = await fetch(address(url, 'manifest'), {
      redirect: 'error',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    })
    if (!response.ok) throw new Error(`HTTP status ${response.status}`)
    return parseManifest(await readJson(response))
  } catch (cause) {
    if (cause instanceof PaywallError) throw cause
    throw new PaywallError(
      'seller-unreachable',
      'url',
      `No manifest at ${url}: ${reasonOf(cause)}.`,
      'Check the address, and that the seller is up; nothing was paid.',
      { cause },
    )
  }
}

/** Asks for one chunk and writes its bytes to their place as they come. Does not throw for anything a seller does. */
export async function requestChunk(url: string, request: ChunkRequest): Promise<ChunkAnswer> {
  const timeoutMs = request.timeoutMs + Math.ceil(request.sizeBytes / SLOWEST_BYTES_PER_MS)
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout])
  try {
    const response = await fetch(address(url, `chunks/${request.index}`), {
      redirect: 'error',
      signal,
      headers: headersOf(request),
    })
    if (response.status === 402) return await paymentRequired(response)
    if (response.status === 200 && response.body !== null) return await receive(response.body, request)
    await response.body?.cancel()
    return { kind: 'unavailable', detail: `HTTP status ${response.status}` }
  } catch (cause) {
    if (cause instanceof WriteFailure) throw cause.error
    return { kind: 'unavailable', detail: reasonOf(cause) }
  }
}

function headersOf({ session, intent, wantsInvoice }: ChunkRequest): Record<string, string> {
  return {
    [SESSION_HEADER]: session,
    ...(wantsInvoice ? { [METHOD_HEADER]: 'invoice' } : {}),
    ...(intent === undefined
      ? {}
      : 'invoice' in intent
        ? { [PAYMENT_HASH_HEADER]: intent.paymentHash }
        : { [REFERENCE_HEADER]: intent.reference }),
  }
}

async function paymentRequired(response: Response): Promise<ChunkAnswer> {
  const parsed = PaymentRequired.safeParse(await readJson(response))
  if (parsed.success) return { kind: 'payment-required', required: parsed.data }
  return { kind: 'unavailable', detail: `terms that are none: ${parsed.error.issues[0]?.message ?? ''}` }
}

async function receive(body: ReadableStream<Uint8Array>, request: ChunkRequest): Promise<ChunkAnswer> {
  const hash = createHash('sha256')
  let received = 0
  for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
    if (received + piece.length > request.sizeBytes)
      return { kind: 'corrupt', detail: `more than its ${request.sizeBytes} bytes came` }
    hash.update(piece)
    await write(request.part, piece, request.offset + received)
    received += piece.length
  }
  if (received < request.sizeBytes)
    return { kind: 'unavailable', detail: `only ${received} of ${request.sizeBytes} bytes came` }
  if (`0x${hash.digest('hex')}` === request.sha256) return { kind: 'delivered' }
  return { kind: 'corrupt', detail: 'its SHA-256 is not the one of the manifest' }
}

/** Our own disk failed: not the seller's doing, so it must not be taken for that. */
class WriteFailure extends Error {
  readonly error: unknown
  constructor(error: unknown) {
    super('write failed')
    this.error = error
  }
}

async function write(part: FileHandle, piece: Uint8Array, offset: number): Promise<void> {
  try {
    for (let at = 0; at < piece.length; ) {
      const { bytesWritten } = await part.write(piece, at, piece.length - at, offset + at)
      at += bytesWritten
    }
  } catch (error) {
    throw new WriteFailure(error)
  }
}

async function readJson(response: Response): Promise<unknown> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.length
    if (bytes > MAX_JSON_BYTES) throw new Error(`an answer of more than ${MAX_JSON_BYTES} bytes`)
    pieces.push(piece)
  }
  return JSON.parse(Buffer.concat(pieces).toString('utf8'))
}

function parseManifest(json: unknown): Manifest {
  const parsed = Manifest.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new PaywallError(
    'manifest-malformed',
    `manifest.${issue?.path.join('.') ?? ''}`,
    `The seller's manifest is malformed: ${issue?.message ?? ''}.`,
    'Nothing was paid; tell the seller, or check that the address is that of a paywall.',
    { cause: parsed.error },
  )
}

function address(url: string, path: string): URL {
  return new URL(path, url.endsWith('/') ? url : `${url}/`)
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error && cause.cause.message !== '' ? cause.cause.message : cause.message
}
