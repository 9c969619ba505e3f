/**
 * Keys of conditions: what is shown to unlock, what the registry would be given, and the check that the registry would
 * accept exactly these bytes (LK-11; RG-10, RG-20, RG-21).
 */

import { MAX_KEYS } from '../constants.ts'
import { equalBytes, toHex } from '../encoding/bytes.ts'
import { digestOf } from '../encoding/digest.ts'
import type { Domain } from '../encoding/domain.ts'
import {
  fail,
  type Reader,
  readBytes,
  readEnd,
  reader,
  readU8,
  readU32,
  writeBytes,
  writer,
  writeU8,
  writeU32,
  written,
} from '../encoding/reader.ts'
import type { ChainResolution } from '../ports/chain.ts'
import type { Crypto } from '../ports/crypto.ts'
import { type Refusal, refusal } from '../refusal.ts'
import { batchRootOf, conditionIdOf, keysInOrder, MAX_BATCH_DEPTH } from './condition.ts'

export interface HashKey {
  readonly kind: 'hash'
  /** 32 bytes whose SHA-256 the condition names. */
  readonly preimage: Uint8Array
}

/** One key holder's signature: over the condition id itself (`path` empty, `index` 0), or over a batch root. */
export interface SignedApproval {
  /** 64 bytes. */
  readonly signature: Uint8Array
  readonly index: number
  /** Siblings, leaf upwards, each 32 bytes, at most MAX_BATCH_DEPTH. */
  readonly path: readonly Uint8Array[]
}

export interface SignedKey {
  readonly kind: 'signed'
  /** Addresses (20 bytes), strictly ascending, 1 to MAX_KEYS. */
  readonly keys: readonly Uint8Array[]
  readonly termsHash: Uint8Array
  /** One for each key, in the order of `keys`. */
  readonly approvals: readonly SignedApproval[]
}

/** A contract condition has no key: only a final registry resolution counts (LK-12). */
export type Key = HashKey | SignedKey

/** Undefined when the registry would take these bytes as meeting `conditionId`. Never throws on bad keys. */
export function checkKey(
  crypto: Crypto,
  registry: Domain,
  conditionId: Uint8Array,
  key: Key,
): Refusal | undefined {
  return key.kind === 'hash'
    ? checkHashKey(crypto, registry, conditionId, key)
    : checkSignedKey(crypto, registry, conditionId, key)
}

/** The canonical bytes of a key (EN-85); at most 36,000. */
export function encodeKey(key: Key): Uint8Array {
  const to = writer(128)
  if (key.kind === 'hash') {
    writeU8(to, 1)
    writeBytes(to, key.preimage)
    return written(to)
  }
  writeU8(to, 2)
  writeU8(to, key.keys.length)
  for (const address of key.keys) writeBytes(to, address)
  writeBytes(to, key.termsHash)
  for (const approval of key.approvals) {
    writeBytes(to, approval.signature)
    writeU32(to, approval.index)
    writeU8(to, approval.path.length)
    for (const sibling of approval.path) writeBytes(to, sibling)
  }
  return written(to)
}

/** Strict; byte fields are windows on `bytes`. */
export function decodeKey(bytes: Uint8Array): Key | Refusal {
  const from = reader(bytes)
  const key = readKey(from)
  readEnd(from, 'key')
  if (from.fault !== undefined) return refusal('key-wrong', from.fault.field, from.fault.detail)
  return key ?? refusal('key-wrong', 'kind', 'unknown kind of key')
}

/** What `resolve` of the chain port is given for this key. */
export function keyToChain(key: Key): ChainResolution {
  if (key.kind === 'hash') return { kind: 'hash', preimage: toHex(key.preimage) }
  return {
    kind: 'signed',
    keys: key.keys.map(toHex),
    termsHash: toHex(key.termsHash),
    approvals: key.approvals.map(({ signature, index, path }) => ({
      signature: toHex(signature),
      index: BigInt(index),
      path: path.map(toHex),
    })),
  }
}

function checkHashKey(
  crypto: Crypto,
  registry: Domain,
  conditionId: Uint8Array,
  key: HashKey,
): Refusal | undefined {
  if (key.preimage.length !== 32) return refusal('key-wrong', 'preimage', 'not 32 bytes')
  const id = conditionIdOf(crypto, registry, { kind: 'hash', sha256: crypto.sha256(key.preimage) })
  return equalBytes(id, conditionId) ? undefined : refusal('key-wrong', 'preimage', 'not of this condition')
}

function checkSignedKey(
  crypto: Crypto,
  registry: Domain,
  conditionId: Uint8Array,
  key: SignedKey,
): Refusal | undefined {
  const { keys, termsHash, approvals } = key
  if (!keysInOrder(keys)) return refusal('key-wrong', 'keys', 'not 1 to 32 addresses, strictly ascending')
  if (termsHash.length !== 32) return refusal('key-wrong', 'termsHash', 'not 32 bytes')
  if (approvals.length !== keys.length) return refusal('key-wrong', 'approvals', 'not one for each key')
  const id = conditionIdOf(crypto, registry, { kind: 'signed', keys, termsHash })
  if (!equalBytes(id, conditionId)) return refusal('key-wrong', 'termsHash', 'not of this condition')
  for (const [index, address] of keys.entries()) {
    const approval = approvals[index]
    if (approval === undefined || !approves(crypto, registry, id, address, approval))
      return refusal('key-wrong', `approvals[${index}]`, 'not a signature of this key over the condition')
  }
  return undefined
}

/** True when the registry would take the approval as this key's over the condition. Never throws on bad approvals. */
export function approves(
  crypto: Crypto,
  registry: Domain,
  conditionId: Uint8Array,
  address: Uint8Array,
  approval: SignedApproval,
): boolean {
  const { signature, index, path } = approval
  if (path.length > MAX_BATCH_DEPTH || path.some((sibling) => sibling.length !== 32)) return false
  if (!Number.isInteger(index) || index < 0 || index >= 2 ** path.length) return false
  const digest =
    path.length === 0
      ? digestOf(crypto, { type: 'Condition', domain: registry, conditionId })
      : digestOf(crypto, {
          type: 'ConditionBatch',
          domain: registry,
          root: batchRootOf(crypto, conditionId, index, path),
        })
  const signer = crypto.recoverAddress(digest, signature)
  return signer !== undefined && equalBytes(signer, address)
}

function readKey(from: Reader): Key | undefined {
  const kind = readU8(from, 'kind')
  if (kind === 1) return { kind: 'hash', preimage: readBytes(from, 32, 'preimage') }
  if (kind !== 2) return undefined
  const count = readU8(from, 'keys')
  if (count > MAX_KEYS) fail(from, 'keys', `over ${MAX_KEYS}`)
  const keys: Uint8Array[] = []
  for (let i = 0; i < count && from.fault === undefined; i += 1) keys.push(readBytes(from, 20, `keys[${i}]`))
  const termsHash = readBytes(from, 32, 'termsHash')
  const approvals: SignedApproval[] = []
  for (let i = 0; i < count && from.fault === undefined; i += 1)
    approvals.push(readApproval(from, `approvals[${i}]`))
  return { kind: 'signed', keys, termsHash, approvals }
}

function readApproval(from: Reader, field: string): SignedApproval {
  const signature = readBytes(from, 64, `${field}.signature`)
  const index = readU32(from, `${field}.index`)
  const depth = readU8(from, `${field}.path`)
  if (depth > MAX_BATCH_DEPTH) fail(from, `${field}.path`, `deeper than ${MAX_BATCH_DEPTH}`)
  const path: Uint8Array[] = []
  for (let i = 0; i < depth && from.fault === undefined; i += 1)
    path.push(readBytes(from, 32, `${field}.path[${i}]`))
  return { signature, index, path }
}
