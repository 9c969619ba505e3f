/**
 * Builds `vectors/invoices.json`: invoices that every implementation reads the same, and texts that every one refuses for
 * the reason given. Numbers are decimal strings, bytes `0x` hexadecimal; `privateKey` is the payee's identity key.
 */

import { bech32, bech32m } from '@scure/base'
import { loadCrypto } from '@tallystick/crypto'
import {
  encodeInvoice,
  formatInvoice,
  type Invoice,
  type InvoiceTerms,
  invoiceDigest,
  MAX_AMOUNT,
  type SignedInvoice,
  toHex,
} from '../../src/index.ts'
import { CREATED_AT, fullTerms, hop, issued, terms, word } from './sample.ts'

const { crypto } = await loadCrypto()
const textOf = (bytes: Uint8Array) => bech32m.encode('tally', bech32m.toWords(bytes), false)

const VALID: Readonly<Record<string, InvoiceTerms>> = {
  plain: terms(),
  'open amount': terms({ amount: undefined }),
  'least of everything': terms({
    chainId: 1n,
    amount: 1n,
    createdAt: 0,
    expirySeconds: 1,
    description: '',
    methods: { htlc: true, joint: false },
    lockMarginSeconds: 0,
    addresses: [],
  }),
  full: fullTerms(),
  'numbers at their limits': terms({
    chainId: (1n << 64n) - 1n,
    amount: MAX_AMOUNT,
    expirySeconds: 31_622_400,
    lockMarginSeconds: 2_592_000,
    features: 0xaaaa_aaaa_aaaa_aaaan,
    routes: [
      [hop('jia', { feeBase: 1n - (1n << 126n), feePpm: -1_000_000, minAmount: 1n, maxAmount: MAX_AMOUNT })],
    ],
  }),
  'longest description': terms({ description: '账'.repeat(213) }),
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value === 'bigint' || typeof value === 'number') return value.toString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value ?? null
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
}

/** A signed invoice's bytes, changed at one place, with a good checksum again. */
function edited(change: (bytes: Uint8Array) => Uint8Array): string {
  return textOf(change(encodeInvoice(issued(terms())).slice()))
}

function withByte(at: number, value: number): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => Uint8Array.of(...bytes.slice(0, at), value, ...bytes.slice(at + 1))
}

function invalid(): readonly (readonly [name: string, text: string, code: string, field: string])[] {
  const text = formatInvoice(issued(terms()))
  const words = bech32m.toWords(encodeInvoice(issued(terms())))
  const { invoice, signature }: SignedInvoice = issued(terms())
  const thief = encodeInvoice({ invoice, signature: issued(terms(), 'thief').signature })
  const dearer: Invoice = { ...invoice, amount: 250_001n }
  return [
    ['empty', '', 'prefix-wrong', 'text'],
    [
      'a Lightning invoice',
      'lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl',
      'prefix-wrong',
      'text',
    ],
    ['another prefix', bech32m.encode('talli', words, false), 'prefix-wrong', 'text'],
    ['mixed case', `T${text.slice(1)}`, 'case-mixed', 'text'],
    [
      'a character that is in no invoice',
      `${text.slice(0, 50)}b${text.slice(51)}`,
      'character-invalid',
      'text',
    ],
    ['a space', `${text.slice(0, 50)} ${text.slice(50)}`, 'character-invalid', 'text'],
    [
      'one wrong character',
      `${text.slice(0, -1)}${text.endsWith('q') ? 'p' : 'q'}`,
      'checksum-wrong',
      'text',
    ],
    ['bech32 instead of bech32m', bech32.encode('tally', words, false), 'checksum-wrong', 'text'],
    ['cut', text.slice(0, 200), 'truncated', 'text'],
    ['cut, with a good checksum', edited((bytes) => bytes.slice(0, -1)), 'truncated', 'signature'],
    ['a byte too many', edited((bytes) => Uint8Array.of(...bytes, 0)), 'not-canonical', 'text'],
    ['a word too many', bech32m.encode('tally', [...words, 0], false), 'not-canonical', 'text'],
    ['too long', `${text}${'q'.repeat(4290)}`, 'too-long', 'text'],
    ['version 2', edited(withByte(0, 2)), 'version-unknown', 'version'],
    ['an unknown feature that is required', edited(withByte(1, 4)), 'feature-unknown', 'features'],
    [
      'an unknown feature that may be ignored, not signed',
      edited(withByte(1, 2)),
      'signature-wrong',
      'signature',
    ],
    ['no method', edited(withByte(2, 0)), 'field-invalid', 'methods'],
    ['an unknown method', edited(withByte(2, 5)), 'field-invalid', 'methods'],
    [
      'a chain id that is not in its shortest form',
      edited((bytes) => Uint8Array.of(...bytes.slice(0, 3), 0xe9, 0xf4, 0x81, 0, ...bytes.slice(6))),
      'not-canonical',
      'chainId',
    ],
    [
      'chain 0',
      edited((bytes) => Uint8Array.of(...bytes.slice(0, 3), 0, ...bytes.slice(6))),
      'field-invalid',
      'chainId',
    ],
    ['a bank of zeros', edited((bytes) => bytes.fill(0, 6, 26)), 'field-invalid', 'bank'],
    ['neither native coin nor token', edited(withByte(46, 2)), 'field-invalid', 'token'],
    [
      'the native coin written out',
      edited((bytes) => Uint8Array.of(...bytes.slice(0, 46), 1, ...new Uint8Array(20), ...bytes.slice(47))),
      'not-canonical',
      'token',
    ],
    ['a payee that is no key', edited(withByte(47, 4)), 'field-invalid', 'payee'],
    ['another payee', edited(withByte(47 + 32, 0)), 'signature-wrong', 'signature'],
    ['signed by somebody else', textOf(thief), 'signature-wrong', 'signature'],
    [
      'a higher amount',
      textOf(encodeInvoice({ invoice: dearer, signature })),
      'signature-wrong',
      'signature',
    ],
    ['a line break in the description', edited(replacing('2', '\n')), 'field-invalid', 'description'],
    ['a description that is not UTF-8', edited(replacing('2', '\u00ff')), 'field-invalid', 'description'],
    ['a host in upper case', namedHost('node.example', 'Node.example'), 'field-invalid', 'addresses[0].host'],
    ['another host', namedHost('node.example', 'node.exampla'), 'signature-wrong', 'signature'],
    [
      'a host that is an IPv4 address in disguise',
      namedHost('node.example', 'node.exam.0x'),
      'field-invalid',
      'addresses[0].host',
    ],
    ['an IPv4 address as a name', namedHost('node.example', '123.123.12.1'), 'not-canonical', 'text'],
  ]
}

/** The plain invoice with one Latin-1 character of its description replaced. */
function replacing(old: string, by: string): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const at = Buffer.from(bytes).indexOf(`${old} coffees`)
    return withByte(at, by.charCodeAt(0))(bytes)
  }
}

function namedHost(host: string, by: string): string {
  const bytes = encodeInvoice(issued(terms({ addresses: [{ host, port: 9735 }] })))
  const at = Buffer.from(bytes).indexOf(host)
  bytes.set(new TextEncoder().encode(by), at)
  return textOf(bytes)
}

export function invoiceVectors() {
  return {
    privateKey: toHex(word('payee')),
    createdAt: CREATED_AT.toString(),
    valid: Object.entries(VALID).map(([name, some]) => {
      const signed = issued(some)
      return {
        name,
        text: formatInvoice(signed),
        bytes: toHex(encodeInvoice(signed)),
        digest: toHex(invoiceDigest(crypto, signed.invoice)),
        signature: toHex(signed.signature),
        invoice: plain(signed.invoice),
      }
    }),
    invalid: invalid().map(([name, text, code, field]) => ({ name, text, code, field })),
  }
}
