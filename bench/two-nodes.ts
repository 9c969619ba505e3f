/** Two node processes with a chain of their own: the payee is `tally node start`, the payer takes orders. */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Estate, Network, Party } from '@tallystick/cli'
import { createEstate, createParty, startNetwork, waitForChannel } from '@tallystick/cli'

type Hex = `0x${string}`

export type Order =
  | {
      readonly type: 'pay'
      readonly channelId: Hex
      readonly batch: number
      readonly atOnce: number
      readonly milliseconds: number
    }
  | {
      readonly type: 'open'
      readonly peer: string
      readonly token: Hex
      readonly deposit: string
      readonly channels: number
      readonly atOnce: number
    }
  | { readonly type: 'stop' }

export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'paid'; readonly perSecond: number }
  | { readonly type: 'opened'; readonly channelIds: readonly Hex[] }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly message: string }

export type Payer = {
  readonly pid: number
  pay(order: Omit<Extract<Order, { type: 'pay' }>, 'type'>): Promise<number>
  open(order: {
    readonly deposit: bigint
    readonly channels: number
    readonly atOnce: number
  }): Promise<readonly Hex[]>
  stop(): Promise<void>
}

export type TwoNodes = {
  /** Starts the paying node with so many payments in a line at most. */
  startPayer(operationsPerLine: number): Promise<Payer>
  readonly payeePid: number
  end(): Promise<void>
}

const compileCache = fileURLToPath(new URL('./node_modules/.cache', import.meta.url))
const openTimeoutMs = 120_000
const fortune = 10n ** 30n

/** Blocks come slowly where payments are measured (the chain shares the cores), fast where channels are opened. */
export async function startTwoNodes(blockTimeSeconds: number): Promise<TwoNodes> {
  const estate = createEstate()
  const endOnSignal = () => void estate.end().finally(() => process.exit(130))
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, endOnSignal)
  try {
    const home = estate.directory('tally-bench-')
    const network = await startNetwork(estate, blockTimeSeconds)
    const [payee, payer] = await Promise.all(
      ['payee', 'payer'].map((name) => createParty(estate, network, name, home, 'for the benchmark')),
    )
    if (payee === undefined || payer === undefined) throw new Error('two parties were expected')
    await network.endow(payer.account, fortune)
    const address = await payee.start()
    const { pid } = JSON.parse(readFileSync(`${payee.directory}/node.json`, 'utf8'))
    return {
      startPayer: (operationsPerLine) =>
        startPayer({ estate, network, payer, payee, address, operationsPerLine }),
      payeePid: pid,
      end: () => estate.end(),
    }
  } catch (error) {
    await estate.end()
    throw error
  }
}

async function startPayer(parts: {
  estate: Estate
  network: Network
  payer: Party
  payee: Party
  address: string
  operationsPerLine: number
}): Promise<Payer> {
  const { estate, network, payer, payee, address, operationsPerLine } = parts
  const program = fileURLToPath(new URL('./payer.ts', import.meta.url))
  const child = fork(program, [payer.directory, payer.passphraseFile, String(operationsPerLine)], {
    // As `tally` does: without it the process keeps the type stripper in memory.
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
    detached: true,
  })
  estate.adopt(child)
  await reportOf(child, 'ready')
  const ask = <T extends Report['type']>(order: Order, expected: T) => {
    const answer = reportOf(child, expected)
    child.send(order)
    return answer
  }
  return {
    pid: child.pid ?? 0,
    pay: async (order) => (await ask({ type: 'pay', ...order }, 'paid')).perSecond,
    async open({ deposit, ...order }) {
      const place = { peer: address, token: network.token, deposit: String(deposit) }
      const { channelIds } = await ask({ type: 'open', ...place, ...order }, 'opened')
      for (const id of channelIds) await waitForChannel(payee.api(), id, 'open', openTimeoutMs)
      return channelIds
    },
    async stop() {
      const exited = once(child, 'exit')
      child.send({ type: 'stop' } satisfies Order)
      await exited
    },
  }
}

function reportOf<T extends Report['type']>(child: ChildProcess, expected: T) {
  return new Promise<Extract<Report, { type: T }>>((resolve, reject) => {
    const onExit = () => reject(new Error('the paying node ended'))
    child.once('exit', onExit)
    child.once('message', (report: Report) => {
      child.off('exit', onExit)
      if (report.type === expected) resolve(report as Extract<Report, { type: T }>)
      else reject(new Error(report.type === 'failed' ? report.message : `an unexpected ${report.type}`))
    })
  })
}
