/**
 * Why a contract refuses a call: its custom error, decoded, with the field it concerns and what to do. One table for every
 * error of the bank and the registry; `test/contract-errors.test.ts` fails when one is missing.
 */

import { ChainError, type ChainErrorConsequence } from '@tallystick/protocol'
import { decodeErrorResult, type Hex } from 'viem'
import { errorAbi } from './abi.ts'
import type { RpcFault } from './rpc-errors.ts'
import { isBytes } from './rpc-shapes.ts'

type Entry = readonly [field: string, consequence: ChainErrorConsequence, remedy: string]

const NEWEST_RECORD = 'Read the record of the channel again and send the call with the newest one.'

/** A field in braces is taken from the error's own arguments. */
const TABLE: Record<string, Entry> = {
  PartyOutOfRange: ['party', 'fix', 'Give 0 or 1.'],
  DirectionOutOfRange: ['direction', 'fix', 'Give 0 (party 0 pays party 1) or 1.'],
  ZeroAmount: ['amount', 'fix', 'Give an amount above zero.'],
  ZeroAddress: ['{field}', 'fix', 'Give an address that is not zero.'],
  EqualSigners: ['params.signer', 'fix', 'Give each party a signer of its own.'],
  LockPeriodOutOfRange: ['params.lockPeriod', 'fix', 'Give a lock period within the bounds of the bank.'],
  MustBeZero: ['{field}', 'fix', 'Leave the field zero: there is no line, or nothing to open, here.'],
  WrongStatus: [
    'channel',
    'final',
    'Read the status of the channel: this call is not possible in it (any more).',
  ],
  WrongRecord: ['record', 'retry', NEWEST_RECORD],
  PeriodOver: ['closing.endsAt', 'final', 'The period has ended: call settle.'],
  PeriodRunning: ['closing.endsAt', 'retry', 'Wait until the end of the period.'],
  ClaimWindowOpen: ['settlement.releaseAfter', 'retry', 'Wait until the claim window has passed.'],
  SenderIsNotOwner: ['account', 'fix', 'Send it from the account that owns this side of the channel.'],
  SenderIsNotParty: [
    'account',
    'fix',
    'Send it as the owner or the signer, or use closeFor with a signature.',
  ],
  Expired: ['{field}', 'fix', 'Ask the signers for a new signature with a later validUntil.'],
  WrongSignature: [
    '{field}',
    'fix',
    'The signature is not by the expected signer over exactly this: get another.',
  ],
  AuthorisationRefused: ['authorisation', 'fix', 'Ask the other owner to authorise exactly this funding.'],
  AuthorisationUsed: ['authorisation', 'final', 'This joint funding was made already.'],
  DelegateIsPayer: [
    'update.delegation.key',
    'fix',
    'The payer cannot acknowledge its own lines: use another key.',
  ],
  OnlySelf: ['sender', 'final', 'Only the bank itself calls this.'],
  DepositTooLarge: ['amount', 'fix', 'Fund less: both deposits together stay below 2^126 base units.'],
  WrongNativeValue: ['value', 'fix', 'Send exactly the amount for the native coin, and nothing for a token.'],
  JointFundingNeedsToken: ['params.token', 'fix', 'With the native coin each owner calls fund.'],
  NotAToken: ['params.token', 'fix', 'Give the address of an ERC-20 token on this chain.'],
  TransferFromFailed: [
    'amount',
    'fix',
    'Check that each owner has the tokens and has approved the bank for them.',
  ],
  WrongAmountReceived: ['params.token', 'final', 'Tokens that take a fee on transfer are not supported.'],
  WithdrawalNotAbove: [
    'total',
    'final',
    'This total was withdrawn already: withdraw a higher cumulative total.',
  ],
  MoreThanHeld: ['total', 'fix', 'Withdraw no more than the channel holds.'],
  DeltaOutOfRange: ['delta', 'fix', 'Agree on a split that both get zero or more of.'],
  GasTooLow: ['gas', 'retry', 'Send it again with a higher gas limit.'],
  NothingClaimable: ['token', 'final', 'There is no claimable balance of this account in this token.'],
  PayoutRefused: ['to', 'fix', 'Take it to an address that can receive this token.'],
  WrongContent: ['{field}', 'fix', 'Give the content of exactly the final line.'],
  NonceNotAbove: ['update.line.nonce', 'final', 'A line at least as new was shown already.'],
  NoContradiction: [
    'evidence',
    'final',
    'This evidence does not contradict the statement: there is nothing to punish.',
  ],
  BlindCloseCannotBeChallenged: ['evidence', 'final', 'Show newer lines with update instead.'],
  NothingLocked: ['direction', 'final', 'Nothing is locked in this direction (any more).'],
  WrongNumberOfPaths: ['locks', 'fix', 'Give at least one lock, and one path for each.'],
  SlotOutOfRange: ['locks.slot', 'fix', 'Slots are 0 to 511.'],
  SlotClaimed: ['locks.slot', 'fix', 'Leave out the locks that were claimed already.'],
  LockNotInTree: ['locks', 'fix', 'Check lock, path and direction against the final line.'],
  NotMetInTime: ['locks.condition', 'fix', 'Leave out the locks whose condition was not met in time.'],
  WrongNumberOfKeys: ['keys', 'fix', 'Give 1 to 32 keys.'],
  WrongNumberOfApprovals: ['approvals', 'fix', 'Give one approval for each key, in their order.'],
  KeysNotAscending: ['keys', 'fix', 'Sort the keys ascending; none twice, none zero.'],
  WrongApproval: ['approvals', 'fix', 'Every key must have signed exactly this condition.'],
  PathRefused: ['approvals.path', 'fix', 'Give the path and the index of the leaf in the signed batch.'],
  NotMet: ['target', 'retry', 'Ask again once the condition contract says it is met.'],
  UnknownKind: ['resolutions.kind', 'fix', 'Kinds are hash, signed and contract.'],
  ResolutionRefused: ['resolutions', 'fix', 'Leave out or correct the resolution that is named.'],
  ReentrancyGuardReentrantCall: ['sender', 'final', 'The bank cannot be called from within its own call.'],
  ERC20InsufficientBalance: ['amount', 'fix', 'Get more of the token first.'],
  ERC20InsufficientAllowance: ['allowance', 'fix', 'Approve the bank for the amount first.'],
  ERC20InvalidReceiver: ['to', 'fix', 'Give an address that the token accepts.'],
}

/** Whether the contract itself refused (rather than the endpoint). */
export function isRevert(fault: RpcFault): boolean {
  return fault.code === 3 || revertData(fault) !== undefined || /revert/i.test(fault.message)
}

/** `refused_by_contract`, from the answer to a call that reverted in simulation. */
export function revertError(what: string, fault: RpcFault): ChainError {
  const contractError = decodeRevert(revertData(fault))
  if (contractError === undefined) {
    return new ChainError('refused_by_contract', `${what} is refused: ${fault.message}`, {
      field: 'call',
      remedy: 'The contract gave no reason that is known here: check token, channel and amounts.',
      consequence: 'fix',
    })
  }
  const [field, consequence, remedy] = TABLE[contractError.name] ?? UNKNOWN
  return new ChainError('refused_by_contract', `${what} is refused: ${describe(contractError)}`, {
    field: field === '{field}' ? fieldArgument(contractError.args) : field,
    remedy,
    consequence,
    contractError,
  })
}

/** Names of the errors that have an entry. */
export function knownContractErrors(): readonly string[] {
  return Object.keys(TABLE)
}

const UNKNOWN: Entry = ['call', 'fix', 'Check the call against the reason that the contract gave.']

interface ContractError {
  readonly name: string
  readonly args: readonly unknown[]
}

function decodeRevert(data: Hex | undefined): ContractError | undefined {
  if (data === undefined) return undefined
  try {
    const { errorName, args } = decodeErrorResult({ abi: errorAbi, data })
    const found = { name: errorName, args: (args ?? []).map(lowerCaseText) }
    // One of several resolutions failed: what matters is why.
    const inner = errorName === 'ResolutionRefused' ? found.args[1] : undefined
    return (isBytes(inner) && inner !== '0x' ? decodeRevert(inner) : undefined) ?? found
  } catch {
    return undefined
  }
}

/** Nodes put the revert data in `data`, or in an object there. */
function revertData({ data }: RpcFault): Hex | undefined {
  if (isBytes(data)) return data === '0x' ? undefined : data
  if (typeof data !== 'object' || data === null) return undefined
  const inner = (data as { data?: unknown }).data
  return isBytes(inner) && inner !== '0x' ? inner : undefined
}

function describe({ name, args }: ContractError): string {
  return `${name}(${args.map((value) => fieldName(value) ?? String(value)).join(', ')})`
}

/** A `bytes32` that holds a short text, as the contracts name fields. */
function fieldName(value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^0x(?:[2-7][0-9a-f])+(?:00)+$/.test(value) || value.length !== 66)
    return undefined
  const digits = value.slice(2).replace(/(?:00)+$/, '')
  return digits.replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)))
}

function fieldArgument(args: readonly unknown[]): string {
  return fieldName(args[0]) ?? 'call'
}

function lowerCaseText(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith('0x') ? value.toLowerCase() : value
}
