/** Every figure, in the order of measuring: limits first, because the others are divided by them. */
import { committing, recovering, signing } from './limits.ts'
import type { Figure } from './measure.ts'
import { figure, median, perSecond, rounded } from './measure.ts'
import { mppxVoucher, x402Voucher } from './peers.ts'

export async function* figures(wanted: (name: string) => boolean): AsyncGenerator<Figure> {
  const sign = figure('sign', 'signatures/s', await signing(), { note: 'bare libsecp256k1' })
  const verify = figure('verify', 'recoveries/s', await recovering(), { note: 'bare libsecp256k1' })
  if (wanted('sign')) yield sign
  if (wanted('verify')) yield verify
}
