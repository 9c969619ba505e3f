/** Lines, statements and locks signed with viem alone: a second opinion on the encodings of docs/spec/encoding.md. */

import type { ChainContent, ChainLock, ChainParams, Direction, Party } from '@tallystick/protocol'
import {
  compactSignatureToHex,
  concat,
  encodeAbiParameters,
  type Hex,
  hexToSignature,
  keccak256,
  signatureToCompactSignature,
  stringToHex,
  zeroHash,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { AnvilAccount } from '../../src/anvil.ts'
import { channelIdPreimage } from '../../src/calls.ts'

export interface Court {
  readonly chainId: bigint
  readonly bank: Hex
  readonly registry: Hex
}

type Fields = readonly { readonly name: string; readonly type: string }[]

const fields = (text: string): Fields =>
  text.split(',').map((field) => {
    const [type = '', name = ''] = field.trim().split(' ')
    return { name, type }
  })

const TYPES = {
  BalanceProof: fields('bytes32 channelId,uint8 direction,uint64 nonce,uint64 acked,bytes32 contentHash'),
  Withdrawal: fields('bytes32 channelId,uint8 party,uint128 total,uint64 validUntil'),
  CloseTogether: fields('bytes32 channelId,int256 delta,uint64 validUntil'),
  CloseStatement: fields(
    'bytes32 channelId,uint8 party,bool blind,uint64 outNonce,uint64 outAcked,bytes32 outContentHash,uint64 inNonce,uint64 inAcked,bytes32 inContentHash,uint64 validUntil',
  ),
  AckDelegate: fields('bytes32 channelId,uint8 direction,address key,uint64 validUntil'),
  Condition: fields('bytes32 conditionId'),
}

/** EIP-712 under the bank's domain (the registry's for a condition), as 64 bytes (EIP-2098). */
export async function signAs(
  court: Court,
  account: AnvilAccount,
  primaryType: keyof typeof TYPES,
  message: Record<string, unknown>,
): Promise<Hex> {
  const verifyingContract = primaryType === 'Condition' ? court.registry : court.bank
  const signature = await privateKeyToAccount(account.privateKey).signTypedData({
    domain: { name: 'Tallystick', version: '1', chainId: Number(court.chainId), verifyingContract },
    types: { [primaryType]: TYPES[primaryType] },
    primaryType,
    message,
  })
  return compactSignatureToHex(signatureToCompactSignature(hexToSignature(signature)))
}

export const idOf = (court: Court, params: ChainParams): Hex =>
  keccak256(channelIdPreimage(court.chainId, court.bank, params))

function contentHash({ sent, locked, lockedUntil, locksRoot, memoRoot }: ChainContent): Hex {
  const types = [
    { type: 'uint128' },
    { type: 'uint128' },
    { type: 'uint64' },
    { type: 'bytes32' },
    { type: 'bytes32' },
  ] as const
  return keccak256(encodeAbiParameters(types, [sent, locked, lockedUntil, locksRoot, memoRoot]))
}

export interface SignedLine {
  readonly direction: Direction
  readonly nonce: bigint
  readonly acked: bigint
  readonly content: ChainContent
  readonly contentHash: Hex
  /** By the signer of the payer, and by the signer of the receiver. */
  readonly promise: Hex
  readonly ack: Hex
}

export async function signLine(
  court: Court,
  params: ChainParams,
  signers: readonly [AnvilAccount, AnvilAccount],
  direction: Direction,
  nonce: bigint,
  acked: bigint,
  content: ChainContent,
): Promise<SignedLine> {
  const hash = contentHash(content)
  const message = { channelId: idOf(court, params), direction, nonce, acked, contentHash: hash }
  const receiver: Party = direction === 0 ? 1 : 0
  return {
    direction,
    nonce,
    acked,
    content,
    contentHash: hash,
    promise: await signAs(court, signers[direction], 'BalanceProof', message),
    ack: await signAs(court, signers[receiver], 'BalanceProof', message),
  }
}

/** The condition id of a SHA-256 hash, kind 1, or of signed terms, kind 2 (EN-21). */
export function conditionId(court: Court, kind: 1 | 2, data: Hex): Hex {
  const types = [{ type: 'uint8' }, { type: 'uint256' }, { type: 'address' }, { type: 'bytes32' }] as const
  return keccak256(encodeAbiParameters(types, [kind, court.chainId, court.registry, keccak256(data)]))
}

const LOCK_TYPEHASH = keccak256(
  stringToHex('Lock(uint16 slot,uint128 amount,bytes32 condition,uint64 expiry)'),
)
const DEPTH = 9

type BareLock = Omit<ChainLock, 'path'>

/** Root, sum and paths of some locks (EN-40 to EN-43). */
export function lockTree(locks: readonly BareLock[]): { root: Hex; locks: readonly ChainLock[] } {
  let level = new Map(locks.map((lock) => [lock.slot, leaf(lock)]))
  const paths = new Map<number, Hex[]>(locks.map(({ slot }) => [slot, []]))
  for (let height = 0; height < DEPTH; height += 1) {
    for (const [slot, path] of paths) path.push(level.get((slot >> height) ^ 1) ?? zeroHash)
    const next = new Map<number, Hex>()
    for (const index of level.keys()) {
      const left = level.get(index & ~1) ?? zeroHash
      const right = level.get(index | 1) ?? zeroHash
      next.set(
        index >> 1,
        left === zeroHash && right === zeroHash ? zeroHash : keccak256(concat([left, right])),
      )
    }
    level = next
  }
  return {
    root: level.get(0) ?? zeroHash,
    locks: locks.map((lock) => ({ ...lock, path: paths.get(lock.slot) ?? [] })),
  }
}

function leaf({ slot, amount, condition, expiry }: BareLock): Hex {
  const types = [
    { type: 'bytes32' },
    { type: 'uint16' },
    { type: 'uint128' },
    { type: 'bytes32' },
    { type: 'uint64' },
  ] as const
  return keccak256(encodeAbiParameters(types, [LOCK_TYPEHASH, slot, amount, condition, expiry]))
}
