/**
 * EIP-712 digests of every signable message (EN-62 to EN-64). The type hashes are constants, checked against their type
 * strings by `test/digests.test.ts` and against Solidity by `vectors/digests.json`.
 */

import type { Crypto } from '../ports/crypto.ts'
import { fromHex } from './bytes.ts'
import type { BalanceProof, Signable } from './signable.ts'
import { putAddress, putBig, putBytes32, putUint, putUint128, type Words, words } from './words.ts'

/** Type name to its EIP-712 `encodeType`. */
export const TYPE_STRINGS = {
  BalanceProof:
    'BalanceProof(bytes32 channelId,uint8 direction,uint64 nonce,uint64 acked,bytes32 contentHash)',
  Withdrawal: 'Withdrawal(bytes32 channelId,uint8 party,uint128 total,uint64 validUntil)',
  CloseTogether: 'CloseTogether(bytes32 channelId,int256 delta,uint64 validUntil)',
  CloseStatement:
    'CloseStatement(bytes32 channelId,uint8 party,bool blind,uint64 outNonce,uint64 outAcked,bytes32 outContentHash,uint64 inNonce,uint64 inAcked,bytes32 inContentHash,uint64 validUntil)',
  JointFunding:
    'JointFunding(bytes32 channelId,uint128 amount0,uint128 amount1,address sender,uint64 validUntil)',
  AckDelegate: 'AckDelegate(bytes32 channelId,uint8 direction,address key,uint64 validUntil)',
  Condition: 'Condition(bytes32 conditionId)',
  ConditionBatch: 'ConditionBatch(bytes32 root)',
  JointAbort: 'JointAbort(bytes32 conditionId)',
  JointReceipt: 'JointReceipt(bytes32 conditionId,bytes32 paymentReference)',
} as const

/** Type name to keccak256 of its type string. */
export const TYPE_HASHES: Readonly<Record<Signable['type'], Uint8Array>> = {
  BalanceProof: hash('0xd22a5bde272822491dd9252bc0eed38f87211a93def78e9698b71eedd5d02c4c'),
  Withdrawal: hash('0xbd28bb5ff3bf8fc691cd44718af405d759c52856b167f92477d1014bbc8a3387'),
  CloseTogether: hash('0x00174cfa2ba72f2bec2625bc710bf7d02d595558a06c9fb05101296c5571cc9f'),
  CloseStatement: hash('0x60428b2497e5af01e53471da6c96636daee6abd684e0a6b574fa7aac9dddb9f1'),
  JointFunding: hash('0x6ec63584785cf76aeb3d59a64e3b183a7d3da3ac8ca6f11b3c6f0978cffcc1e4'),
  AckDelegate: hash('0x7e151f04c218ccfb9f18db96a8ab980be654767604ca47619cfb3cfe14ec527b'),
  Condition: hash('0x216ac755995f1cce08b8ae8046b88957e159e4799322436d5136965cdf52c30d'),
  ConditionBatch: hash('0xe579312b6eb2e434eb9730ea61937d49883b6039fd3d3c5f5c6ef3d179a5f4a1'),
  JointAbort: hash('0xf045902ce1d37085a355273934907e0dd17c7b905f7354e2ffaacdd1fd078cb2'),
  JointReceipt: hash('0xf21a9beb2372d80ebdafea45989f9c4ceb8a3a41c9ce48022de5cd391ad3aa43'),
}

/** `keccak256(0x1901 ++ separator ++ hashStruct(message))`: what is signed and recovered. 32 bytes. */
export function digestOf(crypto: Crypto, message: Signable): Uint8Array {
  envelope.set(message.domain.separator, 2)
  envelope.set(hashStruct(crypto, message), 34)
  return crypto.keccak256(envelope)
}

/** Scratch memory: used and left within one call; the core is synchronous. */
const envelope = new Uint8Array(66)
envelope[0] = 0x19
envelope[1] = 0x01
const proofWords = words(6)

function hash(text: string): Uint8Array {
  const bytes = fromHex(text, 32)
  if (bytes === undefined) throw new RangeError(text)
  return bytes
}

function hashStruct(crypto: Crypto, message: Signable): Uint8Array {
  return crypto.keccak256(encodeStruct(message))
}

function encodeStruct(message: Signable): Uint8Array {
  switch (message.type) {
    case 'BalanceProof':
      return encodeBalanceProof(message)
    case 'Withdrawal': {
      const to = start(message, 5, message.channelId)
      putUint(to, 2, message.party)
      putUint128(to, 3, message.total)
      putUint(to, 4, message.validUntil)
      return to.bytes
    }
    case 'CloseTogether': {
      const to = start(message, 4, message.channelId)
      putBig(to, 2, message.delta)
      putUint(to, 3, message.validUntil)
      return to.bytes
    }
    case 'CloseStatement': {
      const to = start(message, 11, message.channelId)
      putUint(to, 2, message.party)
      putUint(to, 3, message.blind ? 1 : 0)
      putUint(to, 4, message.outNonce)
      putUint(to, 5, message.outAcked)
      putBytes32(to, 6, message.outContentHash)
      putUint(to, 7, message.inNonce)
      putUint(to, 8, message.inAcked)
      putBytes32(to, 9, message.inContentHash)
      putUint(to, 10, message.validUntil)
      return to.bytes
    }
    case 'JointFunding': {
      const to = start(message, 6, message.channelId)
      putUint128(to, 2, message.amounts[0])
      putUint128(to, 3, message.amounts[1])
      putAddress(to, 4, message.sender)
      putUint(to, 5, message.validUntil)
      return to.bytes
    }
    case 'AckDelegate': {
      const to = start(message, 5, message.channelId)
      putUint(to, 2, message.direction)
      putAddress(to, 3, message.key)
      putUint(to, 4, message.validUntil)
      return to.bytes
    }
    case 'Condition':
      return start(message, 2, message.conditionId).bytes
    case 'ConditionBatch':
      return start(message, 2, message.root).bytes
    case 'JointAbort':
      return start(message, 2, message.conditionId).bytes
    case 'JointReceipt': {
      const to = start(message, 3, message.conditionId)
      putBytes32(to, 2, message.paymentReference)
      return to.bytes
    }
  }
}

function encodeBalanceProof(message: BalanceProof): Uint8Array {
  proofWords.bytes.set(TYPE_HASHES.BalanceProof, 0)
  putBytes32(proofWords, 1, message.channelId)
  putUint(proofWords, 2, message.direction)
  putUint(proofWords, 3, message.nonce)
  putUint(proofWords, 4, message.acked)
  putBytes32(proofWords, 5, message.contentHash)
  return proofWords.bytes
}

function start(message: Signable, count: number, first: Uint8Array): Words {
  const to = words(count)
  putBytes32(to, 0, TYPE_HASHES[message.type])
  putBytes32(to, 1, first)
  return to
}
