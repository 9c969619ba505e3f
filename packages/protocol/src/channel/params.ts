/** Channel parameters and the id that commits to them (CH-1 to CH-3, EN-20). */

import { MAX_LOCK_PERIOD, MIN_LOCK_PERIOD } from '../constants.ts'
import { equalBytes, isZero, toHex } from '../encoding/bytes.ts'
import type { Party } from '../encoding/signable.ts'
import { putAddress, putBig, putUint, words } from '../encoding/words.ts'
import type { ChainParams } from '../ports/chain.ts'
import type { Crypto } from '../ports/crypto.ts'
import { type Refusal, refusal } from '../refusal.ts'

export interface ChannelParams {
  /** Receive payouts; may be equal, may be contracts. 20 bytes each. */
  readonly owner: readonly [Uint8Array, Uint8Array]
  /** Hot keys that sign off chain; non-zero and distinct. 20 bytes each. */
  readonly signer: readonly [Uint8Array, Uint8Array]
  /** 20 bytes; zero is the native coin. */
  readonly token: Uint8Array
  /** Seconds, MIN_LOCK_PERIOD to MAX_LOCK_PERIOD. */
  readonly lockPeriod: number
  /** uint64. */
  readonly salt: bigint
}

export function otherParty(party: Party): Party {
  return party === 0 ? 1 : 0
}

/** Undefined when the bank would take these parameters (CH-3). */
export function checkParams(params: ChannelParams): Refusal | undefined {
  for (const party of [0, 1] as const) {
    const { [party]: owner } = params.owner
    const { [party]: signer } = params.signer
    if (owner.length !== 20 || isZero(owner)) return refusal('params-invalid', `owner[${party}]`)
    if (signer.length !== 20 || isZero(signer)) return refusal('params-invalid', `signer[${party}]`)
  }
  if (equalBytes(params.signer[0], params.signer[1]))
    return refusal('params-invalid', 'signer', 'equal signers')
  if (params.token.length !== 20) return refusal('params-invalid', 'token')
  const { lockPeriod, salt } = params
  if (!Number.isInteger(lockPeriod) || lockPeriod < MIN_LOCK_PERIOD || lockPeriod > MAX_LOCK_PERIOD)
    return refusal('params-invalid', 'lockPeriod', `${MIN_LOCK_PERIOD} to ${MAX_LOCK_PERIOD} seconds`)
  if (salt < 0n || salt >= 1n << 64n) return refusal('params-invalid', 'salt', 'a uint64')
  return undefined
}

/** `keccak256(abi.encode(chainId, bank, params))`: 32 bytes (EN-20). */
export function channelIdOf(
  crypto: Crypto,
  chainId: bigint,
  bank: Uint8Array,
  params: ChannelParams,
): Uint8Array {
  const preimage = words(9)
  putBig(preimage, 0, chainId)
  putAddress(preimage, 1, bank)
  putAddress(preimage, 2, params.owner[0])
  putAddress(preimage, 3, params.owner[1])
  putAddress(preimage, 4, params.signer[0])
  putAddress(preimage, 5, params.signer[1])
  putAddress(preimage, 6, params.token)
  putUint(preimage, 7, params.lockPeriod)
  putBig(preimage, 8, params.salt)
  return crypto.keccak256(preimage.bytes)
}

export function paramsToChain(params: ChannelParams): ChainParams {
  return {
    owner: [toHex(params.owner[0]), toHex(params.owner[1])],
    signer: [toHex(params.signer[0]), toHex(params.signer[1])],
    token: toHex(params.token),
    lockPeriod: params.lockPeriod,
    salt: params.salt,
  }
}
