/** Every figure of the gas table: one whole transaction each, as its receipt says. */

import {
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  keccak256,
  parseEventLogs,
  sha256,
  type TransactionReceipt,
  toHex,
} from 'viem'
import { conditionRegistryAbi, testTokenAbi } from '../../packages/evm/src/contracts.generated.ts'
import {
  challenge,
  channelOf,
  claim,
  close,
  closeTogether,
  fund,
  fundJointly,
  type Lock,
  NOTHING,
  paid,
  settle,
  update,
  withdraw,
} from './channel.ts'
import { createWorld, sign, type World } from './world.ts'

export const FIGURES = [
  'fund',
  'fundAgain',
  'fundJointly',
  'withdraw',
  'closeTogether',
  'close',
  'update',
  'challenge',
  'settle',
  'claimOneLock',
  'claimTenLocks',
  'revealHash',
  'completeSigned3',
] as const
export type Figure = (typeof FIGURES)[number]
/** Gas of the same calls where a token balance is written for the first time. */
export type Extra = 'fundFirstOfToken' | 'closeTogetherToNewHolders'
export type Measured = Record<Figure | Extra, number>

const UNIT = 10n ** 18n
const DEPOSIT = 100n * UNIT

export async function measure(): Promise<Measured> {
  const world = await createWorld()
  try {
    return await measureIn(world)
  } finally {
    await world.stop()
  }
}

async function measureIn(world: World): Promise<Measured> {
  await mintAndApprove(world)
  const fundFirstOfToken = gasOf(await fund(await channelOf(world, 1000), 0, DEPOSIT))
  return {
    fundFirstOfToken,
    ...(await measureDeposits(world)),
    ...(await measureDisputes(world)),
    ...(await measureLocks(world)),
    ...(await measureConditions(world)),
    closeTogetherToNewHolders: await measureNewHolders(world),
  }
}

const gasOf = (receipt: TransactionReceipt): number => Number(receipt.gasUsed)

/** Allowances are finite and never used up: the dearer case without the refund for clearing one. */
async function mintAndApprove(world: World): Promise<void> {
  for (const owner of world.owners) {
    const mint = encodeFunctionData({
      abi: testTokenAbi,
      functionName: 'mint',
      args: [owner.address, 10_000n * DEPOSIT],
    })
    await world.send(world.deployer, { to: world.token, data: mint })
    const approve = encodeFunctionData({
      abi: testTokenAbi,
      functionName: 'approve',
      args: [world.bank, 9_999n * DEPOSIT],
    })
    await world.send(owner, { to: world.token, data: approve })
  }
}

async function measureDeposits(world: World) {
  const channel = await channelOf(world, 1)
  const first = gasOf(await fund(channel, 0, DEPOSIT))
  await fund(channel, 1, DEPOSIT)
  const fundAgain = gasOf(await fund(channel, 0, DEPOSIT))
  const joint = gasOf(await fundJointly(await channelOf(world, 2), [DEPOSIT, DEPOSIT]))
  const withdrawn = gasOf(await withdraw(channel, 0, 30n * UNIT))
  const together = await channelOf(world, 3)
  await fund(together, 0, DEPOSIT)
  await fund(together, 1, DEPOSIT)
  return {
    fund: first,
    fundAgain,
    fundJointly: joint,
    withdraw: withdrawn,
    closeTogether: gasOf(await closeTogether(together, -25n * UNIT)),
  }
}

async function measureDisputes(world: World) {
  const out = { nonce: 41n, acked: 40n, content: paid(30n * UNIT) }
  const incoming = { nonce: 17n, acked: 16n, content: paid(12n * UNIT) }

  const channel = await fundedByBoth(world, 4)
  const closed = await close(channel, out, incoming)
  const newer = { nonce: 42n, acked: 40n, content: paid(31n * UNIT) }
  const updated = await update(channel, closed, newer)
  const settled = await settle(channel, updated, [newer.content, incoming.content])

  const liar = await fundedByBoth(world, 5)
  const lie = await close(liar, out, incoming)
  const challenged = await challenge(liar, lie, { nonce: 18n, acked: 16n, content: paid(13n * UNIT) })
  return {
    close: gasOf(closed),
    update: gasOf(updated),
    challenge: gasOf(challenged),
    settle: gasOf(settled),
  }
}

async function measureLocks(world: World) {
  return {
    claimOneLock: await claimOf(world, 6, 1),
    claimTenLocks: await claimOf(world, 7, 10),
  }
}

/** The last line has `count` locks in slots 0 on, all met; their receiver claims them at once. */
async function claimOf(world: World, salt: number, count: number): Promise<number> {
  const channel = await fundedByBoth(world, salt)
  const locks: Lock[] = []
  for (let slot = 0; slot < count; slot++) {
    const condition = await reveal(world, keccak256(toHex(`preimage ${salt} ${slot}`)))
    locks.push({
      slot,
      amount: UNIT,
      condition: condition.id,
      expiry: BigInt(world.nextBlockSeconds() + 86_400),
    })
  }
  const line = { nonce: 41n, acked: 40n, content: paid(30n * UNIT, locks) }
  const closed = await close(channel, line, undefined)
  const settled = await settle(channel, closed, [line.content, NOTHING])
  return gasOf(await claim(channel, settled, locks, locks))
}

async function measureConditions(world: World) {
  const revealed = await reveal(world, keccak256(toHex('the preimage that is measured')))
  return { revealHash: revealed.gas, completeSigned3: await completeSigned3(world) }
}

async function reveal(world: World, preimage: Hex): Promise<{ gas: number; id: Hex }> {
  const data = encodeFunctionData({
    abi: conditionRegistryAbi,
    functionName: 'revealHash',
    args: [preimage],
  })
  const receipt = await world.send(world.deployer, { to: world.registry, data })
  const [log] = parseEventLogs({ abi: conditionRegistryAbi, eventName: 'Resolved', logs: receipt.logs })
  if (log === undefined) throw new Error(`the hash ${sha256(preimage)} was not resolved`)
  return { gas: gasOf(receipt), id: log.args.conditionId }
}

async function completeSigned3(world: World): Promise<number> {
  const keys = [...world.keys].sort((a, b) => (BigInt(a.address) < BigInt(b.address) ? -1 : 1))
  const termsHash = keccak256(toHex('the terms of a joint payment'))
  const addresses = keys.map(({ address }) => address)
  const data = encodeAbiParameters([{ type: 'address[]' }, { type: 'bytes32' }], [addresses, termsHash])
  const conditionId = keccak256(
    encodeAbiParameters(
      [{ type: 'uint8' }, { type: 'uint256' }, { type: 'address' }, { type: 'bytes32' }],
      [2, BigInt(world.client.chain.id), world.registry, keccak256(data)],
    ),
  )
  const approvals = await Promise.all(
    keys.map(async (key) => ({
      signature: await sign(key, world.registry, 'Condition', { conditionId }),
      index: 0n,
      path: [],
    })),
  )
  const call = encodeFunctionData({
    abi: conditionRegistryAbi,
    functionName: 'completeSigned',
    args: [addresses, termsHash, approvals],
  })
  const receipt = await world.send(world.deployer, { to: world.registry, data: call })
  if (receipt.logs.length !== 1) throw new Error('the condition was not resolved')
  return gasOf(receipt)
}

/** The owners gave their last tokens away, so each payout writes a fresh balance. */
async function measureNewHolders(world: World): Promise<number> {
  const channel = await fundedByBoth(world, 8)
  for (const owner of world.owners) {
    const balance = await world.client.readContract({
      address: world.token,
      abi: testTokenAbi,
      functionName: 'balanceOf',
      args: [owner.address],
    })
    const data = encodeFunctionData({
      abi: testTokenAbi,
      functionName: 'transfer',
      args: [world.deployer.address, balance],
    })
    await world.send(owner, { to: world.token, data })
  }
  return gasOf(await closeTogether(channel, -25n * UNIT))
}

async function fundedByBoth(world: World, salt: number) {
  const channel = await channelOf(world, salt)
  await fund(channel, 0, DEPOSIT)
  await fund(channel, 1, DEPOSIT)
  return channel
}
