/** What the contracts and tokens answer at one block: every read names its block by hash (EIP-1898). */

import {
  type BlockRef,
  type ChainChannelStatus,
  ChainError,
  type ChannelReading,
  type ChannelRecord,
  type ReadAt,
  type TokenMetadata,
} from '@tallystick/protocol'
import {
  type Abi,
  decodeAbiParameters,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  hexToString,
  zeroAddress,
} from 'viem'
import { bankAbi, registryAbi, tokenAbi } from './abi.ts'
import { isRevert } from './contract-errors.ts'
import { type Finality, finalHeader } from './finality.ts'
import { type LogRange, readHistory } from './history.ts'
import {
  type ChannelHistory,
  closingCommitment,
  foldEvent,
  NO_HISTORY,
  settlementCommitment,
} from './records.ts'
import type { Rpc } from './rpc.ts'
import { faultError, garbage } from './rpc-errors.ts'
import { isBytes } from './rpc-shapes.ts'

export interface ReadOptions {
  readonly rpc: Rpc
  readonly chainId: bigint
  readonly bank: Hex
  readonly registry: Hex
  readonly finality: Finality
  readonly fromBlock: bigint
  readonly logRange: LogRange
  /** What final blocks say of channels whose record was asked for; made with `new Map()`. */
  readonly histories: Map<Hex, FinalHistory>
}

/** A channel's history up to a final block. */
interface FinalHistory {
  readonly block: BlockRef
  readonly history: ChannelHistory
}

export async function resolveBlock({ rpc, finality }: ReadOptions, at: ReadAt): Promise<BlockRef> {
  if (typeof at === 'object') return at
  const { number, hash, timestampSeconds } =
    at === 'head' ? await rpc.head() : await finalHeader(rpc, finality)
  return { number, hash, timestampSeconds }
}

const STATUSES: readonly ChainChannelStatus[] = ['none', 'open', 'closing', 'settled', 'closed']

export async function readChannel(options: ReadOptions, channelId: Hex, at: ReadAt): Promise<ChannelReading> {
  const block = await resolveBlock(options, at)
  const ask = (functionName: string) => readBank(options, functionName, [channelId], block)
  const [index, deposits, withdrawn, commitment] = await Promise.all([
    ask('statusOf'),
    ask('depositsOf'),
    ask('withdrawnOf'),
    ask('commitmentOf'),
  ])
  const status = STATUSES[Number(index)]
  if (status === undefined) throw garbage('eth_call', `status ${index}`)
  return {
    block,
    channelId,
    status,
    deposits: deposits as [bigint, bigint],
    withdrawn: withdrawn as [bigint, bigint],
    commitment: commitment as Hex,
  }
}

/** Folds the channel's events up to the block, and believes the result only when the bank's commitment agrees. */
export async function readRecord(
  options: ReadOptions,
  channelId: Hex,
  at: ReadAt,
): Promise<ChannelRecord | undefined> {
  const { block, status, commitment } = await readChannel(options, channelId, at)
  if (status !== 'closing' && status !== 'settled') return undefined
  const { params, state } = await readChannelHistory(options, channelId, block.number)
  if (params !== undefined && state.kind === 'closing' && closingCommitment(state.closing) === commitment) {
    return { kind: 'closing', block, params, closing: state.closing, contents: state.contents }
  }
  if (
    params !== undefined &&
    state.kind === 'settled' &&
    settlementCommitment(state.settlement) === commitment
  ) {
    return { kind: 'settled', block, params, settlement: state.settlement }
  }
  // What was told wrongly must not be remembered.
  options.histories.delete(channelId)
  throw new ChainError('state_unavailable', `the events of channel ${channelId} do not give its record`, {
    field: 'fromBlock',
    remedy:
      'Set fromBlock to the block the bank was deployed in or below, and use an endpoint that keeps all logs.',
    consequence: 'retry',
  })
}

/** History below the final block is read once. */
async function readChannelHistory(
  options: ReadOptions,
  channelId: Hex,
  upTo: bigint,
): Promise<ChannelHistory> {
  const known = await knownHistory(options, channelId)
  let from = known === undefined ? options.fromBlock : known.block.number + 1n
  let history = known?.history ?? NO_HISTORY
  const final = (await finalHeader(options.rpc, options.finality)).number
  while (from <= upTo) {
    const isBelowFinal = from <= final && final < upTo
    const chunk = await readHistory(options, from, isBelowFinal ? final : upTo, [null, channelId])
    for (const event of chunk.events) history = foldEvent(history, event)
    if (chunk.block.number <= final) options.histories.set(channelId, { block: chunk.block, history })
    from = chunk.block.number + 1n
  }
  return history
}

async function knownHistory(options: ReadOptions, channelId: Hex): Promise<FinalHistory | undefined> {
  const known = options.histories.get(channelId)
  if (known === undefined || (await options.rpc.header(known.block.number))?.hash === known.block.hash)
    return known
  options.histories.delete(channelId)
  return undefined
}

export async function readResolvedAt(options: ReadOptions, conditionId: Hex, at: ReadAt): Promise<bigint> {
  const block = await resolveBlock(options, at)
  return (await read(
    options.rpc,
    registryAbi,
    options.registry,
    'resolvedAt',
    [conditionId],
    block,
  )) as bigint
}

export async function readClaimable(
  options: ReadOptions,
  owner: Hex,
  token: Hex,
  at: ReadAt,
): Promise<bigint> {
  return (await readBank(options, 'claimable', [owner, token], await resolveBlock(options, at))) as bigint
}

export async function readBalance(options: ReadOptions, token: Hex, owner: Hex, at: ReadAt): Promise<bigint> {
  const block = await resolveBlock(options, at)
  if (token === zeroAddress) return options.rpc.balance(owner, { blockHash: block.hash })
  return (await readToken(options, token, 'balanceOf', [owner], block)) as bigint
}

export async function readAllowance(
  options: ReadOptions,
  token: Hex,
  owner: Hex,
  at: ReadAt,
): Promise<bigint> {
  const block = await resolveBlock(options, at)
  return (await readToken(options, token, 'allowance', [owner, options.bank], block)) as bigint
}

export async function readMetadata(options: ReadOptions, address: Hex): Promise<TokenMetadata> {
  if (address === zeroAddress) return { address, name: 'Native coin', symbol: 'ETH', decimals: 18 }
  const block = await resolveBlock(options, 'head')
  const [name, symbol, decimals] = await Promise.all([
    readText(options, address, 'name', block),
    readText(options, address, 'symbol', block),
    readToken(options, address, 'decimals', [], block),
  ])
  return { address, name, symbol, decimals: decimals as number }
}

/**
 * Chain id, code, and that bank and registry answer for this chain, these addresses and each other.
 * @throws ChainError `wrong_chain`, `wrong_contract`
 */
export async function verifyContracts(options: ReadOptions): Promise<void> {
  const { rpc, chainId, bank, registry } = options
  const found = await rpc.chainId()
  if (found !== chainId) {
    throw new ChainError(
      'wrong_chain',
      `the endpoint serves chain ${found}, the configuration says ${chainId}`,
      {
        field: 'rpcUrl',
        remedy: `Point rpcUrl at a node of chain ${chainId}, or correct chainId.`,
        consequence: 'fix',
      },
    )
  }
  const block = await resolveBlock(options, 'head')
  // One after the other: with both wrong, the bank is the one to put right first, every time.
  await verifyDomain(options, 'bank', bank, block)
  await verifyDomain(options, 'registry', registry, block)
  const asked = await readOurs(rpc, 'bank', bankAbi, bank, 'registry', block)
  if (String(asked).toLowerCase() !== registry) {
    throw wrongContract('registry', registry, `the bank asks the registry ${String(asked).toLowerCase()}`)
  }
}

/** The EIP-712 domain that the contract itself reports (EIP-5267) is ours. */
async function verifyDomain({ rpc, chainId }: ReadOptions, field: string, address: Hex, block: BlockRef) {
  if ((await rpc.code(address, { blockHash: block.hash })) === '0x') {
    throw wrongContract(field, address, 'there is no contract')
  }
  const abi = field === 'bank' ? bankAbi : registryAbi
  const domain = (await readOurs(rpc, field, abi, address, 'eip712Domain', block)) as readonly unknown[]
  const [, name, version, domainChainId, verifyingContract] = domain
  const same =
    name === 'Tallystick' &&
    version === '1' &&
    domainChainId === chainId &&
    String(verifyingContract).toLowerCase() === address
  if (!same) throw wrongContract(field, address, `it calls itself ${String(name)} ${String(version)}`)
}

async function readOurs(
  rpc: Rpc,
  field: string,
  abi: Abi,
  address: Hex,
  functionName: string,
  block: BlockRef,
) {
  try {
    return await read(rpc, abi, address, functionName, [], block)
  } catch (error) {
    if (error instanceof ChainError && error.code === 'wrong_contract') {
      throw wrongContract(field, address, `it does not answer ${functionName}`)
    }
    throw error
  }
}

function wrongContract(field: string, address: Hex, what: string): ChainError {
  return new ChainError('wrong_contract', `${field} ${address}: ${what}`, {
    field,
    remedy: `Set ${field} to the address of Tallystick's ${field} on this chain.`,
    consequence: 'fix',
  })
}

function readBank(options: ReadOptions, functionName: string, args: readonly unknown[], block: BlockRef) {
  return read(options.rpc, bankAbi, options.bank, functionName, args, block)
}

async function readToken(
  options: ReadOptions,
  token: Hex,
  functionName: string,
  args: readonly unknown[],
  block: BlockRef,
): Promise<unknown> {
  try {
    return await read(options.rpc, tokenAbi, token, functionName, args, block)
  } catch (error) {
    if (!(error instanceof ChainError) || error.code !== 'wrong_contract') throw error
    throw new ChainError('not_a_token', `${token} does not answer ${functionName}`, {
      field: 'token',
      remedy: 'Give the address of an ERC-20 token on this chain, or the zero address for the native coin.',
      consequence: 'fix',
      cause: error,
    })
  }
}

/** Some early tokens answer with a `bytes32`. What strangers wrote is shortened and stripped of control characters. */
async function readText(options: ReadOptions, token: Hex, functionName: 'name' | 'symbol', block: BlockRef) {
  const data = encodeFunctionData({ abi: tokenAbi, functionName })
  const answer = await options.rpc.call(
    { from: zeroAddress, to: token, data, value: 0n },
    { blockHash: block.hash },
  )
  if ('fault' in answer && !isRevert(answer.fault)) throw faultError('eth_call', answer.fault)
  const result = 'fault' in answer ? '0x' : (answer.result as Hex)
  return plainText(decodeText(result)) || token.slice(0, 10)
}

function decodeText(result: Hex): string {
  try {
    if (result.length === 66) return hexToString(result, { size: 32 })
    const [text] = decodeAbiParameters([{ type: 'string' }], result)
    return text
  } catch {
    return ''
  }
}

function plainText(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').slice(0, 64)
}

/** @throws ChainError `wrong_contract` when the address does not answer as the ABI says, `invalid_argument`. */
async function read(
  rpc: Rpc,
  abi: Abi,
  to: Hex,
  functionName: string,
  args: readonly unknown[],
  block: BlockRef,
): Promise<unknown> {
  const data = encodeQuestion(abi, functionName, args)
  const answer = await rpc.call({ from: zeroAddress, to, data, value: 0n }, { blockHash: block.hash })
  if ('fault' in answer) {
    if (isRevert(answer.fault)) throw wrongContract('address', to, `${functionName} reverts`)
    throw faultError('eth_call', answer.fault)
  }
  if (!isBytes(answer.result)) throw garbage('eth_call', 'not a byte string')
  try {
    return decodeFunctionResult({ abi, functionName, data: answer.result })
  } catch {
    throw wrongContract('address', to, `${functionName} answers something else`)
  }
}

function encodeQuestion(abi: Abi, functionName: string, args: readonly unknown[]): Hex {
  try {
    return encodeFunctionData({ abi, functionName, args })
  } catch (cause) {
    throw new ChainError('invalid_argument', `${functionName}(${args.join(', ')}) cannot be asked`, {
      field: functionName,
      remedy: 'Give ids as 32 bytes and addresses as 20 bytes, in 0x hexadecimal.',
      consequence: 'fix',
      cause,
    })
  }
}
