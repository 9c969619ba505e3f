/**
 * The scalars of the node's HTTP API: how each is written in JSON and what it is in the program.
 *
 * Amounts are decimal strings on the wire (JSON numbers would round them) and `bigint` base units in the program; the
 * same codec decodes and encodes. A refusal's message is an error code of the node's table, so that the server answers
 * with the right code without knowing field names.
 */
import { z } from 'zod'

export type Hex = `0x${string}`

/** The bank packs both deposits of a channel below 2^126 each. */
const MAX_AMOUNT = 2n ** 126n - 1n
/** Below the five minutes after which HTTP clients and proxies give up on a silent connection. */
const LONGEST_WAIT_MS = 240_000

function hexText(bytes: number, code: string, description: string, example: string): z.ZodType<Hex, string> {
  const pattern = new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`)
  return z
    .string(code)
    .regex(pattern, code)
    .toLowerCase()
    .meta({ description, example }) as unknown as z.ZodType<Hex, string>
}

export const Address = hexText(20, 'INVALID_ADDRESS', '20 bytes, 0x hexadecimal', `0x${'00'.repeat(20)}`)
export const ChannelId = hexText(32, 'INVALID_CHANNEL_ID', 'Channel id, 32 bytes', `0x${'c1'.repeat(32)}`)
export const Reference = hexText(
  32,
  'INVALID_REFERENCE',
  'Payment reference, 32 bytes, chosen by the payer or given by the payee',
  `0x${'0f'.repeat(32)}`,
)
export const Hash = hexText(32, 'INVALID_REQUEST', '32-byte hash', `0x${'ab'.repeat(32)}`)

/** An amount somebody asks to move: 1 to 2^126 - 1 base units. */
export const PositiveAmount = amountCodec(1n)
/** An amount that may be nothing. */
export const Amount = amountCodec(0n)

function amountCodec(least: bigint) {
  const text = z
    .string('INVALID_AMOUNT')
    .regex(/^(0|[1-9][0-9]{0,38})$/, 'INVALID_AMOUNT')
    .meta({ description: "Base units of the channel's token, as a decimal string", example: '1000000' })
  const value = z.bigint('INVALID_AMOUNT').min(least, 'INVALID_AMOUNT').max(MAX_AMOUNT, 'INVALID_AMOUNT')
  return z.codec(text, value, { decode: (digits) => BigInt(digits), encode: (units) => units.toString() })
}

/** A whole number that the node reports. Not bounded: a report never fails because of its value. */
export const Integer = z.codec(
  z
    .string()
    .regex(/^-?[0-9]{1,80}$/)
    .meta({ description: 'Whole number as a decimal string', example: '31337' }),
  z.bigint(),
  { decode: (digits) => BigInt(digits), encode: (value) => value.toString() },
)

/** A node's identity public key, compressed, without 0x. */
export const NodeId = z
  .string('INVALID_PEER')
  .regex(/^0[23][0-9a-f]{64}$/, 'INVALID_PEER')
  .meta({ description: 'Node id: compressed secp256k1 identity public key', example: `02${'5a'.repeat(32)}` })

/** `nodeId@host:port`. */
export const PeerAddress = z
  .string('INVALID_PEER')
  .max(400, 'INVALID_PEER')
  .regex(/^0[23][0-9a-f]{64}@[^\s@]{1,260}:[0-9]{1,5}$/, 'INVALID_PEER')
  .meta({ description: 'nodeId@host:port', example: `02${'5a'.repeat(32)}@127.0.0.1:9735` })

/** A peer to deal with: its address, or its id alone when the node knows it. */
export const Peer = z
  .string('INVALID_PEER')
  .max(400, 'INVALID_PEER')
  .regex(/^0[23][0-9a-f]{64}(@[^\s@]{1,260}:[0-9]{1,5})?$/, 'INVALID_PEER')
  .meta({ description: 'nodeId, or nodeId@host:port', example: `02${'5a'.repeat(32)}` })

export const TimeoutMs = z.int().min(1).max(LONGEST_WAIT_MS).meta({
  description: 'Give up waiting after this many milliseconds (the work itself goes on)',
  example: 30_000,
})

/** {@link TimeoutMs} in a query string. */
export const TimeoutMsText = z.codec(
  z
    .string()
    .regex(/^[0-9]{1,6}$/)
    .meta({ description: 'Wait at most this many milliseconds', example: '30000' }),
  z.int().min(1).max(LONGEST_WAIT_MS),
  { decode: (digits) => Number(digits), encode: (value) => String(value) },
)

export const TimeMs = z
  .number()
  .meta({ description: 'Unix time in milliseconds', example: 1_760_000_000_000 })
