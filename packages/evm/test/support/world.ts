/** A chain of its own for each test: anvil, a proxy before it, the contracts, a token, and ports for accounts. */

import type { ChainParams, ChainPort } from '@tallystick/protocol'
import type { Hex } from 'viem'
import { onTestFinished } from 'vitest'
import { type Anvil, type AnvilAccount, type AnvilOptions, startAnvil } from '../../src/anvil.ts'
import {
  createEvmChain,
  type Deployment,
  deployContracts,
  deployTestToken,
  type EvmChainConfig,
  mintTestToken,
} from '../../src/index.ts'
import { type RpcProxy, startRpcProxy } from './rpc-proxy.ts'

export interface World extends Deployment {
  readonly anvil: Anvil
  readonly proxy: RpcProxy
  readonly token: Hex
  /** Two owners, two signers, and somebody who has nothing to do with the channel. */
  readonly owners: readonly [AnvilAccount, AnvilAccount]
  readonly signers: readonly [AnvilAccount, AnvilAccount]
  readonly stranger: AnvilAccount
  /** A port of `account` through the proxy (default: the first owner), with finality two blocks deep. */
  port(changes?: Partial<EvmChainConfig>): ChainPort
  /** Different at each salt. */
  params(salt: bigint, token?: Hex): ChainParams
}

export const NATIVE: Hex = '0x0000000000000000000000000000000000000000'
const FINALITY_BLOCKS = 2
export const LOCK_PERIOD = 3600

export async function makeWorld(options: AnvilOptions = {}): Promise<World> {
  const anvil = await startAnvil(options)
  onTestFinished(() => anvil.stop())
  const proxy = await startRpcProxy(anvil.rpcUrl)
  onTestFinished(() => proxy.stop())
  const [owner0, owner1, signer0, signer1, stranger, deployer] = anvil.accounts
  if (!owner0 || !owner1 || !signer0 || !signer1 || !stranger || !deployer)
    throw new Error('too few accounts')
  const deploy = { rpcUrl: anvil.rpcUrl, privateKey: deployer.privateKey }
  if (options.noMining) await anvil.setAutomine(true)
  const deployment = await deployContracts(deploy)
  const token = await deployTestToken(deploy)
  for (const owner of [owner0, owner1]) await mintTestToken(deploy, token, owner.address, 1_000_000n)
  if (options.noMining) await anvil.setAutomine(false)

  return {
    ...deployment,
    anvil,
    proxy,
    token,
    owners: [owner0, owner1],
    signers: [signer0, signer1],
    stranger,
    port: (changes) => {
      const port = createEvmChain({
        ...deployment,
        rpcUrl: proxy.url,
        privateKey: owner0.privateKey,
        finality: { kind: 'depth', blocks: FINALITY_BLOCKS },
        pollIntervalMs: 15,
        ...changes,
      })
      onTestFinished(() => port.stop())
      return port
    },
    params: (salt, inToken = token) => ({
      owner: [owner0.address, owner1.address],
      signer: [signer0.address, signer1.address],
      token: inToken,
      lockPeriod: LOCK_PERIOD,
      salt,
    }),
  }
}
