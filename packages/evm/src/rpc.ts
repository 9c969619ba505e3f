/**
 * Ethereum JSON-RPC over HTTP (viem's transport), with every answer checked before it is believed: an endpoint that is
 * down, slow, lagging or talking nonsense gives a typed `ChainError`, never a wrong value and never a crash.
 * Source: Ethereum execution API specification; EIP-234 (logs by block hash), EIP-1898 (state by block hash).
 */

import type { BlockRef } from '@tallystick/protocol'
import { type Hex, http, numberToHex } from 'viem'
import { faultError, garbage, type RpcFault, stoppedError, unavailable } from './rpc-errors.ts'
import { isAddress20, isBytes, isHash, quantity, shape } from './rpc-shapes.ts'

export interface Header extends BlockRef {
  readonly parentHash: Hex
  /** Wei; undefined on chains without EIP-1559. */
  readonly baseFeePerGas: bigint | undefined
  readonly gasLimit: bigint
}

export interface RawLog {
  readonly address: Hex
  readonly topics: readonly Hex[]
  readonly data: Hex
  readonly blockNumber: bigint
  readonly blockHash: Hex
  readonly transactionHash: Hex
  readonly logIndex: number
}

export interface Receipt {
  readonly transactionHash: Hex
  readonly blockNumber: bigint
  readonly blockHash: Hex
  readonly succeeded: boolean
  readonly contractAddress: Hex | undefined
  readonly gasUsed: bigint
  readonly effectiveGasPrice: bigint
  readonly logs: readonly RawLog[]
}

type Answer = { readonly result: unknown } | { readonly fault: RpcFault }

interface TransactionRequest {
  readonly from: Hex
  readonly to?: Hex
  readonly data: Hex
  readonly value: bigint
}

type BlockAt = 'latest' | 'finalized' | 'safe' | bigint | { readonly blockHash: Hex }

interface LogFilter {
  readonly address: readonly Hex[]
  readonly topics?: readonly (Hex | null)[]
  readonly blocks: { readonly blockHash: Hex } | { readonly from: bigint; readonly to: bigint }
}

export interface Rpc {
  readonly url: string
  /** @throws ChainError `rpc_unavailable`, `rpc_garbage`, `stopped`. */
  ask(method: string, params: readonly unknown[]): Promise<Answer>
  /** As `ask`, with a fault as a ChainError too. */
  get(method: string, params: readonly unknown[]): Promise<unknown>
  chainId(): Promise<bigint>
  /** Undefined when there is no such block (here, yet). */
  header(at: BlockAt): Promise<Header | undefined>
  head(): Promise<Header>
  logs(filter: LogFilter): Promise<readonly RawLog[]>
  receipt(transactionHash: Hex): Promise<Receipt | undefined>
  knowsTransaction(transactionHash: Hex): Promise<boolean>
  /** Whether the endpoint shows the transaction in a block, whatever it says of its receipt. */
  showsIncluded(transactionHash: Hex): Promise<boolean>
  call(request: TransactionRequest, at: BlockAt): Promise<Answer>
  estimateGas(request: TransactionRequest): Promise<Answer>
  /** Of the newest block: transactions that only wait are not counted. */
  transactionCount(account: Hex, at?: BlockAt): Promise<number>
  balance(account: Hex, at: BlockAt): Promise<bigint>
  code(address: Hex, at: BlockAt): Promise<Hex>
  maxPriorityFeePerGas(): Promise<bigint>
  send(raw: Hex): Promise<Answer>
}

export interface RpcOptions {
  readonly url: string
  readonly timeoutMs: number
  /** Ends every request in flight with `stopped`. */
  readonly signal: AbortSignal
}

/**
 * Aborts when the port stops or the request's time is up. Not `AbortSignal.any` with `AbortSignal.timeout`: they stay in memory
 * until the time is up, long after the answer, and a node asks many times a second.
 */
function limitOf({ signal: stopped, timeoutMs }: RpcOptions) {
  const ended = new AbortController()
  const end = () => ended.abort()
  const timer = setTimeout(end, timeoutMs)
  stopped.addEventListener('abort', end, { once: true })
  if (stopped.aborted) end()
  return {
    signal: ended.signal,
    lift() {
      clearTimeout(timer)
      stopped.removeEventListener('abort', end)
    },
  }
}

export function createRpc(options: RpcOptions): Rpc {
  const { request } = http(options.url, { retryCount: 0, timeout: options.timeoutMs, raw: true })({})

  const ask = async (method: string, params: readonly unknown[]): Promise<Answer> => {
    // viem's own timeout ends with the headers; a body that trickles for ever must end too.
    const limit = limitOf(options)
    let answer: unknown
    try {
      answer = await request({ method, params } as never, { signal: limit.signal })
    } catch (cause) {
      if (options.signal.aborted) throw stoppedError()
      throw unavailable(options.url, method, cause)
    } finally {
      limit.lift()
    }
    const { result, error } = answer as { result?: unknown; error?: unknown }
    if (error !== undefined && error !== null) return { fault: fault(error) }
    if (result === undefined) throw garbage(method, 'neither result nor error')
    return { result }
  }

  const get = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    const answer = await ask(method, params)
    if ('fault' in answer) throw faultError(method, answer.fault)
    return answer.result
  }

  const number = async (method: string, params: readonly unknown[]) =>
    quantity(method, await get(method, params))

  const header = async (at: BlockAt): Promise<Header | undefined> => {
    const byHash = typeof at === 'object'
    const method = byHash ? 'eth_getBlockByHash' : 'eth_getBlockByNumber'
    const result = await get(method, [byHash ? at.blockHash : blockParameter(at), false])
    if (result === null) return undefined
    const found = parseHeader(method, result)
    if (typeof at === 'bigint' && found.number !== at)
      throw garbage(method, `block ${found.number} instead of ${at}`)
    if (byHash && found.hash !== at.blockHash)
      throw garbage(method, `block ${found.hash} instead of ${at.blockHash}`)
    return found
  }

  return {
    url: options.url,
    ask,
    get,
    chainId: () => number('eth_chainId', []),
    header,
    head: async () => {
      const head = await header('latest')
      if (head === undefined) throw garbage('eth_getBlockByNumber', 'no newest block')
      return head
    },
    logs: async (filter) => parseLogs(await get('eth_getLogs', [logParameter(filter)]), filter),
    receipt: async (hash) => {
      const result = await get('eth_getTransactionReceipt', [hash])
      if (result === null) return undefined
      const receipt = parseReceipt(result)
      if (receipt.transactionHash !== hash) throw garbage('eth_getTransactionReceipt', 'another transaction')
      return receipt
    },
    knowsTransaction: async (hash) => (await get('eth_getTransactionByHash', [hash])) !== null,
    showsIncluded: async (hash) => {
      const found = await get('eth_getTransactionByHash', [hash])
      return found !== null && isHash(shape('eth_getTransactionByHash', found).blockHash)
    },
    call: (request_, at) => ask('eth_call', [callParameter(request_), blockParameter(at)]),
    estimateGas: (request_) => ask('eth_estimateGas', [callParameter(request_), 'latest']),
    transactionCount: async (account, at = 'latest') => {
      return Number(await number('eth_getTransactionCount', [account, blockParameter(at)]))
    },
    balance: (account, at) => number('eth_getBalance', [account, blockParameter(at)]),
    code: async (address, at) => {
      const result = await get('eth_getCode', [address, blockParameter(at)])
      if (!isBytes(result)) throw garbage('eth_getCode', 'not a byte string')
      return result
    },
    maxPriorityFeePerGas: () => number('eth_maxPriorityFeePerGas', []),
    send: (raw) => ask('eth_sendRawTransaction', [raw]),
  }
}

function fault(error: unknown): RpcFault {
  const { code, message, data } = error as { code?: unknown; message?: unknown; data?: unknown }
  return {
    code: typeof code === 'number' ? code : 0,
    message: typeof message === 'string' ? message.slice(0, 1000) : 'no message',
    data,
  }
}

function blockParameter(at: BlockAt): unknown {
  if (typeof at === 'bigint') return numberToHex(at)
  return typeof at === 'object' ? { blockHash: at.blockHash, requireCanonical: true } : at
}

function callParameter(request: TransactionRequest): Record<string, Hex> {
  return {
    from: request.from,
    ...(request.to === undefined ? {} : { to: request.to }),
    data: request.data,
    value: numberToHex(request.value),
  }
}

function logParameter({ address, topics, blocks }: LogFilter): Record<string, unknown> {
  const range =
    'blockHash' in blocks
      ? { blockHash: blocks.blockHash }
      : { fromBlock: numberToHex(blocks.from), toBlock: numberToHex(blocks.to) }
  return { address, ...(topics === undefined ? {} : { topics }), ...range }
}

function parseHeader(method: string, value: unknown): Header {
  const block = shape(method, value)
  const { hash, parentHash } = block
  if (!isHash(hash) || !isHash(parentHash)) throw garbage(method, 'a block without hashes')
  return {
    number: quantity(method, block.number),
    hash,
    parentHash,
    timestampSeconds: quantity(method, block.timestamp),
    gasLimit: quantity(method, block.gasLimit),
    baseFeePerGas: block.baseFeePerGas == null ? undefined : quantity(method, block.baseFeePerGas),
  }
}

function parseLogs(value: unknown, filter?: LogFilter): RawLog[] {
  const method = 'eth_getLogs'
  if (!Array.isArray(value)) throw garbage(method, 'not a list')
  const logs = value.map(parseLog)
  for (const [i, log] of logs.entries()) {
    const before = logs[i - 1]
    const inOrder =
      before === undefined ||
      before.blockNumber < log.blockNumber ||
      (before.blockNumber === log.blockNumber && before.logIndex < log.logIndex)
    if (!inOrder) throw garbage(method, 'logs out of order')
    if (filter !== undefined && !belongs(log, filter)) throw garbage(method, 'a log that was not asked for')
  }
  return logs
}

function belongs(log: RawLog, { address, blocks }: LogFilter): boolean {
  if (!address.includes(log.address)) return false
  return 'blockHash' in blocks
    ? log.blockHash === blocks.blockHash
    : log.blockNumber >= blocks.from && log.blockNumber <= blocks.to
}

function parseLog(value: unknown): RawLog {
  const method = 'eth_getLogs'
  const log = shape(method, value)
  const { address, topics, data, blockHash, transactionHash } = log
  if (log.removed === true) throw garbage(method, 'a removed log')
  if (!isAddress20(address) || !isBytes(data) || !isHash(blockHash) || !isHash(transactionHash)) {
    throw garbage(method, 'a log with malformed fields')
  }
  if (!Array.isArray(topics) || topics.length > 4 || !topics.every(isHash))
    throw garbage(method, 'malformed topics')
  return {
    address: address.toLowerCase() as Hex,
    topics,
    data,
    blockHash,
    transactionHash,
    blockNumber: quantity(method, log.blockNumber),
    logIndex: Number(quantity(method, log.logIndex)),
  }
}

function parseReceipt(value: unknown): Receipt {
  const method = 'eth_getTransactionReceipt'
  const receipt = shape(method, value)
  const { transactionHash, blockHash, contractAddress, status } = receipt
  if (!isHash(transactionHash) || !isHash(blockHash)) throw garbage(method, 'a receipt without hashes')
  if (status !== '0x1' && status !== '0x0') throw garbage(method, 'a receipt without status')
  return {
    transactionHash,
    blockHash,
    succeeded: status === '0x1',
    contractAddress: isAddress20(contractAddress) ? (contractAddress.toLowerCase() as Hex) : undefined,
    blockNumber: quantity(method, receipt.blockNumber),
    gasUsed: quantity(method, receipt.gasUsed),
    effectiveGasPrice: quantity(method, receipt.effectiveGasPrice),
    logs: parseLogs(receipt.logs),
  }
}
