/** The vectors of joint payments: terms, their hash and condition id, the key that meets it, abort and receipts (JP-2 to JP-4). */

import {
  digestOf,
  domainOf,
  encodeKey,
  encodeTerms,
  type JointTerms,
  jointIdsOf,
  type Signable,
  toHex,
} from '../../src/index.ts'
import { crypto, signerOf } from '../crypto.ts'
import { CYCLE, NETTING, PATH } from '../joint/shapes.ts'
import { type NamedHop, termsOf } from '../joint/world.ts'

const REGISTRY = crypto.keccak256(new TextEncoder().encode('registry')).slice(0, 20)
const registry = domainOf(crypto, 31337n, REGISTRY)

/** The longest: 32 signers, the largest amount and expiry. */
const names = Array.from({ length: 32 }, (_, i) => `signer ${i}`)
const longHops = names.slice(1).map((to, i): NamedHop => {
  return [`channel ${i}`, names[i] ?? '', to, (1n << 128n) - 1n]
})
const LONG = termsOf(longHops, 'signer 0', ['signer 31'], {
  expiry: Number.MAX_SAFE_INTEGER,
  reference: new Uint8Array(32),
})

const CASES: readonly { readonly terms: JointTerms; readonly names: readonly string[] }[] = [
  { terms: PATH.terms(), names: PATH.parties },
  { terms: CYCLE.terms(), names: CYCLE.parties },
  { terms: NETTING.terms(), names: NETTING.parties },
  { terms: LONG, names },
]

export function jointVectors() {
  return { chainId: '31337', registry: toHex(REGISTRY), cases: CASES.map(caseOf) }
}

function caseOf({ terms, names }: (typeof CASES)[number]) {
  const { conditionId, termsHash, keys } = jointIdsOf(crypto, registry, terms)
  const signers = new Map(names.map((name) => [toHex(signerOf(name).address), signerOf(name)]))
  const sign = (address: Uint8Array, message: Signable) => {
    const signer = signers.get(toHex(address))
    if (signer === undefined) throw new Error('no such signer')
    return signer.sign(message)
  }
  const condition = { type: 'Condition', domain: registry, conditionId } as const
  const abort = { type: 'JointAbort', domain: registry, conditionId } as const
  const { reference: paymentReference } = terms
  const receipt = { type: 'JointReceipt', domain: registry, conditionId, paymentReference } as const
  const signatures = keys.map((key) => sign(key, condition))
  const approvals = signatures.map((signature) => ({ signature, index: 0, path: [] }))
  return {
    hops: terms.hops.map(({ channelId, direction, payer, payee, amount }) => ({
      channelId: toHex(channelId),
      direction: String(direction),
      payer: toHex(payer),
      payee: toHex(payee),
      amount: String(amount),
    })),
    customer: toHex(terms.customer),
    payees: terms.payees.map(toHex),
    reference: toHex(terms.reference),
    expiry: String(terms.expiry),
    salt: toHex(terms.salt),
    encoded: toHex(encodeTerms(terms)),
    termsHash: toHex(termsHash),
    keys: keys.map(toHex),
    conditionId: toHex(conditionId),
    signatures: signatures.map(toHex),
    key: toHex(encodeKey({ kind: 'signed', keys, termsHash, approvals })),
    abort: { digest: toHex(digestOf(crypto, abort)), signature: toHex(sign(terms.customer, abort)) },
    receipt: {
      digest: toHex(digestOf(crypto, receipt)),
      signatures: terms.payees.map((payee) => toHex(sign(payee, receipt))),
    },
  }
}
