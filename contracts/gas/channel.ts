/** A channel as its two parties see it: funds, lines, records; each step sends one transaction and returns its receipt. */

import {
  type Address,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  keccak256,
  parseEventLogs,
  type TransactionReceipt,
  toHex,
} from 'viem'
import { virtualBankAbi } from '../../packages/evm/src/contracts.generated.ts'
import { LOCK_TREE_DEPTH, lockLeaf, lockPath, lockRoot } from './lock-tree.ts'
import { LOCK_PERIOD_SECONDS, type Params, type Party, sign, signWhole, type World } from './world.ts'

const ZERO = `0x${'00'.repeat(32)}` as Hex
export type Content = { sent: bigint; locked: bigint; lockedUntil: bigint; locksRoot: Hex; memoRoot: Hex }
export type Lock = { slot: number; amount: bigint; condition: Hex; expiry: bigint }
export const NOTHING: Content = { sent: 0n, locked: 0n, lockedUntil: 0n, locksRoot: ZERO, memoRoot: ZERO }
const NO_SIGNATURE = { r: ZERO, vs: ZERO }

export type Channel = Awaited<ReturnType<typeof channelOf>>

/** What a line says after `sent` was paid: each real line has operations, so each has a memo root. */
export function paid(sent: bigint, locks: readonly Lock[] = []): Content {
  return {
    sent,
    locked: locks.reduce((sum, { amount }) => sum + amount, 0n),
    lockedUntil:
      locks
        .map(({ expiry }) => expiry)
        .sort(ascending)
        .at(-1) ?? 0n,
    locksRoot: lockRoot(locks),
    memoRoot: keccak256(toHex(`operations of the line that sent ${sent}`)),
  }
}

const ascending = (a: bigint, b: bigint) => (a < b ? -1 : 1)

export async function channelOf(world: World, salt: number) {
  const params: Params = world.params(salt)
  const id = await world.client.readContract({
    address: world.bank,
    abi: virtualBankAbi,
    functionName: 'channelIdOf',
    args: [params],
  })
  return { world, params, id }
}

type Call = Parameters<typeof encodeFunctionData<typeof virtualBankAbi>>[0]

/** Sends a call of the bank from the owner of `party`, or from a stranger. */
async function call(
  { world }: Channel,
  from: Party | 'anyone',
  functionName: Call['functionName'],
  args: readonly unknown[],
): Promise<TransactionReceipt> {
  const data = encodeFunctionData({ abi: virtualBankAbi, functionName, args } as Call)
  return world.send(from === 'anyone' ? world.deployer : world.owners[from], { to: world.bank, data })
}

export function fund(channel: Channel, party: Party, amount: bigint): Promise<TransactionReceipt> {
  return call(channel, party, 'fund', [channel.params, party, amount])
}

export async function fundJointly(
  channel: Channel,
  amounts: readonly [bigint, bigint],
): Promise<TransactionReceipt> {
  const { world, params, id } = channel
  const validUntil = BigInt(world.nextBlockSeconds() + 3600)
  const authorisation = await signWhole(world.owners[1], world.bank, 'JointFunding', {
    channelId: id,
    amount0: amounts[0],
    amount1: amounts[1],
    sender: world.owners[0].address,
    validUntil,
  })
  return call(channel, 0, 'fundJointly', [params, 0, amounts, validUntil, authorisation])
}

export async function withdraw(channel: Channel, party: Party, total: bigint): Promise<TransactionReceipt> {
  const { world, params, id } = channel
  const validUntil = BigInt(world.nextBlockSeconds() + 3600)
  const signatures = await bothSign(world, 'Withdrawal', { channelId: id, party, total, validUntil })
  return call(channel, party, 'withdraw', [params, party, total, validUntil, signatures])
}

export async function closeTogether(channel: Channel, delta: bigint): Promise<TransactionReceipt> {
  const { world, params, id } = channel
  const validUntil = BigInt(world.nextBlockSeconds() + 3600)
  const signatures = await bothSign(world, 'CloseTogether', { channelId: id, delta, validUntil })
  return call(channel, 0, 'closeTogether', [params, delta, validUntil, signatures])
}

function bothSign(world: World, type: 'Withdrawal' | 'CloseTogether', message: Record<string, unknown>) {
  return Promise.all([0, 1].map((party) => sign(world.keys[party as Party], world.bank, type, message)))
}

export function contentHash({ sent, locked, lockedUntil, locksRoot, memoRoot }: Content): Hex {
  return keccak256(
    encodeAbiParameters(
      [
        { type: 'uint128' },
        { type: 'uint128' },
        { type: 'uint64' },
        { type: 'bytes32' },
        { type: 'bytes32' },
      ],
      [sent, locked, lockedUntil, locksRoot, memoRoot],
    ),
  )
}

export type Line = { nonce: bigint; acked: bigint; content: Content }

function signLine({ world, id }: Channel, signer: Party, direction: Party, line: Line) {
  const message = {
    channelId: id,
    direction,
    nonce: line.nonce,
    acked: line.acked,
    contentHash: contentHash(line.content),
  }
  return sign(world.keys[signer], world.bank, 'BalanceProof', message)
}

/** Party 0 closes alone; `undefined` is "no line". */
export async function close(
  channel: Channel,
  out: Line | undefined,
  incoming: Line | undefined,
): Promise<TransactionReceipt> {
  return call(channel, 0, 'close', [
    channel.params,
    0,
    {
      outNonce: out?.nonce ?? 0n,
      outAcked: out?.acked ?? 0n,
      outContent: out?.content ?? NOTHING,
      outAck: out === undefined ? NO_SIGNATURE : await signLine(channel, 1, 0, out),
      inNonce: incoming?.nonce ?? 0n,
      inAcked: incoming?.acked ?? 0n,
      inContent: incoming?.content ?? NOTHING,
      inPromise: incoming === undefined ? NO_SIGNATURE : await signLine(channel, 1, 1, incoming),
    },
  ])
}

/** Party 1 shows a newer line of party 0, which closed. */
export async function update(
  channel: Channel,
  closed: TransactionReceipt,
  line: Line,
): Promise<TransactionReceipt> {
  return call(channel, 1, 'update', [
    channel.params,
    closingOf(closed),
    {
      line: { nonce: line.nonce, acked: line.acked, contentHash: contentHash(line.content) },
      payerPromise: await signLine(channel, 0, 0, line),
      ack: await signLine(channel, 1, 0, line),
      content: NOTHING,
      delegation: { key: `0x${'00'.repeat(20)}` as Address, validUntil: 0n, signature: NO_SIGNATURE },
    },
  ])
}

/** Party 1 shows that party 0, which closed, had acknowledged a later line of party 1 than it stated. */
export async function challenge(
  channel: Channel,
  closed: TransactionReceipt,
  line: Line,
): Promise<TransactionReceipt> {
  return call(channel, 1, 'challenge', [
    channel.params,
    closingOf(closed),
    {
      direction: 1,
      nonce: line.nonce,
      acked: line.acked,
      contentHash: contentHash(line.content),
      signature: await signLine(channel, 0, 1, line),
    },
  ])
}

export function settle(
  channel: Channel,
  closed: TransactionReceipt,
  contents: readonly [Content, Content],
): Promise<TransactionReceipt> {
  channel.world.wait(LOCK_PERIOD_SECONDS)
  return call(channel, 0, 'settle', [channel.params, closingOf(closed), contents])
}

/** Party 1 claims locks of direction 0. */
export function claim(
  channel: Channel,
  settled: TransactionReceipt,
  all: readonly Lock[],
  claimed: readonly Lock[],
): Promise<TransactionReceipt> {
  const [log] = parseEventLogs({ abi: virtualBankAbi, eventName: 'Settled', logs: settled.logs })
  if (log === undefined) throw new Error('no Settled event')
  const leaves = new Map(all.map((lock) => [lock.slot, lockLeaf(lock)]))
  const paths = claimed.map(({ slot }) => lockPath(leaves, slot))
  if (paths.some((path) => path.length !== LOCK_TREE_DEPTH)) throw new Error('a path has nine siblings')
  return call(channel, 1, 'claimLocks', [channel.params, log.args.settlement, 0, claimed, paths])
}

function closingOf(receipt: TransactionReceipt) {
  const logs = parseEventLogs({ abi: virtualBankAbi, eventName: ['Closed', 'Updated'], logs: receipt.logs })
  const closing = logs.at(-1)?.args.closing
  if (closing === undefined) throw new Error('the transaction has no closing record')
  return closing
}
