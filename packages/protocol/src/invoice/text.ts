/**
 * The text form of an invoice: bech32m with the prefix `tally` (IV-21 to IV-24). In upper case it is in the alphanumeric
 * alphabet of QR codes, and with `TALLY:` in front the longest fits version 40, level L.
 * Source: BIP 350 (bech32m), ISO/IEC 18004 (QR code).
 */

import { bech32m } from '@scure/base'
import { decodeInvoice, encodeInvoice, type InvoiceCrypto, measureInvoice } from './binary.ts'
import { findDamage } from './checksum.ts'
import { type InvoiceFault, invoiceFault } from './fault.ts'
import {
  checkInvoiceNetwork,
  type InvoiceNetwork,
  type InvoiceResult,
  type SignedInvoice,
} from './invoice.ts'

export const INVOICE_PREFIX = 'tally'
/** 4,296 characters of a QR code less `TALLY:`. */
export const MAX_INVOICE_CHARACTERS = 4290

const START = `${INVOICE_PREFIX}1`
const CHECKSUM_CHARACTERS = 6
const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const MAX_NAMED = 8

/** Lower case; for a QR code make it upper case. */
export function formatInvoice(signed: SignedInvoice): string {
  return bech32m.encode(INVOICE_PREFIX, bech32m.toWords(encodeInvoice(signed)), false)
}

/**
 * Reads an invoice, with its signature checked; with `network`, one that a node there can pay. Whether it is expired is
 * `checkInvoiceTime`'s to say. Never throws.
 */
export function parseInvoice(crypto: InvoiceCrypto, text: string, network?: InvoiceNetwork): InvoiceResult {
  if (text.length > MAX_INVOICE_CHARACTERS)
    return invoiceFault('too-long', 'text', `${text.length} characters, ${MAX_INVOICE_CHARACTERS} fit`)
  const lower = oneCase(text)
  if (typeof lower !== 'string') return lower
  if (!lower.startsWith(START)) return prefixFault(lower)
  const wrong = checkCharacters(lower)
  if (wrong !== undefined) return wrong
  const bytes = bytesOf(lower)
  if (!(bytes instanceof Uint8Array)) return bytes
  const result = decodeInvoice(crypto, bytes)
  if (!result.ok || network === undefined) return result
  return checkInvoiceNetwork(result.signed.invoice, network) ?? result
}

function oneCase(text: string): string | InvoiceFault {
  // Before any folding: the Kelvin sign, for one, has an ASCII letter as its lower case.
  const foreign = positionsOf(text, (character) => character < '!' || character > '~')
  if (foreign.length > 0) return charactersFault(text, foreign)
  const letters = positionsOf(text, (character) => /[a-z]/i.test(character))
  const isUpper = (at: number | undefined) => at !== undefined && /[A-Z]/.test(text.charAt(at))
  const first = isUpper(letters[0])
  const other = letters.find((at) => isUpper(at) !== first)
  if (other === undefined) return text.toLowerCase()
  const which = first ? 'lower' : 'upper'
  return invoiceFault('case-mixed', 'text', `character ${other + 1} is in ${which} case, others are not`, [
    other,
  ])
}

function prefixFault(lower: string): InvoiceFault {
  if (lower === '') return invoiceFault('prefix-wrong', 'text', 'it is empty')
  if (START.startsWith(lower))
    return invoiceFault('truncated', 'text', `it ends after ${lower.length} characters`)
  const what = lower.startsWith('ln')
    ? 'it begins like an invoice of the Lightning network'
    : lower.startsWith(`${INVOICE_PREFIX}:`)
      ? 'it is a URI: leave the tally: away'
      : `it begins with ${lower.slice(0, START.length)}`
  return invoiceFault('prefix-wrong', 'text', what)
}

function checkCharacters(lower: string): InvoiceFault | undefined {
  const wrong = positionsOf(lower, (character) => !ALPHABET.includes(character)).filter(
    (at) => at >= START.length,
  )
  return wrong.length === 0 ? undefined : charactersFault(lower, wrong)
}

function charactersFault(text: string, positions: readonly number[]): InvoiceFault {
  const named = positions.slice(0, MAX_NAMED).map((at) => `${at + 1} (${shown(text.charAt(at))})`)
  const more = positions.length > MAX_NAMED ? ` and ${positions.length - MAX_NAMED} more` : ''
  return invoiceFault('character-invalid', 'text', `character ${named.join(', ')}${more}`, positions)
}

function shown(character: string): string {
  if (character === ' ') return 'a space'
  if (character > ' ' && character <= '~') return character
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
}

function bytesOf(lower: string): Uint8Array | InvoiceFault {
  try {
    const { words } = bech32m.decode(lower as `${string}1${string}`, false)
    return (
      bech32m.fromWordsUnsafe(words) || invoiceFault('not-canonical', 'text', 'the last bits are not zero')
    )
  } catch {
    return checksumFault(lower)
  }
}

function checksumFault(lower: string): InvoiceFault {
  const words = Array.from(lower.slice(START.length), (character) => ALPHABET.indexOf(character))
  if (words.length < CHECKSUM_CHARACTERS)
    return invoiceFault('truncated', 'text', `it ends after ${lower.length} characters`)
  const damage = findDamage(INVOICE_PREFIX, words)
  if (damage.kind === 'characters') {
    const positions = damage.at.map((at) => at + START.length)
    const named = positions.map((at) => `${at + 1} (${lower.charAt(at)})`).join(', ')
    return invoiceFault('checksum-wrong', 'text', `probably character ${named}`, positions)
  }
  if (damage.kind === 'bech32') return invoiceFault('checksum-wrong', 'text', 'it is bech32, not bech32m')
  const bytes = measureInvoice(wholeBytes(words))
  if (bytes !== undefined && Math.ceil((bytes * 8) / 5) + CHECKSUM_CHARACTERS > words.length)
    return invoiceFault('truncated', 'text', `it ends after ${lower.length} characters`)
  return invoiceFault('checksum-wrong', 'text', 'more than one character is wrong, missing or added')
}

/** The whole bytes that these 5-bit words begin with. */
function wholeBytes(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Math.floor((words.length * 5) / 8))
  for (const [i, word] of words.entries())
    for (let bit = 0; bit < 5; bit += 1) {
      const at = 5 * i + bit
      if (at >= 8 * bytes.length) return bytes
      if ((word >> (4 - bit)) & 1) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (0x80 >> (at & 7))
    }
  return bytes
}

function positionsOf(text: string, wanted: (character: string) => boolean): readonly number[] {
  const found: number[] = []
  for (let at = 0; at < text.length; at += 1) if (wanted(text.charAt(at))) found.push(at)
  return found
}
