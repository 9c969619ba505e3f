/** Node processes in a line, with a chain of their own: each has a channel to the next, announced and known to all. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createEstate, createParty, startNetwork } from '@tallystick/cli'
import type { Via } from './forwarding.ts'
import type { LineOrder, LineReport } from './line-member.ts'

type Hex = `0x${string}`

export interface NodeLine {
  /** Pays the last node from the first without a pause; every payment is of an invoice of its own. */
  pay(order: { readonly via: Via; readonly atOnce: number; readonly milliseconds: number }): Promise<{
    readonly perSecond: number
    readonly latenciesMs: readonly number[]
  }>
  end(): Promise<void>
}

/** Blocks come slowly: the chain shares the cores. */
const blockTimeSeconds = 1
const fortune = 10n ** 30n
const deposit = 10n ** 15n
const compileCache = fileURLToPath(new URL('./node_modules/.cache', import.meta.url))

export async function startNodeLine(count: number): Promise<NodeLine> {
  const estate = createEstate()
  const endOnSignal = () => void estate.end().finally(() => process.exit(130))
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, endOnSignal)
  try {
    const home = estate.directory('tally-bench-')
    const network = await startNetwork(estate, blockTimeSeconds)
    const members: Member[] = []
    for (let index = 0; index < count; index += 1) {
      const party = await createParty(estate, network, `node${index}`, home, 'for the benchmark')
      await network.endow(party.account, fortune)
      const program = fileURLToPath(new URL('./line-member.ts', import.meta.url))
      const child = fork(program, [party.directory, party.passphraseFile], {
        env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
        detached: true,
      })
      estate.adopt(child)
      members.push(member(child, await reportOf(child, 'ready')))
    }
    for (const [index, one] of members.entries()) {
      const next = members[index + 1]
      if (next === undefined) continue
      const { channelId } = await one.ask(
        { type: 'open', peer: next.ready.address, token: network.token, deposit: `${deposit}` },
        'opened',
      )
      await next.ask({ type: 'await-channel', channelId }, 'seen')
    }
    for (const one of members) await one.ask({ type: 'await-graph', channels: count - 1 }, 'seen')
    return lineOf(members, network.token, () => estate.end())
  } catch (error) {
    await estate.end()
    throw error
  }
}

function lineOf(members: readonly Member[], token: Hex, end: () => Promise<void>): NodeLine {
  const [payer, payee] = [members[0], members.at(-1)]
  if (payer === undefined || payee === undefined) throw new Error('a line needs nodes')
  return {
    async pay({ via, atOnce, milliseconds }) {
      // More than can be used: making them is not what is measured.
      const count = Math.min(20_000, Math.max(2_000, atOnce * 8)) * (milliseconds / 1_000)
      const { texts } = await payee.ask({ type: 'invoices', token, count }, 'invoices')
      const { perSecond, latenciesMs } = await payer.ask(
        { type: 'pay', via, texts, atOnce, milliseconds },
        'paid',
      )
      return { perSecond, latenciesMs }
    },
    end,
  }
}

interface Member {
  readonly ready: Extract<LineReport, { type: 'ready' }>
  ask<T extends LineReport['type']>(order: LineOrder, expected: T): Promise<Extract<LineReport, { type: T }>>
}

function member(child: ChildProcess, ready: Member['ready']): Member {
  return {
    ready,
    ask(order, expected) {
      const answer = reportOf(child, expected)
      child.send(order)
      return answer
    },
  }
}

async function reportOf<T extends LineReport['type']>(child: ChildProcess, expected: T) {
  const ended = new AbortController()
  const gone = once(child, 'exit', { signal: ended.signal }).then(() => {
    throw new Error('a node of the line ended')
  })
  gone.catch(() => {})
  try {
    const [report] = (await Promise.race([once(child, 'message'), gone])) as [LineReport]
    if (report.type === expected) return report as Extract<LineReport, { type: T }>
    throw new Error(report.type === 'failed' ? report.message : `an unexpected ${report.type}`)
  } finally {
    ended.abort()
  }
}
