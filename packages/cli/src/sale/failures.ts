/** What can go wrong between a seller and a buyer, in the words and exit codes of the command line. */
import type { PaywallErrorCode } from '@tallystick/client/paywall'
import { PaywallError } from '@tallystick/client/paywall'
import type { FailureKind } from '../failure.ts'
import { Failure } from '../failure.ts'

const kinds: Readonly<Record<PaywallErrorCode, FailureKind>> = {
  'file-unusable': 'usage',
  'file-changed': 'usage',
  'offer-invalid': 'usage',
  'seller-unreachable': 'unreachable',
  'manifest-malformed': 'refused',
  'manifest-changed': 'refused',
  'not-as-expected': 'refused',
  'too-expensive': 'refused',
  'terms-changed': 'refused',
  'no-channel': 'refused',
  'no-invoice': 'refused',
  'payment-failed': 'refused',
  'node-unavailable': 'unreachable',
  'payment-pending': 'unreachable',
  'not-delivered': 'unreachable',
  'chunk-corrupt': 'refused',
  'file-corrupt': 'refused',
  'output-exists': 'usage',
  'state-unusable': 'notReady',
  aborted: 'interrupted',
}

/** Passes on whatever is not the paywall's. */
export function explainSale(thrown: unknown): unknown {
  if (!(thrown instanceof PaywallError)) return thrown
  const { code, field, message, remedy, atRisk } = thrown
  const facts = atRisk > 0n ? { atRisk: atRisk.toString() } : undefined
  return new Failure(kinds[code], { code, field, message, remedy, facts }, thrown)
}
