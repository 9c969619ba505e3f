/**
 * One look at a chain, for `init` and `doctor`: does the RPC answer, is it the chain meant, do the
 * contracts stand where the configuration says? The running node has a stricter watch of its own.
 */
import { bankAbi } from '@tallystick/evm'
import type { Hex } from 'viem'
import { createPublicClient, http } from 'viem'
import { Failure } from './failure.ts'

export type ChainProbe = {
  readonly chainId: number
  readonly headBlock: bigint
  /** Seconds by which the head block is older than this machine's clock; negative when it is newer. */
  readonly headAgeSeconds: number
  /** The registry the bank was deployed with; undefined when no bank stands at the address. */
  readonly registryOfBank: Hex | undefined
  /** Whether anything is deployed at the token's address; true for the native coin. */
  readonly hasToken: boolean
  /** The account's native coin, for gas; undefined when no account was asked for. */
  readonly gasWei: bigint | undefined
}

export type ProbeTarget = {
  readonly rpcUrl: string
  readonly bank: Hex
  readonly token: Hex
  readonly account?: Hex | undefined
}

const timeoutMs = 5_000
const nativeCoin = `0x${'00'.repeat(20)}`

/** @throws {Failure} `chain-unreachable` when the RPC does not answer. */
export async function probeChain({ rpcUrl, bank, token, account }: ProbeTarget): Promise<ChainProbe> {
  const client = createPublicClient({ transport: http(rpcUrl, { timeout: timeoutMs, retryCount: 0 }) })
  try {
    const [chainId, head, tokenCode, gasWei] = await Promise.all([
      client.getChainId(),
      client.getBlock(),
      client.getCode({ address: token }),
      account === undefined ? undefined : client.getBalance({ address: account }),
    ])
    const registryOfBank = await client
      .readContract({ address: bank, abi: bankAbi, functionName: 'registry' })
      .then((found) => found.toLowerCase() as Hex)
      .catch(() => undefined)
    return {
      chainId,
      headBlock: head.number,
      headAgeSeconds: Math.floor(Date.now() / 1000) - Number(head.timestamp),
      registryOfBank,
      hasToken: token === nativeCoin || tokenCode !== undefined,
      gasWei,
    }
  } catch (thrown) {
    throw new Failure(
      'unreachable',
      {
        code: 'chain-unreachable',
        field: 'chain.rpcUrl',
        message: `the EVM node at ${rpcUrl} does not answer`,
        remedy: 'Check the address and that the EVM node is up.',
      },
      thrown,
    )
  }
}
