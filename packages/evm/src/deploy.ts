/** Puts the contracts on a chain: for development chains, and for operators of a new chain. */

import { ChainError } from '@tallystick/protocol'
import { type Abi, encodeDeployData, encodeFunctionData, type Hex, keccak256 } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { pause } from './connection.ts'
import { isRevert, revertError } from './contract-errors.ts'
import {
  conditionRegistryAbi,
  conditionRegistryBytecode,
  testTokenAbi,
  testTokenBytecode,
  virtualBankAbi,
  virtualBankBytecode,
} from './contracts.generated.ts'
import { DEFAULT_FEE_CAPS, marketFees } from './fees.ts'
import { createRpc, type Receipt, type Rpc } from './rpc.ts'
import { faultError } from './rpc-errors.ts'

export interface DeployOptions {
  readonly rpcUrl: string
  /** Pays for it, and has no power over the contracts afterwards. */
  readonly privateKey: Hex
  /** Default 100. */
  readonly pollIntervalMs?: number
  /** Default 120,000, for each transaction. */
  readonly timeoutMs?: number
}

export interface Deployment {
  readonly chainId: bigint
  readonly bank: Hex
  readonly registry: Hex
  /** The block of the first of them: `fromBlock` of the chain port. */
  readonly fromBlock: bigint
}

/** The registry, then the bank that asks it. Resolves when both are included. @throws ChainError */
export async function deployContracts(options: DeployOptions): Promise<Deployment> {
  const session = await openSession(options)
  const registry = await create(
    session,
    encodeDeployData({ abi: conditionRegistryAbi, bytecode: conditionRegistryBytecode }),
  )
  const bank = await create(
    session,
    encodeDeployData({ abi: virtualBankAbi, bytecode: virtualBankBytecode, args: [registry.address] }),
  )
  return {
    chainId: session.chainId,
    bank: bank.address,
    registry: registry.address,
    fromBlock: registry.blockNumber,
  }
}

/** A token that anyone may mint, worth nothing: for tests and the demo. */
export async function deployTestToken(options: DeployOptions): Promise<Hex> {
  const session = await openSession(options)
  const { address } = await create(
    session,
    encodeDeployData({ abi: testTokenAbi, bytecode: testTokenBytecode }),
  )
  return address
}

/** Deploys anything, with its constructor's arguments: for tests with contracts of their own. */
export async function deployBytecode(
  options: DeployOptions,
  contract: { readonly abi: Abi; readonly bytecode: Hex; readonly args?: readonly unknown[] },
): Promise<Hex> {
  const session = await openSession(options)
  return (await create(session, encodeDeployData({ ...contract, args: contract.args ?? [] }))).address
}

/** Mints units of the test token. */
export async function mintTestToken(
  options: DeployOptions,
  token: Hex,
  to: Hex,
  amount: bigint,
): Promise<void> {
  const session = await openSession(options)
  await transact(
    session,
    token,
    encodeFunctionData({ abi: testTokenAbi, functionName: 'mint', args: [to, amount] }),
  )
}

interface Session {
  readonly rpc: Rpc
  readonly chainId: bigint
  readonly account: PrivateKeyAccount
  readonly pollIntervalMs: number
  readonly timeoutMs: number
}

async function openSession(options: DeployOptions): Promise<Session> {
  const rpc = createRpc({ url: options.rpcUrl, timeoutMs: 15_000, signal: new AbortController().signal })
  return {
    rpc,
    chainId: await rpc.chainId(),
    account: privateKeyToAccount(options.privateKey),
    pollIntervalMs: options.pollIntervalMs ?? 100,
    timeoutMs: options.timeoutMs ?? 120_000,
  }
}

async function create(session: Session, data: Hex): Promise<{ address: Hex; blockNumber: bigint }> {
  const { contractAddress, blockNumber } = await transact(session, undefined, data)
  if (contractAddress === undefined) throw notIncluded('no contract was created')
  return { address: contractAddress, blockNumber }
}

async function transact(session: Session, to: Hex | undefined, data: Hex): Promise<Receipt> {
  const { rpc, account, chainId } = session
  const request = { from: account.address, data, value: 0n, ...(to === undefined ? {} : { to }) }
  const estimated = await rpc.estimateGas(request)
  if ('fault' in estimated) {
    if (isRevert(estimated.fault)) throw revertError('deployment', estimated.fault)
    throw faultError('eth_estimateGas', estimated.fault)
  }
  const head = await rpc.head()
  const raw = await account.signTransaction({
    type: 'eip1559',
    chainId: Number(chainId),
    nonce: await rpc.transactionCount(account.address),
    gas: (BigInt(estimated.result as string) * 5n) / 4n,
    ...marketFees(head.baseFeePerGas ?? 0n, await rpc.maxPriorityFeePerGas(), DEFAULT_FEE_CAPS),
    ...request,
  })
  const answer = await rpc.send(raw)
  if ('fault' in answer) throw faultError('eth_sendRawTransaction', answer.fault)
  return included(session, keccak256(raw))
}

async function included({ rpc, pollIntervalMs, timeoutMs }: Session, hash: Hex): Promise<Receipt> {
  const deadline = performance.now() + timeoutMs
  const never = new AbortController().signal
  for (;;) {
    const receipt = await rpc.receipt(hash)
    if (receipt !== undefined) {
      if (!receipt.succeeded) throw notIncluded(`transaction ${hash} reverted`)
      return receipt
    }
    if (performance.now() > deadline)
      throw notIncluded(`transaction ${hash} was not included within ${timeoutMs} ms`)
    await pause(pollIntervalMs, never)
  }
}

function notIncluded(message: string): ChainError {
  return new ChainError('rpc_unavailable', message, {
    field: 'rpcUrl',
    remedy:
      'Check that the chain makes blocks, that the account has gas money, and that the fee is high enough.',
    consequence: 'retry',
  })
}
