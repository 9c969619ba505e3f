/** Every figure, in the order of measuring: limits first, because the others are divided by them. */

import { forwarding, inFlight } from './forwarding.ts'
import { committing, recovering, signing } from './limits.ts'
import { creatingAndAccepting } from './line.ts'
import type { Figure, Work } from './measure.ts'
import { figure, ratio, rounded, sideBySide } from './measure.ts'
import { channelCount, remembering } from './memory.ts'
import { creatingOnions, peelingOnions } from './onion.ts'
import { findingPaths } from './paths.ts'
import { batchSizes, paying } from './payments.ts'
import { mppxVoucher, x402Voucher } from './peers.ts'
import { startTwoNodes } from './two-nodes.ts'

export async function* figures(wanted: (name: string) => boolean): AsyncGenerator<Figure> {
  yield* lineFigures(wanted)
  if (wanted('commit'))
    yield figure('commit', 'commits/s', await committing(), {
      note: 'one row each, flushed to this disk, one after the other',
    })
  if (wanted('onion.create'))
    yield figure('onion.create', 'onions/s', await creatingOnions(), { note: 'three hops' })
  if (wanted('onion.peel'))
    yield figure('onion.peel', 'onions/s', await peelingOnions(), { note: 'one hop, with the next packet' })
  if (wanted('path.find')) yield findingPaths()
  yield* nodeFigures(wanted)
  yield* networkFigures(wanted)
}

/** Payments over two strangers: how many a second with so many under way, and how long one alone takes. */
async function* networkFigures(wanted: (name: string) => boolean): AsyncGenerator<Figure> {
  for (const via of ['htlc', 'joint'] as const) {
    const numbers = inFlight.filter(
      (count) => wanted(`${via}.${count}`) || (count === 1 && wanted(`${via}.latency`)),
    )
    if (numbers.length === 0) continue
    for await (const [count, { runs, p50, p99 }] of forwarding(via, numbers)) {
      const latency = `p50 ${rounded(p50)} ms, p99 ${rounded(p99)} ms`
      if (wanted(`${via}.${count}`))
        yield figure(`${via}.${count}`, 'payments/s', runs, {
          note: `three hops in four processes, ${count} under way, durable everywhere; ${latency}`,
        })
      if (count === 1 && wanted(`${via}.latency`))
        yield figure(`${via}.latency`, 'ms', [p50], { note: `one payment alone: ${latency}` })
    }
  }
}

/** Figures that need two nodes and a chain. */
async function* nodeFigures(wanted: (name: string) => boolean): AsyncGenerator<Figure> {
  const batches = batchSizes.filter((batch) => wanted(`pay.${batch}`))
  if (batches.length > 0) {
    const nodes = await startTwoNodes(1)
    try {
      for (const batch of batches)
        yield figure(`pay.${batch}`, 'payments/s', await paying(nodes, batch), {
          note: `${batch} in a line, acknowledged, durable on both sides`,
        })
    } finally {
      await nodes.end()
    }
  }
  if (wanted('memory'))
    yield figure('memory', 'MB', await remembering(), {
      note: `resident, with ${channelCount} open channels; the larger of two nodes`,
    })
}

/**
 * One line of ours beside its parts and its peers, all side by side: bare cryptography is what one signature and one recovery
 * allow, and the peers create and verify one voucher.
 */
async function* lineFigures(wanted: (name: string) => boolean): AsyncGenerator<Figure> {
  const peers = { 'peer.mppx': mppxVoucher, 'peer.x402': x402Voucher } as const
  const peerNames = (['peer.mppx', 'peer.x402'] as const).filter(wanted)
  if (peerNames.length === 0 && !['sign', 'verify', 'line'].some(wanted)) return
  const works: Record<string, Work> = { sign: signing(), verify: recovering() }
  if (peerNames.length > 0 || wanted('line')) works.line = await creatingAndAccepting()
  for (const name of peerNames) works[name] = await peers[name]()
  const { sign = [], verify = [], line = [], ...vouchers } = await sideBySide(works)
  if (wanted('sign')) yield figure('sign', 'signatures/s', sign, { note: 'bare libsecp256k1' })
  if (wanted('verify')) yield figure('verify', 'recoveries/s', verify, { note: 'bare libsecp256k1' })
  const allowed = sign.map((signs, run) => 1 / (1 / signs + 1 / (verify[run] ?? Number.NaN)))
  if (wanted('line'))
    yield figure('line', 'lines/s', line, { ratios: { 'sign+verify': rounded(ratio(line, allowed)) } })
  for (const name of peerNames) {
    const runs = vouchers[name] ?? []
    const times = ratio(line, runs)
    yield figure(name, 'vouchers/s', runs, {
      ratios: { line: rounded(1 / times) },
      note: `line is ${times.toFixed(1)} times this`,
    })
  }
}
