/**
 * One node of a line, as a process of its own: a whole node, driven from inside, because what is measured is the node and
 * not its HTTP API. Started by `node-line.ts`; takes orders over IPC.
 */
import { readFileSync } from 'node:fs'
import { dataDirectory, keepHeapSmall, readConfig, startNode } from '@tallystick/cli/node'
import { pino } from 'pino'
import type { Via } from './forwarding.ts'

type Hex = `0x${string}`

export type LineOrder =
  | { readonly type: 'open'; readonly peer: string; readonly token: Hex; readonly deposit: string }
  | { readonly type: 'await-channel'; readonly channelId: Hex }
  | { readonly type: 'await-graph'; readonly channels: number }
  | { readonly type: 'invoices'; readonly token: Hex; readonly count: number }
  | {
      readonly type: 'pay'
      readonly via: Via
      readonly texts: readonly string[]
      readonly atOnce: number
      readonly milliseconds: number
    }

export type LineReport =
  | { readonly type: 'ready'; readonly address: string }
  | { readonly type: 'opened'; readonly channelId: Hex }
  | { readonly type: 'seen' }
  | { readonly type: 'invoices'; readonly texts: readonly string[] }
  | { readonly type: 'paid'; readonly perSecond: number; readonly latenciesMs: readonly number[] }
  | { readonly type: 'failed'; readonly message: string }

const [path = '', passphraseFile = ''] = process.argv.slice(2)
keepHeapSmall()
const directory = dataDirectory(path)
const node = await startNode({
  directory,
  config: readConfig(directory.config),
  passphrase: readFileSync(passphraseFile, 'utf8').trim(),
  acceptLostData: false,
  log: pino({ level: 'silent' }),
  engine: { announceChannels: true },
})

async function pay({ via, texts, atOnce, milliseconds }: Extract<LineOrder, { type: 'pay' }>) {
  const startedMs = performance.now()
  const latenciesMs: number[] = []
  let next = 0
  const lane = async () => {
    while (performance.now() - startedMs < milliseconds) {
      const invoice = texts[next++]
      if (invoice === undefined) throw new Error('too few invoices for this run')
      const sentMs = performance.now()
      const { state, failure } = await node.service.payInvoice({ invoice, via, timeoutMs: 60_000 })
      if (state !== 'succeeded') throw new Error(`a payment is ${state}: ${failure?.code}`)
      latenciesMs.push(performance.now() - sentMs)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return { perSecond: (latenciesMs.length * 1000) / (performance.now() - startedMs), latenciesMs }
}

async function invoices({ token, count }: Extract<LineOrder, { type: 'invoices' }>) {
  const texts: string[] = []
  while (texts.length < count) {
    const batch = Array.from({ length: 500 }, () => node.service.createInvoice({ token, amount: 1n }))
    for (const { text } of await Promise.all(batch)) texts.push(text)
  }
  return texts
}

async function seesGraph(channels: number): Promise<void> {
  for (;;) {
    const graph = await node.service.networkGraph()
    const known = graph.channels.filter(
      ({ policies }) => policies[0] !== undefined && policies[1] !== undefined,
    )
    if (known.length >= channels) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function obey(order: LineOrder): Promise<LineReport> {
  switch (order.type) {
    case 'open': {
      const { peer, token, deposit } = order
      const { channelId } = await node.service.openChannel({
        peer,
        token,
        deposit: BigInt(deposit),
        timeoutMs: 60_000,
      })
      await node.service.waitForChannel(channelId, 'open', { timeoutMs: 120_000 })
      return { type: 'opened', channelId }
    }
    case 'await-channel':
      await node.service.waitForChannel(order.channelId, 'open', { timeoutMs: 120_000 })
      return { type: 'seen' }
    case 'await-graph':
      await seesGraph(order.channels)
      return { type: 'seen' }
    case 'invoices':
      return { type: 'invoices', texts: await invoices(order) }
    case 'pay':
      return { type: 'paid', ...(await pay(order)) }
  }
}

process.on('message', (order: LineOrder) => {
  void obey(order).then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ type: 'failed', message: String(error) }),
  )
})
process.send?.({ type: 'ready', address: node.address } satisfies LineReport)
