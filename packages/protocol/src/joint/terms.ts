/**
 * The terms of a joint payment: hops that are paid all together or not at all (docs/spec/joint.md JP-1 to JP-6; seed 000
 * section 3.4). They have one binary form; its hash and the signers of both ends of every hop make the condition id, so
 * whoever signs the id has agreed to exactly these bytes.
 */

import { MAX_AMOUNT, MAX_KEYS } from '../constants.ts'
import { ascii, compareBytes, equalBytes, ZERO32 } from '../encoding/bytes.ts'
import type { Domain } from '../encoding/domain.ts'
import {
  fail,
  type Reader,
  readBytes,
  readEnd,
  reader,
  readFlag,
  readU8,
  readU64,
  readU128,
  writeBytes,
  writer,
  writeU8,
  writeU64,
  writeU128,
  written,
} from '../encoding/reader.ts'
import type { Direction } from '../encoding/signable.ts'
import { conditionIdOf } from '../locks/condition.ts'
import type { Crypto } from '../ports/crypto.ts'
import { type JointRefusal, jointRefusal } from './refusal.ts'

/** One lock of the payment: `payer` locks `amount` for `payee` in a direction of a channel. */
export interface JointHop {
  /** 32 bytes. */
  readonly channelId: Uint8Array
  readonly direction: Direction
  /** The channel's signer of party `direction`: 20 bytes. */
  readonly payer: Uint8Array
  /** The channel's other signer: 20 bytes. */
  readonly payee: Uint8Array
  /** Base units of the channel's token, above zero. */
  readonly amount: bigint
}

export interface JointTerms {
  /** Ascending by channel id and direction, 1 to MAX_JOINT_HOPS. */
  readonly hops: readonly JointHop[]
  /** Signer of the party that signs last: the only one with hops out and none in, or one on the cycle. */
  readonly customer: Uint8Array
  /** Signers whose receipt the customer waits for, ascending; each receives more than it pays. None in a cycle. */
  readonly payees: readonly Uint8Array[]
  /** What it is for: a payment hash, a hash of the obligations netted; 32 bytes, zero for nothing. */
  readonly reference: Uint8Array
  /** Of every lock: unix seconds. */
  readonly expiry: number
  /** 32 fresh random bytes for every attempt (LK-50). */
  readonly salt: Uint8Array
}

export const JOINT_TERMS_VERSION = 1
export const MAX_JOINT_HOPS = 64
/** Of encoded terms: 64 hops and 32 payees. */
export const MAX_JOINT_TERMS_BYTES = 6431

/** Before the encoded terms in the preimage of their hash: nothing else that is hashed here begins so. */
const TAG = ascii('Tallystick joint payment terms, version 1\n')

/** What the ids of a joint payment are made of. */
export interface JointIds {
  readonly conditionId: Uint8Array
  readonly termsHash: Uint8Array
  /** The signers of both ends of every hop, distinct, ascending. */
  readonly keys: readonly Uint8Array[]
}

/** The same terms in canonical order. It does not check them: `checkTerms` does. */
export function makeTerms(terms: JointTerms): JointTerms {
  return { ...terms, hops: [...terms.hops].sort(compareHops), payees: [...terms.payees].sort(compareBytes) }
}

/** By channel id, then direction. */
export function compareHops(a: JointHop, b: JointHop): number {
  return compareBytes(a.channelId, b.channelId) || a.direction - b.direction
}

/** The signers of both ends of every hop: distinct, ascending. */
export function jointKeys(hops: readonly JointHop[]): readonly Uint8Array[] {
  const all = hops.flatMap(({ payer, payee }) => [payer, payee]).sort(compareBytes)
  return all.filter((key, index) => index === 0 || !equalBytes(key, all[index - 1] ?? ZERO32))
}

/**
 * JP-2. Fields have the declared lengths and ranges.
 * @throws RangeError for more hops or payees than fit: `checkTerms` refuses them first.
 */
export function encodeTerms(terms: JointTerms): Uint8Array {
  if (terms.hops.length > MAX_JOINT_HOPS) throw new RangeError(`over ${MAX_JOINT_HOPS} hops`)
  if (terms.payees.length > MAX_KEYS) throw new RangeError(`over ${MAX_KEYS} payees`)
  const to = writer(128 + terms.hops.length * 89)
  writeU8(to, JOINT_TERMS_VERSION)
  writeU8(to, terms.hops.length)
  for (const hop of terms.hops) {
    writeBytes(to, hop.channelId)
    writeU8(to, hop.direction)
    writeBytes(to, hop.payer)
    writeBytes(to, hop.payee)
    writeU128(to, hop.amount)
  }
  writeBytes(to, terms.customer)
  writeU8(to, terms.payees.length)
  for (const payee of terms.payees) writeBytes(to, payee)
  writeBytes(to, terms.reference)
  writeU64(to, terms.expiry)
  writeBytes(to, terms.salt)
  return written(to)
}

/** Strict: every byte accounted for. Says nothing of the rules (`checkTerms`). Never throws. */
export function decodeTerms(bytes: Uint8Array): JointTerms | JointRefusal {
  const from = reader(bytes)
  const terms = readTerms(from)
  readEnd(from, 'terms')
  return from.fault === undefined
    ? terms
    : jointRefusal('terms-malformed', from.fault.field, from.fault.detail)
}

/** keccak256 of the tag and the encoded terms: 32 bytes (JP-3). */
export function termsHashOf(crypto: Crypto, terms: JointTerms): Uint8Array {
  const encoded = encodeTerms(terms)
  const preimage = new Uint8Array(TAG.length + encoded.length)
  preimage.set(TAG)
  preimage.set(encoded, TAG.length)
  return crypto.keccak256(preimage)
}

/**
 * JP-4, of terms that `checkTerms` passed. `registry` is the registry's domain.
 * @throws RangeError when the registry would refuse the keys: none, or over MAX_KEYS.
 */
export function jointIdsOf(crypto: Crypto, registry: Domain, terms: JointTerms): JointIds {
  const keys = jointKeys(terms.hops)
  const termsHash = termsHashOf(crypto, terms)
  return {
    conditionId: conditionIdOf(crypto, registry, { kind: 'signed', keys, termsHash }),
    termsHash,
    keys,
  }
}

function readTerms(from: Reader): JointTerms {
  const version = readU8(from, 'version')
  if (version !== JOINT_TERMS_VERSION) fail(from, 'version', `${version}, not ${JOINT_TERMS_VERSION}`)
  const count = readU8(from, 'hops')
  if (count > MAX_JOINT_HOPS) fail(from, 'hops', `over ${MAX_JOINT_HOPS}`)
  const hops: JointHop[] = []
  for (let i = 0; i < count && from.fault === undefined; i += 1) hops.push(readHop(from, `hops[${i}]`))
  const customer = readBytes(from, 20, 'customer').slice()
  const payeeCount = readU8(from, 'payees')
  if (payeeCount > MAX_KEYS) fail(from, 'payees', `over ${MAX_KEYS}`)
  const payees: Uint8Array[] = []
  for (let i = 0; i < payeeCount && from.fault === undefined; i += 1)
    payees.push(readBytes(from, 20, `payees[${i}]`).slice())
  const reference = readBytes(from, 32, 'reference').slice()
  const expiry = readU64(from, 'expiry')
  return { hops, customer, payees, reference, expiry, salt: readBytes(from, 32, 'salt').slice() }
}

function readHop(from: Reader, field: string): JointHop {
  const channelId = readBytes(from, 32, `${field}.channelId`).slice()
  const direction: Direction = readFlag(from, `${field}.direction`) ? 1 : 0
  const payer = readBytes(from, 20, `${field}.payer`).slice()
  const payee = readBytes(from, 20, `${field}.payee`).slice()
  return { channelId, direction, payer, payee, amount: readU128(from, `${field}.amount`) }
}

/** True for fields that have an encoding: lengths and ranges as declared. For terms that a caller composed. */
export function isEncodable(terms: JointTerms): boolean {
  const { hops, customer, payees, reference, expiry, salt } = terms
  return (
    hops.length <= MAX_JOINT_HOPS &&
    payees.length <= MAX_KEYS &&
    [customer, ...payees].every(({ length }) => length === 20) &&
    reference.length === 32 &&
    salt.length === 32 &&
    Number.isSafeInteger(expiry) &&
    expiry >= 0 &&
    hops.every(isEncodableHop)
  )
}

function isEncodableHop({ channelId, direction, payer, payee, amount }: JointHop): boolean {
  const parts = channelId.length === 32 && payer.length === 20 && payee.length === 20
  return parts && (direction === 0 || direction === 1) && amount >= 0n && amount <= MAX_AMOUNT
}
