/** The calls of the chain port as transactions: where to, which bytes, how much of the native coin. */

import type {
  ChainCall,
  ChainContent,
  ChainParams,
  ChainResolution,
  ChainStatement,
  ChainUpdate,
} from '@tallystick/protocol'
import { ChainError } from '@tallystick/protocol'
import { encodeAbiParameters, encodeFunctionData, type Hex, slice, zeroAddress, zeroHash } from 'viem'
import { bankAbi, registryAbi, tokenAbi } from './abi.ts'

export interface Contracts {
  readonly bank: Hex
  readonly registry: Hex
}

export interface EncodedCall {
  readonly to: Hex
  readonly data: Hex
  /** Wei. */
  readonly value: bigint
}

/** @throws ChainError `invalid_argument` when a field does not fit its Solidity type. */
export function encodeCall(contracts: Contracts, call: ChainCall): EncodedCall {
  try {
    return encode(contracts, call)
  } catch (cause) {
    if (cause instanceof ChainError) throw cause
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw invalid(`call.${call.kind}`, `${call.kind}: ${reason}`, 'Correct the value that is named.', cause)
  }
}

function encode(contracts: Contracts, call: ChainCall): EncodedCall {
  const bank = (data: Hex, value = 0n): EncodedCall => ({ to: contracts.bank, data, value })
  switch (call.kind) {
    case 'approve':
      return {
        to: call.token,
        data: encodeFunctionData({
          abi: tokenAbi,
          functionName: 'approve',
          args: [contracts.bank, call.amount],
        }),
        value: 0n,
      }
    case 'transfer':
      return encodeTransfer(call.token, call.to, call.amount)
    case 'resolve':
      return { to: contracts.registry, data: encodeResolutions(call.resolutions), value: 0n }
    case 'fund':
      return bank(encodeBankCall(call), call.params.token === zeroAddress ? call.amount : 0n)
    default:
      return bank(encodeBankCall(call))
  }
}

type BankCall = Exclude<ChainCall, { kind: 'approve' | 'transfer' | 'resolve' }>

function encodeBankCall(call: BankCall): Hex {
  const abi = bankAbi
  switch (call.kind) {
    case 'fund':
      return encodeFunctionData({
        abi,
        functionName: 'fund',
        args: [paramsArgument(call.params), call.party, call.amount],
      })
    case 'fundJointly': {
      const { params, party, amounts, validUntil, authorisation } = call
      const args = [paramsArgument(params), party, amounts, validUntil, authorisation] as const
      return encodeFunctionData({ abi, functionName: 'fundJointly', args })
    }
    case 'withdraw': {
      const { params, party, total, validUntil, signatures } = call
      const args = [paramsArgument(params), party, total, validUntil, bothSignatures(signatures)] as const
      return encodeFunctionData({ abi, functionName: 'withdraw', args })
    }
    case 'closeTogether': {
      const { params, delta, validUntil, signatures } = call
      const args = [paramsArgument(params), delta, validUntil, bothSignatures(signatures)] as const
      return encodeFunctionData({ abi, functionName: 'closeTogether', args })
    }
    case 'close':
    case 'closeFor':
    case 'closeBlind':
    case 'closeBlindFor':
      return encodeClose(call)
    case 'takeClaimable':
      return encodeFunctionData({ abi, functionName: 'takeClaimable', args: [call.token, call.to] })
    default:
      return encodeAfterClose(call)
  }
}

function encodeClose(
  call: Extract<BankCall, { kind: 'close' | 'closeFor' | 'closeBlind' | 'closeBlindFor' }>,
): Hex {
  const abi = bankAbi
  const params = paramsArgument(call.params)
  switch (call.kind) {
    case 'close':
      return encodeFunctionData({
        abi,
        functionName: 'close',
        args: [params, call.party, statementArgument(call.statement)],
      })
    case 'closeFor': {
      const { party, statement, validUntil, signature } = call
      const args = [
        params,
        party,
        statementArgument(statement),
        validUntil,
        signatureArgument(signature),
      ] as const
      return encodeFunctionData({ abi, functionName: 'closeFor', args })
    }
    case 'closeBlind':
      return encodeFunctionData({ abi, functionName: 'closeBlind', args: [params, call.party] })
    case 'closeBlindFor': {
      const args = [params, call.party, call.validUntil, signatureArgument(call.signature)] as const
      return encodeFunctionData({ abi, functionName: 'closeBlindFor', args })
    }
  }
}

function encodeAfterClose(
  call: Extract<BankCall, { kind: 'update' | 'challenge' | 'settle' | 'claimLocks' | 'releaseLocks' }>,
): Hex {
  const abi = bankAbi
  const params = paramsArgument(call.params)
  switch (call.kind) {
    case 'update':
      return encodeFunctionData({
        abi,
        functionName: 'update',
        args: [params, call.closing, updateArgument(call.update)],
      })
    case 'challenge': {
      const evidence = { ...call.evidence, signature: signatureArgument(call.evidence.signature) }
      return encodeFunctionData({ abi, functionName: 'challenge', args: [params, call.closing, evidence] })
    }
    case 'settle':
      return encodeFunctionData({ abi, functionName: 'settle', args: [params, call.closing, call.contents] })
    case 'claimLocks': {
      const locks = call.locks.map(({ slot, amount, condition, expiry }) => ({
        slot,
        amount,
        condition,
        expiry,
      }))
      const paths = call.locks.map(({ path }) => pathArgument(path))
      return encodeFunctionData({
        abi,
        functionName: 'claimLocks',
        args: [params, call.settlement, call.direction, locks, paths],
      })
    }
    case 'releaseLocks':
      return encodeFunctionData({
        abi,
        functionName: 'releaseLocks',
        args: [params, call.settlement, call.direction],
      })
  }
}

function encodeTransfer(token: Hex, to: Hex, amount: bigint): EncodedCall {
  if (token === zeroAddress) return { to, data: '0x', value: amount }
  return {
    to: token,
    data: encodeFunctionData({ abi: tokenAbi, functionName: 'transfer', args: [to, amount] }),
    value: 0n,
  }
}

/** One resolution by its own function (its errors are plainer), several by `resolveMany`. */
function encodeResolutions(resolutions: readonly ChainResolution[]): Hex {
  const abi = registryAbi
  const [first, ...rest] = resolutions
  if (first === undefined) {
    throw invalid('call.resolutions', 'resolve: nothing to resolve', 'Give at least one resolution.')
  }
  if (rest.length > 0) {
    return encodeFunctionData({
      abi,
      functionName: 'resolveMany',
      args: [resolutions.map(resolutionArgument)],
    })
  }
  switch (first.kind) {
    case 'hash':
      return encodeFunctionData({ abi, functionName: 'revealHash', args: [first.preimage] })
    case 'signed': {
      const args = [first.keys, first.termsHash, first.approvals.map(approvalArgument)] as const
      return encodeFunctionData({ abi, functionName: 'completeSigned', args })
    }
    case 'contract':
      return encodeFunctionData({ abi, functionName: 'meetContract', args: [first.target, first.callData] })
  }
}

/** The key of a resolution is the calldata of its own function without the selector. */
function resolutionArgument(resolution: ChainResolution): { kind: number; key: Hex } {
  const kinds = { hash: 1, signed: 2, contract: 3 } as const
  return { kind: kinds[resolution.kind], key: slice(encodeResolutions([resolution]), 4) }
}

function approvalArgument({
  signature,
  index,
  path,
}: {
  signature: Hex
  index: bigint
  path: readonly Hex[]
}) {
  return { signature: signatureArgument(signature), index, path }
}

const PARAMS_TYPE = [
  { type: 'uint256' },
  { type: 'address' },
  {
    type: 'tuple',
    components: [
      { name: 'owner', type: 'address[2]' },
      { name: 'signer', type: 'address[2]' },
      { name: 'token', type: 'address' },
      { name: 'lockPeriod', type: 'uint32' },
      { name: 'salt', type: 'uint64' },
    ],
  },
] as const

/** `abi.encode(chainId, bank, params)`, whose keccak256 is the channel id (EN-20). */
export function channelIdPreimage(chainId: bigint, bank: Hex, params: ChainParams): Hex {
  try {
    return encodeAbiParameters(PARAMS_TYPE, [chainId, bank, paramsArgument(params)])
  } catch (cause) {
    throw invalid('params', 'the channel parameters do not fit their types', 'Correct the parameters.', cause)
  }
}

function paramsArgument({ owner, signer, token, lockPeriod, salt }: ChainParams) {
  return { owner, signer, token, lockPeriod, salt }
}

function statementArgument(statement: ChainStatement) {
  return {
    ...statement,
    outAck: signatureArgument(statement.outAck),
    inPromise: signatureArgument(statement.inPromise),
  }
}

function updateArgument({ line, promise, ack, content, delegation }: ChainUpdate) {
  return {
    line,
    payerPromise: signatureArgument(promise),
    ack: signatureArgument(ack),
    content: content ?? NO_CONTENT,
    delegation:
      delegation === undefined
        ? { key: zeroAddress, validUntil: 0n, signature: { r: zeroHash, vs: zeroHash } }
        : { ...delegation, signature: signatureArgument(delegation.signature) },
  }
}

/** What a line with nonce 0, "no line", says (EN-31). */
export const NO_CONTENT: ChainContent = {
  sent: 0n,
  locked: 0n,
  lockedUntil: 0n,
  locksRoot: zeroHash,
  memoRoot: zeroHash,
}

/** `r ++ vs` (EIP-2098) as the struct; `0x` stands for "no signature", which a line with nonce 0 has. */
function signatureArgument(signature: Hex): { r: Hex; vs: Hex } {
  if (signature === '0x') return { r: zeroHash, vs: zeroHash }
  if (!/^0x[0-9a-fA-F]{128}$/.test(signature)) {
    throw invalid('signature', 'a signature is not 64 bytes', 'Give r ++ vs (EIP-2098), 0x and 128 digits.')
  }
  return { r: slice(signature, 0, 32), vs: slice(signature, 32, 64) }
}

function bothSignatures([a, b]: readonly [Hex, Hex]) {
  return [signatureArgument(a), signatureArgument(b)] as const
}

type Path = readonly [Hex, Hex, Hex, Hex, Hex, Hex, Hex, Hex, Hex]

function pathArgument(path: readonly Hex[]): Path {
  if (path.length !== 9)
    throw invalid('locks.path', 'a lock path is not nine words', 'Give nine siblings, leaf upwards.')
  return path as unknown as Path
}

function invalid(field: string, message: string, remedy: string, cause?: unknown): ChainError {
  return new ChainError('invalid_argument', message, { field, remedy, consequence: 'fix', cause })
}
