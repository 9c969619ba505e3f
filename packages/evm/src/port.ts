/**
 * The chain port on viem: one chain, one bank, one registry, one account.
 * What it trusts: the endpoint, to show the chain as it is. Run your own node, or one you trust with your deposits.
 */

import {
  type ChainCall,
  ChainError,
  type ChainParams,
  type ChainPort,
  type ChainWatch,
  type JointFundingRequest,
  type SubmissionJournal,
} from '@tallystick/protocol'
import { type Hex, isAddress, keccak256 } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { channelIdPreimage } from './calls.ts'
import { createConnection } from './connection.ts'
import { DEFAULT_FEE_CAPS, type FeeCaps } from './fees.ts'
import { checkFinality, type Finality } from './finality.ts'
import {
  readAllowance,
  readBalance,
  readChannel,
  readClaimable,
  readMetadata,
  readRecord,
  readResolvedAt,
  resolveBlock,
  verifyContracts,
} from './reads.ts'
import { createRpc } from './rpc.ts'
import { createMemoryJournal } from './submit/record.ts'
import { createSender } from './submit/sender.ts'
import { createSubmitter } from './submit/submitter.ts'
import { startWatch } from './watch.ts'

export interface EvmChainConfig {
  /** http or https. */
  readonly rpcUrl: string
  readonly chainId: bigint
  readonly bank: Hex
  readonly registry: Hex
  /** Of the account that owns deposits and pays gas: 0x and 64 digits. Stays in this process and in no message. */
  readonly privateKey: Hex
  /** The block the bank was deployed in (or any below): where history starts. */
  readonly fromBlock: bigint
  /** Default: the tag `finalized`. */
  readonly finality?: Finality
  /** Where submissions survive a restart; without it a crash may lead to paying in twice. */
  readonly journal?: SubmissionJournal
  /** Default 2,000. */
  readonly pollIntervalMs?: number
  /** Default 15,000. */
  readonly requestTimeoutMs?: number
  /** Default 2,000 blocks for one log query. */
  readonly maxLogRangeBlocks?: bigint
  /** Raise the fee after so many blocks without inclusion (default 3) ... */
  readonly resubmitAfterBlocks?: bigint
  /** ... or after this time (default 90,000). */
  readonly resubmitAfterMs?: number
  readonly feeCaps?: FeeCaps
}

/** @throws ChainError `invalid_argument` that names the field of the configuration. */
export function createEvmChain(config: EvmChainConfig): ChainPort {
  const account = checkConfig(config)
  const stopped = new AbortController()
  const finality = config.finality ?? { kind: 'tag', tag: 'finalized' }
  const pollIntervalMs = config.pollIntervalMs ?? 2_000
  const maxLogRangeBlocks = config.maxLogRangeBlocks ?? 2_000n
  const rpc = createRpc({
    url: config.rpcUrl,
    timeoutMs: config.requestTimeoutMs ?? 15_000,
    signal: stopped.signal,
  })
  const options = {
    rpc,
    finality,
    pollIntervalMs,
    chainId: config.chainId,
    bank: lower(config.bank),
    registry: lower(config.registry),
    account: lower(account.address),
    fromBlock: config.fromBlock,
    logRange: { blocks: maxLogRangeBlocks, maxBlocks: maxLogRangeBlocks },
    histories: new Map(),
  }
  const connection = createConnection({
    verify: () => verifyContracts(options),
    firstRetryMs: Math.min(pollIntervalMs, 500),
    lastRetryMs: 15_000,
  })
  const journal = config.journal ?? createMemoryJournal()
  const feeCaps = config.feeCaps ?? DEFAULT_FEE_CAPS
  const sender = createSender({ rpc, chainId: config.chainId, account, journal, feeCaps })
  const submitter = createSubmitter({
    ...options,
    connection,
    sender,
    journal,
    contracts: options,
    signal: stopped.signal,
    resubmitAfterBlocks: config.resubmitAfterBlocks ?? 3n,
    resubmitAfterMs: config.resubmitAfterMs ?? 90_000,
    allowanceOf: (token) => readAllowance(options, token, options.account, 'head'),
    tokenBalanceOf: (token) => readBalance(options, token, options.account, 'head'),
  })
  const watches = new Set<ChainWatch>()

  return {
    chainId: config.chainId,
    bank: options.bank,
    registry: options.registry,
    account: options.account,
    health: () => connection.health,
    watch: (cursor, deliver) => {
      const watch = startWatch({ ...options, connection }, cursor, deliver)
      watches.add(watch)
      return watch
    },
    verify: () => verifyContracts(options),
    block: (at) => resolveBlock(options, at),
    channel: (channelId, at) => readChannel(options, channelId, at),
    record: (channelId, at) => readRecord(options, channelId, at),
    resolvedAt: (conditionId, at) => readResolvedAt(options, conditionId, at),
    claimable: (owner, token, at) => readClaimable(options, owner, token, at),
    token: (address) => readMetadata(options, address),
    balance: (token, owner, at) => readBalance(options, token, owner, at),
    allowance: (token, owner, at) => readAllowance(options, token, owner, at),
    channelIdOf: (params: ChainParams) => keccak256(channelIdPreimage(config.chainId, options.bank, params)),
    simulate: (call: ChainCall) => submitter.simulate(call),
    submit: (call, submitOptions) => submitter.submit(call, submitOptions),
    authoriseJointFunding: (request) => signJointFunding(account, options, request),
    stop: async () => {
      stopped.abort()
      await Promise.all([submitter.stop(), ...[...watches].map((watch) => watch.stop())])
    },
  }
}

/** EIP-712 `JointFunding` (EN-63), by the owner that does not send. 65 bytes, as ERC-1271 wallets and ECDSA.sol read it. */
async function signJointFunding(
  account: PrivateKeyAccount,
  { chainId, bank }: { readonly chainId: bigint; readonly bank: Hex },
  { params, amounts, sender, validUntil }: JointFundingRequest,
): Promise<Hex> {
  const [other] = params.owner.filter((owner) => lower(owner) !== lower(sender))
  if (other === undefined || lower(other) !== lower(account.address)) {
    throw invalid('params.owner', `account ${lower(account.address)} is not the owner that does not send`)
  }
  return account.signTypedData({
    domain: { name: 'Tallystick', version: '1', chainId: Number(chainId), verifyingContract: bank },
    types: {
      JointFunding: [
        { name: 'channelId', type: 'bytes32' },
        { name: 'amount0', type: 'uint128' },
        { name: 'amount1', type: 'uint128' },
        { name: 'sender', type: 'address' },
        { name: 'validUntil', type: 'uint64' },
      ],
    },
    primaryType: 'JointFunding',
    message: {
      channelId: keccak256(channelIdPreimage(chainId, bank, params)),
      amount0: amounts[0],
      amount1: amounts[1],
      sender,
      validUntil,
    },
  })
}

function checkConfig(config: EvmChainConfig): PrivateKeyAccount {
  const { rpcUrl, chainId, bank, registry, privateKey, fromBlock } = config
  const url = URL.canParse(rpcUrl) ? new URL(rpcUrl) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw invalid('rpcUrl', 'rpcUrl is not an http(s) URL')
  if (chainId <= 0n || chainId > BigInt(Number.MAX_SAFE_INTEGER))
    throw invalid('chainId', 'chainId is out of range')
  if (!isAddress(bank, { strict: false })) throw invalid('bank', 'bank is not an address')
  if (!isAddress(registry, { strict: false })) throw invalid('registry', 'registry is not an address')
  if (fromBlock < 0n) throw invalid('fromBlock', 'fromBlock is negative')
  if (config.finality !== undefined) checkFinality(config.finality)
  if ((config.maxLogRangeBlocks ?? 1n) < 1n)
    throw invalid('maxLogRangeBlocks', 'maxLogRangeBlocks is below 1')
  try {
    return privateKeyToAccount(privateKey)
  } catch {
    // The cause would quote the key.
    throw invalid('privateKey', 'the private key is not a secp256k1 key of 32 bytes')
  }
}

function invalid(field: string, message: string): ChainError {
  return new ChainError('invalid_argument', message, {
    field,
    remedy: `Correct ${field}.`,
    consequence: 'fix',
  })
}

function lower(address: string): Hex {
  return address.toLowerCase() as Hex
}
