/** Direct payments a second between two node processes, each counted when the payee's durable acknowledgement is back. */
import { runsPerFigure } from './measure.ts'
import type { TwoNodes } from './two-nodes.ts'

export const batchSizes = [1, 10, 100, 1_000] as const

const warmUpMs = 1_500
const runMs = 3_000
/** Payments on their way at once, so that neither node waits for the other; what is open is bounded by lines (512). */
const lanes: Readonly<Record<(typeof batchSizes)[number], number>> = { 1: 256, 10: 128, 100: 64, 1000: 16 }

/** `batch` payments share one line, one signature and one verification. */
export async function paying(nodes: TwoNodes, batch: (typeof batchSizes)[number]): Promise<number[]> {
  const payer = await nodes.startPayer(batch)
  const [channelId] = await payer.open({ deposit: 10n ** 15n, channels: 1, atOnce: 1 })
  if (channelId === undefined) throw new Error('no channel was opened')
  const order = { channelId, batch, atOnce: lanes[batch] }
  await payer.pay({ ...order, milliseconds: warmUpMs })
  const runs: number[] = []
  for (let i = 0; i < runsPerFigure; i++) runs.push(await payer.pay({ ...order, milliseconds: runMs }))
  await payer.stop()
  return runs
}
