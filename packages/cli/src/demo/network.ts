/** The demo's chain: a private anvil, the bank, the registry and a token, and what the chain says of them. */
import {
  bankAbi,
  deployContracts,
  deployTestToken,
  mintTestToken,
  registryAbi,
  tokenAbi,
} from '@tallystick/evm'
import type { Anvil } from '@tallystick/evm/anvil'
import { startAnvil } from '@tallystick/evm/anvil'
import type { Hex, PublicClient } from 'viem'
import { createPublicClient, decodeFunctionData, http } from 'viem'
import type { Estate } from '../processes/estate.ts'

export type Network = {
  readonly anvil: Anvil
  readonly rpcUrl: string
  readonly bank: Hex
  readonly registry: Hex
  readonly token: Hex
  readonly symbol: string
  /** Base units of one token. */
  readonly unit: bigint
  readonly finalityBlocks: number
  /** How often nodes should look at this chain. */
  readonly pollIntervalMs: number
  /** Tokens of an account, in base units, at the newest block. */
  balanceOf(account: Hex): Promise<bigint>
  /** What the bank paid out when the channel was closed together. */
  payoutsOf(channelId: Hex): Promise<{ readonly party0: bigint; readonly party1: bigint }>
  /** The close that was challenged, and how it ended. */
  verdictOn(channelId: Hex): Promise<Verdict>
  /** What the bank paid for a lock whose condition was met in time, to the side that did not owe it. */
  claimOn(channelId: Hex): Promise<Claim>
  /** Unix seconds of the block that met the condition, and who sent the key there. */
  resolutionOf(condition: Hex): Promise<{ readonly atSeconds: number; readonly by: Hex }>
  /** What an account is given to begin with: tokens, and native coin for gas. */
  endow(account: Hex, tokens: bigint): Promise<void>
}

export type Verdict = {
  /** The line of its own direction that the closer stated as its newest, and what was paid out on it at once. */
  readonly stated: bigint
  readonly statedPaid: bigint
  /** The line that the closer is shown to have known. */
  readonly shown: bigint
  readonly forfeited: bigint
}

export type Claim = {
  readonly condition: Hex
  /** Unix seconds. */
  readonly expiry: number
  readonly amount: bigint
  readonly paid: bigint
}

/** Short, so that a transaction does not keep the viewer waiting; still real blocks that become final. */
const demoBlockTimeSeconds = 0.25
const finalityBlocks = 2
const gasWei = 10n ** 18n

export async function startNetwork(
  estate: Estate,
  blockTimeSeconds = demoBlockTimeSeconds,
): Promise<Network> {
  const anvil = await startAnvil({ blockTimeSeconds })
  estate.onEnd(() => anvil.stop())
  const [deployer] = anvil.accounts
  if (deployer === undefined) throw new Error('anvil came without accounts')
  const deployment = { rpcUrl: anvil.rpcUrl, privateKey: deployer.privateKey, pollIntervalMs: 50 }
  const contracts = await deployContracts(deployment)
  const token = await deployTestToken(deployment)
  const client = createPublicClient({ transport: http(anvil.rpcUrl) })
  const read = { address: token, abi: tokenAbi } as const
  const [symbol, decimals] = await Promise.all([
    client.readContract({ ...read, functionName: 'symbol' }),
    client.readContract({ ...read, functionName: 'decimals' }),
  ])
  return {
    anvil,
    bank: contracts.bank,
    registry: contracts.registry,
    token,
    rpcUrl: anvil.rpcUrl,
    symbol,
    unit: 10n ** BigInt(decimals),
    finalityBlocks,
    pollIntervalMs: Math.ceil(blockTimeSeconds * 400),
    balanceOf: (account) => client.readContract({ ...read, functionName: 'balanceOf', args: [account] }),
    payoutsOf: (channelId) => readPayouts(client, contracts.bank, channelId),
    verdictOn: (channelId) => readVerdict(client, contracts.bank, channelId),
    claimOn: (channelId) => readClaim(client, contracts.bank, channelId),
    resolutionOf: (condition) => readResolution(client, contracts.registry, condition),
    async endow(account, tokens) {
      await anvil.setBalance(account, gasWei)
      await mintTestToken(deployment, token, account, tokens)
    },
  }
}

async function readPayouts(client: PublicClient, bank: Hex, channelId: Hex) {
  const filter = {
    address: bank,
    abi: bankAbi,
    args: { channelId },
    fromBlock: 0n,
    strict: true,
  } as const
  const [closed] = await client.getContractEvents({ ...filter, eventName: 'ClosedTogether' })
  if (closed === undefined) throw new Error('the bank has not closed this channel')
  return { party0: closed.args.paid0, party1: closed.args.paid1 }
}

/** The evidence is not in an event: it is what the challenger sent, so it is read from the transaction. */
async function readVerdict(client: PublicClient, bank: Hex, channelId: Hex): Promise<Verdict> {
  const filter = {
    address: bank,
    abi: bankAbi,
    args: { channelId },
    fromBlock: 0n,
    strict: true,
  } as const
  const [[closed], [challenged]] = await Promise.all([
    client.getContractEvents({ ...filter, eventName: 'Closed' }),
    client.getContractEvents({ ...filter, eventName: 'Challenged' }),
  ])
  if (closed === undefined || challenged === undefined)
    throw new Error('the bank has not judged this channel')
  const { input } = await client.getTransaction({ hash: challenged.transactionHash })
  const call = decodeFunctionData({ abi: bankAbi, data: input })
  if (call.functionName !== 'challenge') throw new Error('the challenge was made through another contract')
  return {
    stated: closed.args.closing.statedOut,
    statedPaid: closed.args.closing.paidToPeer,
    shown: call.args[2].acked,
    forfeited: challenged.args.forfeited,
  }
}

/** Condition and expiry are not in the event: they are what the claimant showed, so they are read from the transaction. */
async function readClaim(client: PublicClient, bank: Hex, channelId: Hex): Promise<Claim> {
  const [claimed] = await client.getContractEvents({
    address: bank,
    abi: bankAbi,
    eventName: 'LocksClaimed',
    args: { channelId },
    fromBlock: 0n,
    strict: true,
  })
  if (claimed === undefined) throw new Error('the bank has paid no lock of this channel')
  const { input } = await client.getTransaction({ hash: claimed.transactionHash })
  const call = decodeFunctionData({ abi: bankAbi, data: input })
  const lock = call.functionName === 'claimLocks' ? call.args[3][0] : undefined
  if (lock === undefined) throw new Error('the claim was made through another contract')
  const { amount, paid } = claimed.args
  return { condition: lock.condition, expiry: Number(lock.expiry), amount, paid }
}

async function readResolution(client: PublicClient, registry: Hex, condition: Hex) {
  const at = { address: registry, abi: registryAbi } as const
  const atSeconds = await client.readContract({ ...at, functionName: 'resolvedAt', args: [condition] })
  const [resolved] = await client.getContractEvents({
    ...at,
    eventName: 'Resolved',
    args: { conditionId: condition },
    fromBlock: 0n,
    strict: true,
  })
  if (resolved === undefined) throw new Error('the registry knows no key of this condition')
  const { from } = await client.getTransaction({ hash: resolved.transactionHash })
  return { atSeconds: Number(atSeconds), by: from.toLowerCase() as Hex }
}
