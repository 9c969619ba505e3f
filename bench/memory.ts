/** Resident memory of a node with a thousand open, funded channels; the larger of the two nodes is counted. */
import { readFileSync } from 'node:fs'
import type { TwoNodes } from './two-nodes.ts'
import { startTwoNodes } from './two-nodes.ts'

export const channelCount = 1_000

/** A node lets at most 16 channels of one peer wait for their first deposit. */
const opensAtOnce = 10
const deposit = 1_000_000n
const samples = 5
const sampleMs = 1_000

/** Megabytes (10^6 bytes), once every second after the last channel has opened. */
export async function remembering(): Promise<number[]> {
  const nodes = await startTwoNodes(0.1)
  try {
    return await withChannels(nodes)
  } finally {
    await nodes.end()
  }
}

async function withChannels(nodes: TwoNodes): Promise<number[]> {
  const payer = await nodes.startPayer(1_000)
  const channelIds = await payer.open({ deposit, channels: channelCount, atOnce: opensAtOnce })
  for (const channelId of channelIds.slice(0, 10))
    await payer.pay({ channelId, batch: 1, atOnce: 1, milliseconds: 50 })
  const runs: number[] = []
  for (let i = 0; i < samples; i++) {
    await new Promise((resolve) => setTimeout(resolve, sampleMs))
    runs.push(Math.max(residentMb(payer.pid), residentMb(nodes.payeePid)))
  }
  await payer.stop()
  return runs
}

/** VmRSS of proc(5). */
function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6
}
