/** vectors/joint.json against viem's independent encoder (JP-2 to JP-4, EN-64). */

import {
  compactSignatureToSignature,
  concatHex,
  encodeAbiParameters,
  encodePacked,
  hashTypedData,
  keccak256,
  parseAbiParameters,
  parseCompactSignature,
  recoverAddress,
  stringToHex,
} from 'viem'
import { expect, test } from 'vitest'
import {
  checkKey,
  checkTerms,
  decodeKey,
  decodeTerms,
  encodeTerms,
  fromHex,
  TYPE_STRINGS,
  toHex,
} from '../../src/index.ts'
import { crypto } from '../crypto.ts'
import { jointVectors } from '../vectors/joint.ts'
import { registry } from './world.ts'

type Hex = `0x${string}`
const vectors = jointVectors()
const bytes = (text: string) => fromHex(text) ?? new Uint8Array(0)

async function signerOf(digest: Hex, signature: Hex): Promise<string> {
  const plain = compactSignatureToSignature(parseCompactSignature(signature))
  return (await recoverAddress({ hash: digest, signature: plain })).toLowerCase()
}

test.each(vectors.cases)('terms of $conditionId', async (one) => {
  const hops = one.hops.map(({ channelId, direction, payer, payee, amount }) =>
    encodePacked(
      ['bytes32', 'uint8', 'address', 'address', 'uint128'],
      [channelId, Number(direction), payer, payee, BigInt(amount)],
    ),
  )
  const encoded = concatHex([
    encodePacked(['uint8', 'uint8'], [1, hops.length]),
    ...hops,
    encodePacked(['address', 'uint8'], [one.customer, one.payees.length]),
    ...one.payees,
    encodePacked(['bytes32', 'uint64', 'bytes32'], [one.reference, BigInt(one.expiry), one.salt]),
  ])
  expect(one.encoded).toBe(encoded)
  expect(one.termsHash).toBe(
    keccak256(concatHex([stringToHex('Tallystick joint payment terms, version 1\n'), encoded])),
  )
  const data = encodeAbiParameters(parseAbiParameters('address[], bytes32'), [one.keys, one.termsHash])
  const outer = parseAbiParameters('uint8, uint256, address, bytes32')
  const id = keccak256(
    encodeAbiParameters(outer, [2, BigInt(vectors.chainId), vectors.registry, keccak256(data)]),
  )
  expect(one.conditionId).toBe(id)
  expect(one.keys).toEqual([...new Set(one.hops.flatMap(({ payer, payee }) => [payer, payee]))].sort())

  const domain = {
    name: 'Tallystick',
    version: '1',
    chainId: BigInt(vectors.chainId),
    verifyingContract: vectors.registry,
  }
  const field = (name: string) => ({ name, type: 'bytes32' })
  const conditionId = one.conditionId
  const condition = hashTypedData({
    domain,
    types: { Condition: [field('conditionId')] },
    primaryType: 'Condition',
    message: { conditionId },
  })
  for (const [index, signature] of one.signatures.entries())
    expect(await signerOf(condition, signature)).toBe(one.keys[index])
  const abort = hashTypedData({
    domain,
    types: { JointAbort: [field('conditionId')] },
    primaryType: 'JointAbort',
    message: { conditionId },
  })
  expect(one.abort.digest).toBe(abort)
  expect(await signerOf(abort, one.abort.signature)).toBe(one.customer)
  const receipt = hashTypedData({
    domain,
    types: { JointReceipt: [field('conditionId'), field('paymentReference')] },
    primaryType: 'JointReceipt',
    message: { conditionId, paymentReference: one.reference },
  })
  expect(one.receipt.digest).toBe(receipt)
  for (const [index, signature] of one.receipt.signatures.entries())
    expect(await signerOf(receipt, signature)).toBe(one.payees[index])
})

test.each(vectors.cases)('$conditionId is decoded, checked and met by its key', (one) => {
  const terms = decodeTerms(bytes(one.encoded))
  if ('code' in terms) throw new Error(terms.field)
  expect(checkTerms(terms)).toBeUndefined()
  expect(toHex(encodeTerms(terms))).toBe(one.encoded)
  const key = decodeKey(bytes(one.key))
  if ('code' in key) throw new Error(key.field)
  expect(checkKey(crypto, registry, bytes(one.conditionId), key)).toBeUndefined()
})

test('the new types are spelled as the specification spells them', () => {
  expect(TYPE_STRINGS.JointAbort).toBe('JointAbort(bytes32 conditionId)')
  expect(TYPE_STRINGS.JointReceipt).toBe('JointReceipt(bytes32 conditionId,bytes32 paymentReference)')
})
