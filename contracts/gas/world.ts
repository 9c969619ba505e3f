/**
 * The world in which gas is measured: one anvil, the deployed contracts, two owners with signers of their own.
 *
 * Invariant: every run sends the same bytes (fixed keys, fixed block times, RFC 6979 signatures), so every figure is
 * exactly reproducible.
 */

import { startAnvil } from '@tallystick/evm/anvil'
import {
  type Abi,
  type Address,
  createPublicClient,
  createWalletClient,
  encodeDeployData,
  type Hex,
  http,
  parseSignature,
  signatureToCompactSignature,
  type TransactionReceipt,
  type TypedDataParameter,
} from 'viem'
import { mnemonicToAccount, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'
import {
  conditionRegistryAbi,
  conditionRegistryBytecode,
  testTokenAbi,
  testTokenBytecode,
  virtualBankAbi,
  virtualBankBytecode,
} from '../../packages/evm/src/contracts.generated.ts'
import { SIGNED_TYPES } from './types.ts'

const MNEMONIC = 'test test test test test test test test test test test junk'
const START_SECONDS = 2_000_000_000
export const LOCK_PERIOD_SECONDS = 86_400

type Account = ReturnType<typeof mnemonicToAccount>
export type Party = 0 | 1
export type CompactSignature = { r: Hex; vs: Hex }

export type Params = {
  owner: readonly [Address, Address]
  signer: readonly [Address, Address]
  token: Address
  lockPeriod: number
  salt: bigint
}

export type World = Awaited<ReturnType<typeof createWorld>>

export async function createWorld() {
  const anvil = await startAnvil({ genesisTimestampSeconds: START_SECONDS, mnemonic: MNEMONIC })
  try {
    return await furnish(anvil)
  } catch (error) {
    await anvil.stop()
    throw error
  }
}

async function furnish(anvil: Awaited<ReturnType<typeof startAnvil>>) {
  const client = createPublicClient({ chain: foundry, transport: http(anvil.rpcUrl), pollingInterval: 20 })
  const accounts = [0, 1, 2].map((addressIndex) => mnemonicToAccount(MNEMONIC, { addressIndex }))
  const [deployer, owner0, owner1] = accounts as [Account, Account, Account]
  const keys = [signerKey(1), signerKey(2), signerKey(3)] as const
  let nowSeconds = START_SECONDS

  const send = async (
    account: Account,
    request: { to?: Address; data: Hex },
  ): Promise<TransactionReceipt> => {
    nowSeconds += 12
    await anvil.setNextBlockTimestamp(nowSeconds)
    const wallet = createWalletClient({ account, chain: foundry, transport: http(anvil.rpcUrl) })
    const hash = await wallet.sendTransaction({ ...request, gas: 15_000_000n })
    const receipt = await client.waitForTransactionReceipt({ hash, pollingInterval: 20 })
    if (receipt.status !== 'success') throw new Error(`transaction ${hash} was reverted`)
    return receipt
  }

  const deploy = async (abi: Abi, bytecode: Hex, args: unknown[] = []): Promise<Address> => {
    const receipt = await send(deployer, { data: encodeDeployData({ abi, bytecode, args }) })
    if (receipt.contractAddress == null) throw new Error('a deployment made no contract')
    return receipt.contractAddress
  }

  const registry = await deploy(conditionRegistryAbi, conditionRegistryBytecode)
  const bank = await deploy(virtualBankAbi, virtualBankBytecode, [registry])
  const token = await deploy(testTokenAbi, testTokenBytecode)

  return {
    client,
    bank,
    registry,
    token,
    deployer,
    owners: [owner0, owner1] as const,
    keys,
    send,
    stop: () => anvil.stop(),
    /** Time of the next block, in unix seconds. */
    nextBlockSeconds: () => nowSeconds + 12,
    wait: (seconds: number) => {
      nowSeconds += seconds
    },
    params: (salt: number): Params => ({
      owner: [owner0.address, owner1.address],
      signer: [keys[0].address, keys[1].address],
      token,
      lockPeriod: LOCK_PERIOD_SECONDS,
      salt: BigInt(salt),
    }),
  }
}

function signerKey(number: number): PrivateKeyAccount {
  return privateKeyToAccount(`0x${number.toString(16).padStart(64, '5')}`)
}

/** Signs one of the EIP-712 types under the domain of `contract`, in EIP-2098 form. */
export async function sign(
  key: PrivateKeyAccount,
  contract: Address,
  type: keyof typeof SIGNED_TYPES,
  message: Record<string, unknown>,
): Promise<CompactSignature> {
  const { r, yParityAndS } = signatureToCompactSignature(
    parseSignature(await signWhole(key, contract, type, message)),
  )
  return { r, vs: yParityAndS }
}

/** As a wallet signs: 65 bytes. */
export function signWhole(
  key: PrivateKeyAccount | Account,
  contract: Address,
  type: keyof typeof SIGNED_TYPES,
  message: Record<string, unknown>,
): Promise<Hex> {
  const types: Record<string, readonly TypedDataParameter[]> = SIGNED_TYPES
  return key.signTypedData({
    domain: { name: 'Tallystick', version: '1', chainId: foundry.id, verifyingContract: contract },
    types,
    primaryType: type,
    message,
  })
}
