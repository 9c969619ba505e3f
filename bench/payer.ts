/**
 * The paying node, as a process of its own: a whole node (keys, store, transport, chain, engine),
 * driven from inside, because what is measured is the node and not its HTTP API. Started by
 * `two-nodes.ts`; takes orders over IPC.
 */
import { readFileSync } from 'node:fs'
import { dataDirectory, keepHeapSmall, readConfig, startNode } from '@tallystick/cli/node'
import { pino } from 'pino'
import type { Order, Report } from './two-nodes.ts'

const [path = '', passphraseFile = '', operationsPerLine = '1'] = process.argv.slice(2)
const directory = dataDirectory(path)
const node = await startNode({
  directory,
  config: readConfig(directory.config),
  passphrase: readFileSync(passphraseFile, 'utf8').trim(),
  acceptLostData: false,
  log: pino({ level: 'silent' }),
  engine: { maxOperationsPerLine: Number(operationsPerLine) },
})
keepHeapSmall()

const session = Buffer.alloc(32, 0x5a)
session.writeDoubleBE(Date.now(), 0)
let counter = 0

function nextReference(): `0x${string}` {
  session.writeUInt32BE(counter++, 28)
  return `0x${session.toString('hex')}`
}

/** Pays without a pause for `milliseconds`, so many batches at once; counts what the peer has acknowledged. */
async function pay({
  channelId,
  batch,
  atOnce,
  milliseconds,
}: Extract<Order, { type: 'pay' }>): Promise<number> {
  const startedMs = performance.now()
  let accepted = 0
  const lane = async () => {
    while (performance.now() - startedMs < milliseconds) {
      const payments = Array.from({ length: batch }, () => ({ amount: 1n, reference: nextReference() }))
      const result = await node.service.payBatch({
        channelId,
        payments,
        until: 'accepted',
        timeoutMs: 60_000,
      })
      if (result.state !== 'accepted') throw new Error(`a batch is ${result.state}`)
      accepted += result.count
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return (accepted * 1000) / (performance.now() - startedMs)
}

async function open({ peer, token, deposit, channels, atOnce }: Extract<Order, { type: 'open' }>) {
  const ids: `0x${string}`[] = []
  let left = channels
  const lane = async () => {
    while (left-- > 0) {
      const { channelId } = await node.service.openChannel({
        peer,
        token,
        deposit: BigInt(deposit),
        timeoutMs: 60_000,
      })
      await node.service.waitForChannel(channelId, 'open', { timeoutMs: 120_000 })
      ids.push(channelId)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return ids
}

process.on('message', (order: Order) => {
  void (async (): Promise<Report> => {
    switch (order.type) {
      case 'pay':
        return { type: 'paid', perSecond: await pay(order) }
      case 'open':
        return { type: 'opened', channelIds: await open(order) }
      case 'stop':
        await node.stop()
        setImmediate(() => process.exit(0))
        return { type: 'stopped' }
    }
  })().then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ type: 'failed', message: String(error) }),
  )
})
process.send?.({ type: 'ready' })
