/**
 * What a purchase must remember over a crash, beside the file it writes:
 *
 *   <output>.tally-part      the bytes so far, each chunk in its place
 *   <output>.tally-journal   JSON lines: the session and manifest; then what was meant to be paid, and which chunks are here
 *
 * Invariants: the line that names a payment is durable before the payment is asked for, so a chunk is never paid under
 * two references or two invoices; a chunk counts as here only when its verified bytes are durable. A torn last line is dropped: what it
 * said had not been acted on.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import {
  ChannelId,
  Hash,
  type Hex,
  InvoiceMethod,
  InvoiceText,
  PositiveAmount,
  Reference,
} from '../schema/index.ts'
import { PaywallError } from './error.ts'
import { Manifest, Session } from './wire.ts'

const meant = { pay: z.int().min(0), reference: Reference, amount: PositiveAmount }

/** A payment that was asked for, or was about to be: over a channel with the seller, or of its invoice. */
const DirectIntent = z.strictObject({ ...meant, channelId: ChannelId })
const InvoiceIntent = z.strictObject({
  ...meant,
  invoice: InvoiceText,
  paymentHash: Hash,
  via: InvoiceMethod,
})
const Intent = z.union([DirectIntent, InvoiceIntent])
export type DirectIntent = z.output<typeof DirectIntent>
export type InvoiceIntent = z.output<typeof InvoiceIntent>
export type Intent = DirectIntent | InvoiceIntent

const Head = z.strictObject({ version: z.literal(1), session: Session, manifest: Hash })
const Line = z.union([Intent, z.strictObject({ have: z.int().min(0), paid: z.boolean() })])

export interface PurchaseState {
  readonly session: Hex
  /** The last payment meant for each chunk. */
  readonly intents: ReadonlyMap<number, Intent>
  /** Chunks whose bytes are here and verified. */
  readonly have: ReadonlySet<number>
  /** The file being written; chunks may be written at any place. */
  readonly part: FileHandle
  readonly partPath: string
  /** Durable when it resolves. */
  intend(intent: Intent): Promise<void>
  /** The chunk's bytes are written and verified: makes them durable, then remembers it, and whether it was paid. */
  keep(index: number, paid: boolean): Promise<void>
  /** How many of the chunks that are here were paid. */
  paidCount(): number
  /** The payment meant for this chunk was never made: another may take its place. */
  forget(index: number): void
  /** A chunk that was thought to be here is not. */
  lose(index: number): void
  /** Idempotent. */
  close(): Promise<void>
  /** Forgets the purchase: its file has its own name now. */
  remove(): Promise<void>
}

/** Opens the state of an unfinished purchase, or begins one. @throws {PaywallError} `state-unusable`, `manifest-changed` */
export async function openPurchase(output: string, manifest: Manifest): Promise<PurchaseState> {
  const journalPath = journalPathOf(output)
  const opened: FileHandle[] = []
  try {
    return await openFiles(output, journalPath, manifestDigest(manifest), opened)
  } catch (cause) {
    await Promise.all(opened.map((file) => file.close()))
    if (cause instanceof PaywallError) throw cause
    throw new PaywallError(
      'state-unusable',
      journalPath,
      `The download's state cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
      'Check that the directory exists, is writable and has space; then buy again, nothing is paid twice.',
      { cause },
    )
  }
}

/** Files go to `opened` as soon as they are, for closing them when a later step fails. */
async function openFiles(
  output: string,
  journalPath: string,
  digest: Hex,
  opened: FileHandle[],
): Promise<PurchaseState> {
  const journal = await open(journalPath, 'a+', 0o600)
  opened.push(journal)
  const { head, lines, goodBytes } = parseJournal(await journal.readFile('utf8'), journalPath)
  if (head !== undefined && head.manifest !== digest) throw manifestChanged(journalPath)
  await journal.truncate(goodBytes)
  const partPath = partPathOf(output)
  // `a` makes the file and keeps what is there; writing in place needs `r+`.
  await (await open(partPath, 'a')).close()
  const part = await open(partPath, 'r+')
  opened.push(part)
  const session: Hex = head?.session ?? `0x${randomBytes(32).toString('hex')}`
  const state = new DurablePurchase(journal, journalPath, part, partPath, session, lines)
  if (head === undefined) await state.append(z.encode(Head, { version: 1, session, manifest: digest }))
  await syncDirectory(dirname(output))
  return state
}

class DurablePurchase implements PurchaseState {
  readonly session: Hex
  readonly intents = new Map<number, Intent>()
  readonly have = new Set<number>()
  readonly part: FileHandle
  readonly partPath: string
  readonly #paid = new Set<number>()
  readonly #journal: FileHandle
  readonly #journalPath: string
  #closed = false
  #writing: Promise<void> = Promise.resolve()

  constructor(
    journal: FileHandle,
    journalPath: string,
    part: FileHandle,
    partPath: string,
    session: Hex,
    lines: readonly z.output<typeof Line>[],
  ) {
    this.#journal = journal
    this.#journalPath = journalPath
    this.part = part
    this.partPath = partPath
    this.session = session
    for (const line of lines) {
      if ('pay' in line) {
        this.intents.set(line.pay, line)
        continue
      }
      this.have.add(line.have)
      if (line.paid) this.#paid.add(line.have)
    }
  }

  async intend(intent: Intent): Promise<void> {
    await this.append(z.encode(Intent, intent))
    this.intents.set(intent.pay, intent)
  }

  async keep(index: number, paid: boolean): Promise<void> {
    await this.part.datasync()
    await this.append({ have: index, paid })
    this.have.add(index)
    if (paid) this.#paid.add(index)
  }

  paidCount(): number {
    return this.#paid.size
  }

  forget(index: number): void {
    this.intents.delete(index)
  }

  lose(index: number): void {
    this.have.delete(index)
  }

  /** Lines are written one after the other, each durable before the next begins. */
  append(line: object): Promise<void> {
    const written = this.#writing.then(async () => {
      await this.#journal.appendFile(`${JSON.stringify(line)}\n`)
      await this.#journal.datasync()
    })
    this.#writing = written.catch(() => undefined)
    return written
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#writing
    await Promise.all([this.#journal.close(), this.part.close()])
  }

  async remove(): Promise<void> {
    await this.close()
    await removeFiles(this.partPath, this.#journalPath)
  }
}

/** Removes what a purchase that had just ended left behind when it was interrupted. */
export async function removeLeftovers(output: string): Promise<void> {
  await removeFiles(partPathOf(output), journalPathOf(output))
}

async function removeFiles(partPath: string, journalPath: string): Promise<void> {
  await rm(partPath, { force: true })
  await rm(journalPath, { force: true })
}

function journalPathOf(output: string): string {
  return `${output}.tally-journal`
}

function partPathOf(output: string): string {
  return `${output}.tally-part`
}

/** Makes a directory's names durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** What may not change while a file is bought: everything but where the seller listens. */
function manifestDigest(manifest: Manifest): Hex {
  const { seller, ...goods } = manifest
  const text = JSON.stringify([z.encode(Manifest, { ...goods, seller: { ...seller, host: '-', port: 1 } })])
  return `0x${createHash('sha256').update(text).digest('hex')}`
}

function parseJournal(
  text: string,
  path: string,
): { head: z.output<typeof Head> | undefined; lines: z.output<typeof Line>[]; goodBytes: number } {
  const good = text.slice(0, text.lastIndexOf('\n') + 1)
  const [first, ...rest] = good.split('\n').filter((line) => line !== '')
  try {
    return {
      head: first === undefined ? undefined : Head.parse(JSON.parse(first)),
      lines: rest.map((line) => Line.parse(JSON.parse(line))),
      goodBytes: Buffer.byteLength(good),
    }
  } catch (cause) {
    throw new PaywallError(
      'state-unusable',
      path,
      'The journal of this download is damaged; it may name payments that were made.',
      'Keep it for your records, move it and the part file away, and buy again (what was paid may be paid again).',
      { cause },
    )
  }
}

function manifestChanged(path: string): PaywallError {
  return new PaywallError(
    'manifest-changed',
    'manifest',
    'The seller now offers something else than what this download began with.',
    `Ask the seller for the first offer; or, to give that download up, remove ${path} and the part file beside it.`,
  )
}
