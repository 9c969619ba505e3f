/**
 * Builds the shared vectors from the core. `vectors.test.ts` compares them with the files (which Solidity reads too) and
 * with viem's independent encoder; `write.ts` rewrites the files after a deliberate change of the protocol.
 *
 * Numbers are decimal strings, bytes are `0x` hexadecimal, so that any JSON reader keeps them exactly.
 */

import {
  batchPath,
  batchRoot,
  type ChannelParams,
  type Content,
  channelIdOf,
  conditionIdOf,
  contentHash,
  digestOf,
  domainOf,
  encodeMessage,
  encodeOperations,
  LOCK_TYPE_HASH,
  type Lock,
  type LockTree,
  lockLeaf,
  lockPath,
  locksRoot,
  type Message,
  memoReceipt,
  memoRoot,
  NO_LOCKS,
  type Operation,
  type Signable,
  setLock,
  TYPE_HASHES,
  TYPE_STRINGS,
  toHex,
} from '../../src/index.ts'
import { crypto, signerOf } from '../crypto.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const word = (name: string) => crypto.keccak256(utf8(name))
const addressNamed = (name: string) => word(name).slice(0, 20)
const MAX128 = (1n << 128n) - 1n

const CHAIN_ID = 31337n
const BANK = addressNamed('bank')
const REGISTRY = addressNamed('registry')
const bankDomain = domainOf(crypto, CHAIN_ID, BANK)
const registryDomain = domainOf(crypto, CHAIN_ID, REGISTRY)
const alice = signerOf('alice')
const bob = signerOf('bob')

function paramsNamed(name: string, change: Partial<ChannelParams> = {}): ChannelParams {
  return {
    owner: [addressNamed(`${name} owner 0`), addressNamed(`${name} owner 1`)],
    signer: [alice.address, bob.address],
    token: addressNamed(`${name} token`),
    lockPeriod: 3600,
    salt: 7n,
    ...change,
  }
}

export function channelVectors() {
  const cases: [bigint, ChannelParams][] = [
    [CHAIN_ID, paramsNamed('first')],
    [1n, paramsNamed('native', { token: new Uint8Array(20), lockPeriod: 600, salt: 0n })],
    [(1n << 64n) + 5n, paramsNamed('edge', { lockPeriod: 7_776_000, salt: (1n << 64n) - 1n })],
  ]
  return {
    cases: cases.map(([chainId, params]) => ({
      chainId: String(chainId),
      bank: toHex(BANK),
      owner0: toHex(params.owner[0]),
      owner1: toHex(params.owner[1]),
      signer0: toHex(params.signer[0]),
      signer1: toHex(params.signer[1]),
      token: toHex(params.token),
      lockPeriod: String(params.lockPeriod),
      salt: String(params.salt),
      channelId: toHex(channelIdOf(crypto, chainId, BANK, params)),
    })),
  }
}

const CONTENTS: Content[] = [
  { sent: 1n, locked: 0n, lockedUntil: 0, locksRoot: new Uint8Array(32), memoRoot: new Uint8Array(32) },
  {
    sent: 123_456_789_012_345_678_901n,
    locked: 5000n,
    lockedUntil: 1_900_000_000,
    locksRoot: word('locks'),
    memoRoot: word('memo'),
  },
  {
    sent: MAX128,
    locked: MAX128,
    lockedUntil: Number.MAX_SAFE_INTEGER,
    locksRoot: word('l'),
    memoRoot: word('m'),
  },
]

const channelId = channelIdOf(crypto, CHAIN_ID, BANK, paramsNamed('first'))

const SIGNABLES: Signable[] = [
  {
    type: 'BalanceProof',
    domain: bankDomain,
    channelId,
    direction: 0,
    nonce: 1,
    acked: 0,
    contentHash: word('c1'),
  },
  {
    type: 'BalanceProof',
    domain: bankDomain,
    channelId,
    direction: 1,
    nonce: Number.MAX_SAFE_INTEGER,
    acked: 2 ** 40 + 3,
    contentHash: word('c2'),
  },
  { type: 'Withdrawal', domain: bankDomain, channelId, party: 1, total: MAX128, validUntil: 1_900_000_000 },
  { type: 'CloseTogether', domain: bankDomain, channelId, delta: 77n, validUntil: 1_900_000_000 },
  { type: 'CloseTogether', domain: bankDomain, channelId, delta: -(1n << 126n) + 1n, validUntil: 0 },
  {
    type: 'CloseStatement',
    domain: bankDomain,
    channelId,
    party: 0,
    blind: false,
    outNonce: 9,
    outAcked: 7,
    outContentHash: word('out'),
    inNonce: 11,
    inAcked: 10,
    inContentHash: word('in'),
    validUntil: 1_900_000_000,
  },
  {
    type: 'CloseStatement',
    domain: bankDomain,
    channelId,
    party: 1,
    blind: true,
    outNonce: 0,
    outAcked: 0,
    outContentHash: new Uint8Array(32),
    inNonce: 0,
    inAcked: 0,
    inContentHash: new Uint8Array(32),
    validUntil: 1_900_000_001,
  },
  {
    type: 'JointFunding',
    domain: bankDomain,
    channelId,
    amounts: [10n ** 24n, 1n],
    sender: addressNamed('sender'),
    validUntil: 1_900_000_000,
  },
  {
    type: 'AckDelegate',
    domain: bankDomain,
    channelId,
    direction: 1,
    key: addressNamed('delegate'),
    validUntil: 1_900_000_000,
  },
  { type: 'Condition', domain: registryDomain, conditionId: word('condition') },
  { type: 'ConditionBatch', domain: registryDomain, root: word('root') },
]

function fieldsOf(message: Signable): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(message)) {
    if (name === 'type' || name === 'domain') continue
    if (name === 'amounts') {
      for (const party of [0, 1]) fields[`amount${party}`] = String(value[party])
    } else if (value instanceof Uint8Array) fields[name] = toHex(value)
    else fields[name] = typeof value === 'boolean' ? value : String(value)
  }
  return fields
}

export function digestVectors() {
  return {
    chainId: String(CHAIN_ID),
    bank: toHex(BANK),
    registry: toHex(REGISTRY),
    bankSeparator: toHex(bankDomain.separator),
    registrySeparator: toHex(registryDomain.separator),
    privateKey: toHex(alice.privateKey),
    signer: toHex(alice.address),
    types: Object.entries(TYPE_STRINGS).map(([name, text]) => ({
      name,
      text,
      hash: toHex(TYPE_HASHES[name as Signable['type']]),
    })),
    contents: CONTENTS.map((content) => ({
      sent: String(content.sent),
      locked: String(content.locked),
      lockedUntil: String(content.lockedUntil),
      locksRoot: toHex(content.locksRoot),
      memoRoot: toHex(content.memoRoot),
      contentHash: toHex(contentHash(crypto, content)),
    })),
    messages: SIGNABLES.map((message) => ({
      type: message.type,
      fields: fieldsOf(message),
      digest: toHex(digestOf(crypto, message)),
      signature: toHex(alice.sign(message)),
    })),
  }
}

function lockNamed(name: string, slot: number, change: Partial<Lock> = {}): Lock {
  return {
    slot,
    amount: BigInt(slot + 1) * 1000n,
    condition: word(name),
    expiry: 1_900_000_000,
    born: 1,
    ...change,
  }
}

const LOCK_SETS: Lock[][] = [
  [],
  [lockNamed('only', 0)],
  [lockNamed('last', 511, { amount: MAX128, expiry: Number.MAX_SAFE_INTEGER })],
  [lockNamed('a', 0), lockNamed('b', 1), lockNamed('c', 2), lockNamed('d', 256), lockNamed('e', 510)],
  Array.from({ length: 40 }, (_, i) => lockNamed(`many ${i}`, (i * 37) % 512)),
]

function treeOf(locks: readonly Lock[]): LockTree {
  return locks.reduce<LockTree>((tree, lock) => setLock(tree, lock), NO_LOCKS)
}

export function lockVectors() {
  return {
    typeHash: toHex(LOCK_TYPE_HASH),
    trees: LOCK_SETS.map((locks) => {
      const tree = treeOf(locks)
      return {
        root: toHex(locksRoot(crypto, tree)),
        locked: String(tree.amount),
        lockedUntil: String(tree.lockedUntil),
        locks: locks.map((lock) => ({
          slot: String(lock.slot),
          amount: String(lock.amount),
          condition: toHex(lock.condition),
          expiry: String(lock.expiry),
          leaf: toHex(lockLeaf(crypto, lock)),
          path: lockPath(crypto, tree, lock.slot).map(toHex),
        })),
      }
    }),
  }
}

export function conditionVectors() {
  const preimages = [word('preimage'), new Uint8Array(32)]
  const ids = Array.from({ length: 5 }, (_, i) => word(`batch ${i}`))
  return {
    chainId: String(CHAIN_ID),
    registry: toHex(REGISTRY),
    hash: preimages.map((preimage) => {
      const sha256 = crypto.sha256(preimage)
      const conditionId = conditionIdOf(crypto, registryDomain, { kind: 'hash', sha256 })
      return { preimage: toHex(preimage), sha256: toHex(sha256), conditionId: toHex(conditionId) }
    }),
    signed: [1, 2, 3, 32].map((count) => signedVector(count)),
    contract: [0, 1, 32, 68].map((length) => {
      const callData = new Uint8Array(length).fill(0xab)
      const target = addressNamed('target')
      const conditionId = conditionIdOf(crypto, registryDomain, { kind: 'contract', target, callData })
      return { target: toHex(target), callData: toHex(callData), conditionId: toHex(conditionId) }
    }),
    batches: [1, 2, 3, 5].map((count) => ({
      conditionIds: ids.slice(0, count).map(toHex),
      root: toHex(batchRoot(crypto, ids.slice(0, count))),
      paths: ids.slice(0, count).map((_, i) => batchPath(crypto, ids.slice(0, count), i).map(toHex)),
    })),
  }
}

/** A signed condition with the approval of each key over the id itself. */
function signedVector(count: number) {
  const signers = Array.from({ length: count }, (_, i) => signerOf(`key ${i}`)).sort((a, b) =>
    Buffer.compare(a.address, b.address),
  )
  const keys = signers.map(({ address }) => address)
  const termsHash = word(`terms ${count}`)
  const conditionId = conditionIdOf(crypto, registryDomain, { kind: 'signed', keys, termsHash })
  return {
    keys: keys.map(toHex),
    termsHash: toHex(termsHash),
    conditionId: toHex(conditionId),
    signatures: signers.map((signer) =>
      toHex(signer.sign({ type: 'Condition', domain: registryDomain, conditionId })),
    ),
  }
}

const OPERATIONS: readonly Operation[] = [
  { type: 'pay', amount: 1n, reference: word('reference') },
  { type: 'pay', amount: MAX128, reference: new Uint8Array(32) },
  {
    type: 'lock',
    slot: 511,
    amount: 12_345n,
    condition: word('condition'),
    expiry: 1_900_000_000,
    payload: utf8('an invoice'),
  },
  {
    type: 'lock',
    slot: 0,
    amount: 1n,
    condition: word('other'),
    expiry: Number.MAX_SAFE_INTEGER,
    payload: new Uint8Array(0),
  },
  { type: 'unlock', slot: 3, key: new Uint8Array([1, ...word('preimage')]) },
  { type: 'unlock', slot: 511, key: new Uint8Array(0) },
  { type: 'drop', slot: 4, reason: 65_535 },
  { type: 'drop', slot: 0, reason: 0 },
]

function encoded(operations: readonly Operation[]) {
  const result = encodeOperations(operations)
  if ('code' in result) throw new Error(`${result.code} ${result.field}`)
  return result
}

export function memoVectors() {
  const sizes = [0, 1, 2, 3, 4, 5, 8, 13]
  const pays = Array.from({ length: 13 }, (_, i): Operation => {
    return { type: 'pay', amount: BigInt(i + 1), reference: word(`pay ${i}`) }
  })
  const lines = [...sizes.map((size) => pays.slice(0, size)), [...OPERATIONS]]
  return {
    lines: lines.map((operations) => {
      const line = encoded(operations)
      return {
        operations: operations.map((operation) => toHex(encoded([operation]).bytes)),
        memoRoot: toHex(memoRoot(crypto, line)),
        paths: operations.map((_, i) => memoReceipt(crypto, line, i).path.map(toHex)),
      }
    }),
  }
}

const line = { nonce: 9, acked: 4, contentHash: word('content'), signature: word64('line') }
const cosigned = {
  channelId,
  party: 1,
  total: 12_345n,
  validUntil: 1_900_000_000,
  signature: word64('w'),
} as const
const signed = { channelId, delta: -5n, validUntil: 1_900_000_000, signature: word64('t') } as const
const joint = {
  channelId,
  amounts: [10n, MAX128],
  sender: addressNamed('sender'),
  validUntil: 1_900_000_000,
} as const

function word64(name: string): Uint8Array {
  return new Uint8Array([...word(`${name} r`), ...word(`${name} s`)])
}

/** One of each message. */
export const MESSAGES: readonly Message[] = [
  {
    type: 'hello',
    version: 1,
    chainId: CHAIN_ID,
    bank: BANK,
    registry: REGISTRY,
    signer: alice.address,
    owner: addressNamed('owner'),
    agent: 'tallystick/0.1.0',
    session: word('session').slice(0, 16),
  },
  { type: 'ping', id: 1 },
  { type: 'pong', id: Number.MAX_SAFE_INTEGER },
  { type: 'error', code: 'chain-differs', field: 'hello/bank', text: 'use the same bank' },
  { type: 'channel-proposal', params: paramsNamed('first'), party: 0, joint: [1n, 2n], deposit: 0n },
  { type: 'channel-accept', channelId },
  { type: 'joint-request', ...joint },
  { type: 'joint-consent', ...joint, authorisation: new Uint8Array(65).fill(7) },
  {
    type: 'sync',
    channelId,
    accepted: line,
    ackedNonce: 8,
    agreed: { nonce: 0, acked: 0, contentHash: new Uint8Array(32), signature: new Uint8Array(64) },
    lost: false,
  },
  {
    type: 'update',
    channelId,
    direction: 1,
    nonce: 12,
    base: 10,
    acked: 9,
    operationCount: OPERATIONS.length,
    operations: encoded(OPERATIONS).bytes.slice(),
    signature: word64('update'),
  },
  { type: 'ack', channelId, direction: 0, nonce: 12, signature: word64('ack') },
  {
    type: 'refusal',
    channelId,
    about: 'update',
    nonce: 12,
    lastAccepted: 10,
    code: 'insufficient',
    field: 'operations',
  },
  { type: 'withdrawal-request', ...cosigned },
  { type: 'withdrawal-consent', ...cosigned },
  { type: 'together-offer', ...signed },
  { type: 'together-consent', ...signed },
  { type: 'lock-key', channelId, slot: 511, born: 7, key: new Uint8Array([1, ...word('preimage')]) },
  { type: 'lock-fail', channelId, slot: 0, born: 7, reason: 65_535, data: new Uint8Array([1, 2, 3]) },
  { type: 'jointpay-terms', terms: word('terms') },
  {
    type: 'jointpay-signatures',
    conditionId: word('condition'),
    approvals: [
      { signer: 0, signature: word64('approval'), index: 0, path: [] },
      { signer: 31, signature: word64('approval'), index: 3, path: [word('left'), word('right')] },
    ],
  },
  { type: 'jointpay-abort', conditionId: word('condition'), signature: word64('abort') },
  { type: 'jointpay-receipt', conditionId: word('condition'), payee: 0, signature: word64('receipt') },
  { type: 'jointpay-refusal', conditionId: word('condition'), party: addressNamed('party'), code: 'policy' },
]

export function wireVectors() {
  return {
    messages: MESSAGES.map((message) => ({ type: message.type, frame: toHex(encodeMessage(message)) })),
    operations: OPERATIONS.map((operation) => ({
      type: operation.type,
      bytes: toHex(encoded([operation]).bytes),
    })),
  }
}
