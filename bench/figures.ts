/** Every figure, in the order of measuring: limits first, because the others are divided by them. */

import { committing, recovering, signing } from './limits.ts'
import { creatingAndAccepting } from './line.ts'
import type { Figure } from './measure.ts'
import { figure, perSecond, rounded } from './measure.ts'
import { mppxVoucher, x402Voucher } from './peers.ts'

export async function* figures(wanted: (name: string) => boolean): AsyncGenerator<Figure> {
  const { line, ...limits } = await measureLine(wanted)
  for (const limit of Object.values(limits)) if (wanted(limit.name)) yield limit
  if (line !== undefined) yield line
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
}

/** What bare cryptography allows for one signature and one recovery in a row, and what the core makes of it. */
async function measureLine(wanted: (name: string) => boolean) {
  const sign = figure('sign', 'signatures/s', await signing(), { note: 'bare libsecp256k1' })
  const verify = figure('verify', 'recoveries/s', await recovering(), { note: 'bare libsecp256k1' })
  const allowed = 1 / (1 / sign.median + 1 / verify.median)
  if (!wanted('line') && !wanted('peer.mppx') && !wanted('peer.x402'))
    return { sign, verify, line: undefined }
  const runs = await creatingAndAccepting()
  const line = figure('line', 'lines/s', runs)
  return { sign, verify, line: { ...line, ratios: { 'sign+verify': rounded(line.median / allowed) } } }
}
