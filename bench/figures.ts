/** Every figure, in the order of measuring: limits first, because the others are divided by them. */

import { committing, recovering, signing } from './limits.ts'
import { creatingAndAccepting } from './line.ts'
import type { Figure } from './measure.ts'
import { figure, perSecond, rounded } from './measure.ts'
import { channelCount, remembering } from './memory.ts'
import { creatingOnions, peelingOnions } from './onion.ts'
import { findingPaths } from './paths.ts'
import { batchSizes, paying } from './payments.ts'
import { mppxVoucher, x402Voucher } from './peers.ts'
import { startTwoNodes } from './two-nodes.ts'

export async function* figures(wanted: (name: string) => boolean): AsyncGenerator<Figure> {
  const { sign, verify, line } = await measureLine(wanted)
  for (const taken of [sign, verify, line]) if (taken !== undefined && wanted(taken.name)) yield taken
  for (const peer of [
    { name: 'peer.mppx', voucher: mppxVoucher },
    { name: 'peer.x402', voucher: x402Voucher },
  ]) {
    if (!wanted(peer.name)) continue
    const taken = figure(peer.name, 'vouchers/s', await perSecond(await peer.voucher()))
    const ratios = line === undefined ? {} : { line: rounded(taken.median / line.median) }
    yield {
      ...taken,
      ratios,
      note: line === undefined ? '' : `line is ${(line.median / taken.median).toFixed(1)} times this`,
    }
  }
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

/** What bare cryptography allows for one signature and one recovery in a row, and what the core makes of it. */
async function measureLine(wanted: (name: string) => boolean) {
  const peers = wanted('peer.mppx') || wanted('peer.x402')
  if (!peers && !wanted('line') && !wanted('sign') && !wanted('verify')) return {}
  const sign = figure('sign', 'signatures/s', await signing(), { note: 'bare libsecp256k1' })
  const verify = figure('verify', 'recoveries/s', await recovering(), { note: 'bare libsecp256k1' })
  const allowed = 1 / (1 / sign.median + 1 / verify.median)
  if (!peers && !wanted('line')) return { sign, verify }
  const line = figure('line', 'lines/s', await creatingAndAccepting())
  return { sign, verify, line: { ...line, ratios: { 'sign+verify': rounded(line.median / allowed) } } }
}
