/**
 * The stored form of a channel's state: one version byte, then fixed fields in this order, big-endian. It is a format of
 * its own, not the machine's types: the machine may change freely, a stored version is read for ever. Strict: anything
 * that this version does not write is refused by name.
 *
 * The locks of a live line are stored as what changed from its base line, so that a long pipeline stays small. `link` is
 * not stored: a connection does not outlive the process.
 */

import { domainOf } from '../encoding/domain.ts'
import {
  fail,
  type Reader,
  readBytes,
  readEnd,
  reader,
  readFlag,
  readU8,
  readU32,
  readU64,
  readU128,
  type Writer,
  writeBytes,
  writer,
  writeU8,
  writeU32,
  writeU64,
  writeU128,
  written,
} from '../encoding/reader.ts'
import type { Party } from '../encoding/signable.ts'
import { NO_LOCKS } from '../locks/tree.ts'
import type { Crypto } from '../ports/crypto.ts'
import { channelIdOf, checkParams } from './params.ts'
import type {
  ChainView,
  ChannelSetup,
  ChannelState,
  ClosingMark,
  PendingTogether,
  PendingWithdrawal,
} from './state.ts'
import { readOptional, readSignature, writeFlag, writeOptional } from './stored-fields.ts'
import {
  readInLine,
  readLive,
  readOutLine,
  readReceiver,
  readSender,
  writeInLine,
  writeLive,
  writeOutLine,
  writeReceiver,
  writeSender,
} from './stored-lines.ts'
import { NO_LINK } from './sync.ts'

/** Written first in every stored state. */
export const STATE_VERSION = 2

/** Why stored bytes are not a state of this version. The channel must not be used: this is lost or foreign data. */
export interface StoredFault {
  readonly field: string
  readonly detail: string
}

export function encodeState(state: ChannelState): Uint8Array {
  const to = writer(1024)
  writeU8(to, STATE_VERSION)
  writeSetup(to, state.setup)
  writeView(to, state.chain)
  for (const pending of state.withdrawals) writeOptional(to, pending, writeWithdrawal)
  writeOptional(to, state.together, writeTogether)
  writeFlag(to, state.lost)
  writeSender(to, state.out)
  writeReceiver(to, state.in)
  writeOptional(to, state.closing, writeMark)
  return written(to)
}

/** The state, with no connection. `crypto` recomputes what is derived: ids, separators, roots and hashes. */
export function decodeState(crypto: Crypto, bytes: Uint8Array): ChannelState | StoredFault {
  const from = reader(bytes)
  const version = readU8(from, 'version')
  if (version !== STATE_VERSION)
    return { field: 'version', detail: `${version}, this program reads ${STATE_VERSION}` }
  const setup = readSetup(from, crypto)
  const state: ChannelState = {
    setup,
    chain: readView(from),
    withdrawals: [readOptional(from, readWithdrawal), readOptional(from, readWithdrawal)],
    together: readOptional(from, readTogether),
    lost: readFlag(from, 'lost'),
    out: readSender(from, crypto),
    in: readReceiver(from, crypto),
    closing: readOptional(from, (at) => readMark(at, crypto)),
    link: NO_LINK,
  }
  readEnd(from, 'state')
  return from.fault ?? state
}

function writeSetup(to: Writer, setup: ChannelSetup): void {
  const { params, domain, registry } = setup
  writeU8(to, setup.party)
  writeU64(to, Number(domain.chainId))
  writeBytes(to, domain.verifyingContract)
  writeBytes(to, registry.verifyingContract)
  for (const address of [...params.owner, ...params.signer, params.token]) writeBytes(to, address)
  writeU32(to, params.lockPeriod)
  writeU128(to, params.salt)
}

function readSetup(from: Reader, crypto: Crypto): ChannelSetup {
  const party: Party = readFlag(from, 'party') ? 1 : 0
  const chainId = BigInt(readU64(from, 'chainId'))
  const address = (field: string) => {
    const bytes = readBytes(from, 20, field)
    return bytes.length === 20 ? bytes.slice() : new Uint8Array(20)
  }
  const domain = domainOf(crypto, chainId, address('bank'))
  const registry = domainOf(crypto, chainId, address('registry'))
  const params = {
    owner: [address('owner[0]'), address('owner[1]')],
    signer: [address('signer[0]'), address('signer[1]')],
    token: address('token'),
    lockPeriod: readU32(from, 'lockPeriod'),
    salt: readU128(from, 'salt'),
  } as const
  const wrong = checkParams(params)
  if (wrong !== undefined) fail(from, wrong.field, wrong.code)
  const channelId = channelIdOf(crypto, chainId, domain.verifyingContract, {
    ...params,
    salt: BigInt.asUintN(64, params.salt),
  })
  return { params, channelId, party, domain, registry }
}

const STATUSES = ['none', 'open', 'closing', 'settled', 'closed'] as const

function writeView(to: Writer, view: ChainView): void {
  writeU8(to, STATUSES.indexOf(view.status))
  writeU64(to, view.timeSeconds)
  for (const amount of [...view.deposits, ...view.withdrawn]) writeU128(to, amount)
}

function readView(from: Reader): ChainView {
  const status = STATUSES[readU8(from, 'chain.status')]
  if (status === undefined) fail(from, 'chain.status', 'unknown')
  return {
    status: status ?? 'none',
    timeSeconds: readU64(from, 'chain.timeSeconds'),
    deposits: [readU128(from, 'chain.deposits[0]'), readU128(from, 'chain.deposits[1]')],
    withdrawn: [readU128(from, 'chain.withdrawn[0]'), readU128(from, 'chain.withdrawn[1]')],
  }
}

function writeWithdrawal(to: Writer, pending: PendingWithdrawal): void {
  writeU128(to, pending.total)
  writeU64(to, pending.validUntil)
  for (const signature of pending.signatures) writeOptional(to, signature, writeBytes)
}

function readWithdrawal(from: Reader): PendingWithdrawal {
  return {
    total: readU128(from, 'withdrawal.total'),
    validUntil: readU64(from, 'withdrawal.validUntil'),
    signatures: [readOptional(from, readSignature), readOptional(from, readSignature)],
  }
}

function writeTogether(to: Writer, pending: PendingTogether): void {
  writeFlag(to, pending.delta < 0n)
  writeU128(to, pending.delta < 0n ? -pending.delta : pending.delta)
  writeU64(to, pending.validUntil)
  writeU64(to, pending.holdUntil)
  writeFlag(to, pending.offeredByUs)
  for (const signature of pending.signatures) writeOptional(to, signature, writeBytes)
}

function readTogether(from: Reader): PendingTogether {
  const negative = readFlag(from, 'together.delta')
  const size = readU128(from, 'together.delta')
  return {
    delta: negative ? -size : size,
    validUntil: readU64(from, 'together.validUntil'),
    holdUntil: readU64(from, 'together.holdUntil'),
    offeredByUs: readFlag(from, 'together.offeredByUs'),
    signatures: [readOptional(from, readSignature), readOptional(from, readSignature)],
  }
}

function writeMark(to: Writer, mark: ClosingMark): void {
  writeFlag(to, mark.by === 'peer')
  writeFlag(to, mark.blind)
  writeOutLine(to, mark.out, NO_LOCKS)
  writeOptional(to, mark.outAck, writeBytes)
  writeLive(to, mark.out, mark.live)
  writeInLine(to, mark.in, NO_LOCKS)
}

function readMark(from: Reader, crypto: Crypto): ClosingMark {
  const by = readFlag(from, 'closing.by') ? 'peer' : 'us'
  const blind = readFlag(from, 'closing.blind')
  const out = readOutLine(from, crypto, 'closing.out', new Map())
  return {
    by,
    blind,
    out,
    outAck: readOptional(from, readSignature),
    live: readLive(from, crypto, 'closing.live', out),
    in: readInLine(from, crypto, 'closing.in', NO_LOCKS),
  }
}
