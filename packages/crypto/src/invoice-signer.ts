/**
 * The payee's key as a signer of invoices (IV-20). It puts each invoice together itself, checks it and computes its digest: no
 * digest, no bytes and no invoice of another payee can be handed to it.
 */
import {
  type Crypto,
  checkInvoice,
  checkInvoiceSize,
  INVOICE_VERSION,
  type Invoice,
  type InvoiceSigner,
  invoiceDigest,
  type RouteHint,
  toHex,
} from '@tallystick/protocol'
import { signCompact } from './recover.ts'
import type { Secp256k1 } from './secp256k1.ts'
import { holdKey } from './secrets.ts'

/** An invoice signer that holds its key in memory until it is destroyed. */
export interface KeyInvoiceSigner extends InvoiceSigner {
  /** Overwrites the key; every later `issue` throws `key-destroyed`. Idempotent. */
  destroy(): void
}

export function createInvoiceSigner(
  backend: Secp256k1,
  crypto: Crypto,
  privateKey: Uint8Array,
): KeyInvoiceSigner {
  const key = holdKey(privateKey)
  const payee = key.use((bytes) => backend.publicKey(bytes, 'compressed')).slice()
  return {
    nodeId: toHex(payee).slice(2),
    issue(terms) {
      // A copy, field by field, brings no fields of its own and cannot change under our hands. Not by `slice`, which
      // copies nothing of a Buffer.
      const invoice: Invoice = {
        version: INVOICE_VERSION,
        payee: new Uint8Array(payee),
        chainId: terms.chainId,
        bank: new Uint8Array(terms.bank),
        registry: new Uint8Array(terms.registry),
        token: new Uint8Array(terms.token),
        amount: terms.amount,
        paymentHash: new Uint8Array(terms.paymentHash),
        paymentSecret: new Uint8Array(terms.paymentSecret),
        createdAt: terms.createdAt,
        expirySeconds: terms.expirySeconds,
        description: terms.description,
        methods: { htlc: terms.methods.htlc, joint: terms.methods.joint },
        lockMarginSeconds: terms.lockMarginSeconds,
        addresses: terms.addresses.map(({ host, port }) => ({ host, port })),
        routes: terms.routes.map((route) => route.map((hop) => copied(hop))),
        features: terms.features,
      }
      const wrong = checkInvoice(invoice) ?? checkInvoiceSize(invoice)
      if (wrong !== undefined) return wrong
      const digest = invoiceDigest(crypto, invoice)
      return {
        ok: true,
        signed: { invoice, signature: key.use((bytes) => signCompact(backend, digest, bytes)) },
      }
    },
    destroy: () => key.destroy(),
  }
}

function copied({ channelId, from, feeBase, feePpm, minAmount, maxAmount }: RouteHint): RouteHint {
  return {
    channelId: new Uint8Array(channelId),
    from: new Uint8Array(from),
    feeBase,
    feePpm,
    minAmount,
    maxAmount,
  }
}
