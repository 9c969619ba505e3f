/**
 * Asking the chain about channels: one question for one channel at a time, a few at once, at a bounded rate, in turns by
 * who told of them, so that nobody's flood keeps the others waiting (GO-51). Believed channels are asked about again when
 * something happened to them, or after a day, with what the newcomers leave.
 */

import type { Hex } from '@tallystick/protocol'
import type { NodeId } from '../../transport/port.ts'
import { giveBack, take } from './account.ts'
import { believe, removeChannel, setCapacity } from './believed.ts'
import { rememberUnproven, settleLookup } from './credit.ts'
import { takeParked } from './policies.ts'
import { type Book, type Pending, type Stem, stemOfId } from './state.ts'
import type { ChainAnswer } from './types.ts'

const RETRY_MS = 5_000
const MAX_TRIES = 6

export function queueLookup(book: Book, pending: Pending): void {
  book.pending.set(pending.stem, pending)
  enqueue(book, pending.from, pending.stem)
}

/** Asks as much as the rates allow. */
export function askChain(book: Book): void {
  const { config } = book
  for (const [stem, atMs] of book.retries) {
    if (atMs > book.nowMs) continue
    book.retries.delete(stem)
    const pending = book.pending.get(stem)
    if (pending !== undefined) enqueue(book, pending.from, stem)
  }
  while (book.inFlight.size < config.maxLookupsInFlight) {
    if (book.queues.size === 0 && book.recheck.size === 0) return
    if (!take(book.lookups, config.lookups, 1, book.nowMs)) return
    const id = nextPending(book) ?? nextRecheck(book)
    if (id === undefined) {
      giveBack(book.lookups, config.lookups, 1)
      return
    }
    book.inFlight.add(stemOfId(id))
    book.out.push({ type: 'look-up', channelId: id })
  }
}

export function takeAnswer(book: Book, channelId: Hex, answer: ChainAnswer): void {
  const stem = stemOfId(channelId)
  if (!book.inFlight.delete(stem)) return
  const pending = book.pending.get(stem)
  if (pending !== undefined) {
    answerPending(book, pending, answer)
    return
  }
  const known = book.channels.get(stem)
  if (known === undefined || answer === 'failed') return
  if (answer.status === 'open' && answer.held > 0n) setCapacity(book, known, answer.held)
  else removeChannel(book, known, 'closed')
}

function answerPending(book: Book, pending: Pending, answer: ChainAnswer): void {
  const { stem } = pending
  if (answer === 'failed' && pending.tries < MAX_TRIES) {
    pending.tries += 1
    book.retries.set(stem, book.nowMs + RETRY_MS * 2 ** (pending.tries - 1))
    return
  }
  book.pending.delete(stem)
  const shown = answer !== 'failed' && answer.status === 'open' && answer.held > 0n
  // That the chain could not be asked is nobody's fault.
  settleLookup(book, pending, answer !== 'failed' && !shown)
  if (!shown) {
    rememberUnproven(book, stem)
    return
  }
  const since = { addedAtMs: book.nowMs, checkedAtMs: book.nowMs }
  takeParked(book, believe(book, pending, answer.held, since), pending)
}

function enqueue(book: Book, from: NodeId | undefined, stem: Stem): void {
  const queue = book.queues.get(from)
  if (queue === undefined) book.queues.set(from, [stem])
  else queue.push(stem)
}

/** The next in turn; its teller goes to the end of the row. */
function nextPending(book: Book): Hex | undefined {
  for (const [from, queue] of book.queues) {
    book.queues.delete(from)
    const stem = queue.shift()
    if (queue.length > 0) book.queues.set(from, queue)
    const pending = stem === undefined ? undefined : book.pending.get(stem)
    if (pending !== undefined && !book.inFlight.has(pending.stem)) return pending.id
  }
  return undefined
}

/** One that is being asked about now is asked about once more: the answer under way may be older than what happened. */
function nextRecheck(book: Book): Hex | undefined {
  for (const stem of book.recheck) {
    if (book.inFlight.has(stem) || book.pending.has(stem)) continue
    book.recheck.delete(stem)
    const known = book.channels.get(stem)
    if (known !== undefined) return known.id
  }
  return undefined
}
