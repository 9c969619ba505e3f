/** The shared vectors: equal to what the core computes, and to what viem computes independently (EN-20 to EN-65). */

import { readFileSync } from 'node:fs'
import {
  compactSignatureToSignature,
  encodeAbiParameters,
  hashTypedData,
  keccak256,
  parseAbiParameters,
  parseCompactSignature,
  recoverAddress,
  toBytes,
} from 'viem'
import { expect, test } from 'vitest'
import { TYPE_STRINGS } from '../src/index.ts'
import { channelVectors, conditionVectors, digestVectors, lockVectors } from './vectors/build.ts'
import { VECTOR_FILES, vectorText, vectorUrl } from './vectors/files.ts'

type Hex = `0x${string}`

test.each(VECTOR_FILES)('vectors/%s.json is what the core computes', (name) => {
  expect(JSON.parse(readFileSync(vectorUrl(name), 'utf8'))).toEqual(JSON.parse(vectorText(name)))
})

test('EN-20: channel ids are those of abi.encode', () => {
  const shape = parseAbiParameters(
    'uint256 chainId, address bank, (address[2] owner, address[2] signer, address token, uint32 lockPeriod, uint64 salt) params',
  )
  for (const one of channelVectors().cases) {
    const encoded = encodeAbiParameters(shape, [
      BigInt(one.chainId),
      one.bank,
      {
        owner: [one.owner0, one.owner1],
        signer: [one.signer0, one.signer1],
        token: one.token,
        lockPeriod: Number(one.lockPeriod),
        salt: BigInt(one.salt),
      },
    ])
    expect(keccak256(encoded)).toBe(one.channelId)
  }
})

test('EN-30: content hashes are those of abi.encode', () => {
  const shape = parseAbiParameters('uint128, uint128, uint64, bytes32, bytes32')
  for (const one of digestVectors().contents) {
    const values = [BigInt(one.sent), BigInt(one.locked), BigInt(one.lockedUntil)] as const
    expect(keccak256(encodeAbiParameters(shape, [...values, one.locksRoot, one.memoRoot]))).toBe(
      one.contentHash,
    )
  }
})

function typesOf(text: string): Record<string, { name: string; type: string }[]> {
  const [name = '', rest = ''] = text.slice(0, -1).split('(')
  const fields = rest.split(',').map((field) => {
    const [type = '', label = ''] = field.split(' ')
    return { name: label, type }
  })
  return { [name]: fields }
}

test('EN-62 to EN-65: digests are EIP-712 digests, and the signatures recover', async () => {
  const vectors = digestVectors()
  for (const { type, fields, digest, signature } of vectors.messages) {
    const verifyingContract = type.startsWith('Condition') ? vectors.registry : vectors.bank
    const domain = { name: 'Tallystick', version: '1', chainId: BigInt(vectors.chainId), verifyingContract }
    const types = typesOf(TYPE_STRINGS[type])
    expect(hashTypedData({ domain, types, primaryType: type, message: fields })).toBe(digest)
    const plain = compactSignatureToSignature(parseCompactSignature(signature))
    const address = await recoverAddress({ hash: digest, signature: plain })
    expect(address.toLowerCase()).toBe(vectors.signer)
  }
})

test('EN-63, EN-64: type hashes are those of the type strings', () => {
  for (const { text, hash } of digestVectors().types) expect(keccak256(toBytes(text))).toBe(hash)
})

test('EN-40 to EN-43: leaves, paths and roots of the lock tree', () => {
  const vectors = lockVectors()
  expect(keccak256(toBytes('Lock(uint16 slot,uint128 amount,bytes32 condition,uint64 expiry)'))).toBe(
    vectors.typeHash,
  )
  const shape = parseAbiParameters('bytes32, uint16, uint128, bytes32, uint64')
  const zero: Hex = `0x${'00'.repeat(32)}`
  const node = (left: Hex, right: Hex): Hex =>
    left === zero && right === zero ? zero : keccak256(`${left}${right.slice(2)}` as Hex)
  for (const tree of vectors.trees) {
    if (tree.locks.length === 0) expect(tree.root).toBe(zero)
    for (const lock of tree.locks) {
      const slot = Number(lock.slot)
      const fields = [
        vectors.typeHash,
        slot,
        BigInt(lock.amount),
        lock.condition,
        BigInt(lock.expiry),
      ] as const
      expect(keccak256(encodeAbiParameters(shape, fields))).toBe(lock.leaf)
      expect(lock.path).toHaveLength(9)
      const root = lock.path.reduce(
        (at: Hex, sibling, height) => ((slot >> height) & 1 ? node(sibling, at) : node(at, sibling)),
        lock.leaf,
      )
      expect(root).toBe(tree.root)
    }
  }
})

test('EN-21: condition ids are those of abi.encode', () => {
  const vectors = conditionVectors()
  const idOf = (kind: number, data: Hex) =>
    keccak256(
      encodeAbiParameters(parseAbiParameters('uint8, uint256, address, bytes32'), [
        kind,
        BigInt(vectors.chainId),
        vectors.registry,
        keccak256(data),
      ]),
    )
  for (const { sha256, conditionId } of vectors.hash)
    expect(idOf(1, encodeAbiParameters(parseAbiParameters('bytes32'), [sha256]))).toBe(conditionId)
  for (const { keys, termsHash, conditionId } of vectors.signed)
    expect(idOf(2, encodeAbiParameters(parseAbiParameters('address[], bytes32'), [keys, termsHash]))).toBe(
      conditionId,
    )
  for (const { target, callData, conditionId } of vectors.contract)
    expect(idOf(3, encodeAbiParameters(parseAbiParameters('address, bytes'), [target, callData]))).toBe(
      conditionId,
    )
})
