/**
 * Reading what people type. Amounts are base units of the channel's token: whole numbers only, so
 * that no decimal point or locale can change what is paid. Each refusal names the argument.
 */
import { MAX_AMOUNT } from '@tallystick/protocol'
import { usage } from './failure.ts'

/** The bank packs both deposits of a channel into one word, each below 2^126 (docs/spec). */
export const maxAmount = 2n ** 126n - 1n

/** A positive amount in base units. */
export function parseAmount(text: string, field: string): bigint {
  const remedy = 'Give a whole number of base units of the token, for example 1000000.'
  if (text.trim() === '') throw usage(field, 'the amount is empty', remedy, 'bad-amount')
  if (/^-\d/.test(text)) throw usage(field, `the amount ${shown(text)} is negative`, remedy, 'bad-amount')
  if (/^\d+[.,]\d*$/.test(text) || /^[.,]\d+$/.test(text))
    throw usage(
      field,
      `the amount ${shown(text)} has decimals`,
      `${remedy} One token is 10^decimals base units.`,
      'bad-amount',
    )
  if (!/^\d+$/.test(text))
    throw usage(field, `the amount ${shown(text)} is not a whole number`, remedy, 'bad-amount')
  const significant = text.replace(/^0+/, '')
  if (significant === '') throw usage(field, 'the amount is zero', 'Give at least 1 base unit.', 'bad-amount')
  // 2^126 - 1 has 38 digits; checking the length first keeps a megabyte of digits cheap to refuse.
  if (significant.length > 38 || BigInt(significant) > maxAmount)
    throw usage(
      field,
      'the amount is too large',
      `Give at most ${maxAmount} (2^126 - 1) base units.`,
      'bad-amount',
    )
  return BigInt(significant)
}

/** A fee in base units: any whole number, negative where the node gives instead of taking. */
export function parseFee(text: string, field: string): bigint {
  const remedy = 'Give a whole number of base units of the token; negative to pay for being used.'
  if (!/^-?\d{1,38}$/.test(text))
    throw usage(field, `${shown(text)} is not a whole number`, remedy, 'bad-amount')
  return BigInt(text)
}

/** A bound in base units: zero or more, up to what a lock can hold. */
export function parseBound(text: string, field: string): bigint {
  if (/^\d{1,39}$/.test(text) && BigInt(text) <= MAX_AMOUNT) return BigInt(text)
  throw usage(
    field,
    `${shown(text)} is not an amount`,
    `Give a whole number of base units from 0 to ${MAX_AMOUNT} (2^128 - 1).`,
    'bad-amount',
  )
}

/** 32 bytes in hexadecimal; returned in lower case. */
export function parseHash(text: string, field: string, code: string): `0x${string}` {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase() as `0x${string}`
  throw usage(field, `${shown(text)} is not 32 bytes`, 'Give 0x and 64 hexadecimal digits.', code)
}

/** A node id alone; returned in lower case. */
export function parseNodeId(text: string, field: string): string {
  if (/^0[23][0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase()
  throw usage(
    field,
    `${shown(text)} is not a node id`,
    'Give 66 hexadecimal digits that begin with 02 or 03, as `tally status` prints them.',
    'bad-node-id',
  )
}

/** A whole number between `min` and `max`, both included. */
export function parseWhole(text: string, field: string, min: number, max: number): number {
  const remedy = `Give a whole number from ${min} to ${max}.`
  if (!/^\d{1,16}$/.test(text))
    throw usage(field, `${shown(text)} is not a whole number`, remedy, 'bad-number')
  const value = Number(text)
  if (value < min || value > max) throw usage(field, `${text} is out of range`, remedy, 'bad-number')
  return value
}

/** `host:port`; IPv6 hosts in brackets. */
export function parseEndpoint(text: string, field: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  if (match?.[3] === undefined || host === undefined)
    throw usage(field, `${shown(text)} is not host:port`, 'Give for example 127.0.0.1:9735.', 'bad-endpoint')
  return { host, port: parseWhole(match[3], field, 0, 65_535) }
}

/** A 20-byte address in hexadecimal; returned in lower case. */
export function parseAddress(text: string, field: string): `0x${string}` {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text))
    throw usage(
      field,
      `${shown(text)} is not an address`,
      'Give 0x followed by 40 hexadecimal digits.',
      'bad-address',
    )
  return text.toLowerCase() as `0x${string}`
}

export function parseHttpUrl(text: string, field: string): URL {
  const remedy = 'Give a URL that begins with http:// or https://.'
  if (!URL.canParse(text)) throw usage(field, `${shown(text)} is not a URL`, remedy, 'bad-url')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw usage(field, `${shown(text)} is not an http URL`, remedy, 'bad-url')
  return url
}

/** Quotes what was typed, cut so that a hostile argument cannot fill the screen or drive the terminal. */
export function shown(text: string): string {
  const cut = text.length > 60 ? `${text.slice(0, 60)}...` : text
  return JSON.stringify(cut)
}
