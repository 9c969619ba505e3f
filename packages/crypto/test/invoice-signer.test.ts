/** The payee's key signs invoices it put together itself, and nothing else (EN-66, IV-20). */
import { inspect } from 'node:util'
import { formatInvoice, type InvoiceTerms, invoiceDigest, parseInvoice } from '@tallystick/protocol'
import { describe, expect, test } from 'vitest'
import { loadCrypto } from '../src/index.ts'
import { bytes, hex, signVectors } from './vectors.ts'

const loaded = await loadCrypto()
const inJavaScript = await loadCrypto({ prefer: 'javascript' })
const key = signVectors[11]?.privateKey ?? new Uint8Array()

function terms(change: Partial<InvoiceTerms> = {}): InvoiceTerms {
  return {
    chainId: 31337n,
    bank: new Uint8Array(20).fill(0xba),
    registry: new Uint8Array(20).fill(0xce),
    token: new Uint8Array(20),
    amount: 5n,
    paymentHash: new Uint8Array(32).fill(1),
    paymentSecret: new Uint8Array(32).fill(2),
    createdAt: 1_790_000_000,
    expirySeconds: 60,
    description: 'tea',
    methods: { htlc: true, joint: false },
    lockMarginSeconds: 60,
    addresses: [],
    routes: [],
    features: 0n,
    ...change,
  }
}

function textOf(from: Pick<ReturnType<typeof loaded.createInvoiceSigner>, 'issue'>, some = terms()): string {
  const result = from.issue(some)
  if (!result.ok) throw new Error(result.detail)
  return formatInvoice(result.signed)
}

describe('invoice signer', () => {
  test('signs as the node whose identity key it is, the same bytes on every backend, and each reads the other’s', () => {
    const signer = loaded.createInvoiceSigner(key)
    expect(signer.nodeId).toBe(loaded.createIdentity(key).nodeId)
    const text = textOf(signer)
    expect(textOf(inJavaScript.createInvoiceSigner(key))).toBe(text)
    for (const { crypto } of [loaded, inJavaScript]) {
      const result = parseInvoice(crypto, text)
      if (!result.ok) throw new Error(result.detail)
      expect(hex(result.signed.invoice.payee)).toBe(signer.nodeId)
      const digest = invoiceDigest(crypto, result.signed.invoice)
      expect(hex(crypto.recoverNodeId(digest, result.signed.signature) ?? bytes(''))).toBe(signer.nodeId)
    }
  })

  test('offers no way to sign a digest or bytes, nor to read the key', () => {
    const signer = loaded.createInvoiceSigner(key)
    expect(Object.keys(signer).sort()).toEqual(['destroy', 'issue', 'nodeId'])
    for (const given of [new Uint8Array(32), `0x${'11'.repeat(32)}`, undefined])
      expect(() => signer.issue(given as unknown as InvoiceTerms)).toThrow(TypeError)
    expect(inspect(signer, { depth: 9, showHidden: true })).not.toContain(hex(key))
    expect(JSON.stringify(signer)).not.toContain(hex(key))
  })

  test('signs nothing for another payee, nor anything out of range', () => {
    const signer = loaded.createInvoiceSigner(key)
    const forged = { ...terms(), payee: new Uint8Array(33).fill(2) }
    expect(textOf(signer, forged)).toBe(textOf(signer))
    expect(signer.issue(terms({ amount: 0n }))).toMatchObject({ code: 'field-invalid', field: 'amount' })
  })

  test('an invoice is not a proof of identity, nor the other way round', () => {
    const result = loaded.createInvoiceSigner(key).issue(terms())
    if (!result.ok) throw new Error(result.detail)
    const { nodeId } = loaded.createIdentity(key)
    const statement = {
      role: 'dialer',
      dialerId: nodeId,
      listenerId: nodeId,
      exporter: new Uint8Array(32),
    } as const
    expect(loaded.verifyIdentity(statement, result.signed.signature)).toBe(false)
  })

  test('holds a copy of the key, and signs nothing once destroyed', () => {
    const mine = key.slice()
    const signer = loaded.createInvoiceSigner(mine)
    const before = textOf(signer)
    mine.fill(0)
    expect(textOf(signer)).toBe(before)
    signer.destroy()
    signer.destroy()
    expect(() => signer.issue(terms())).toThrow(expect.objectContaining({ code: 'key-destroyed' }))
    expect(() => loaded.createInvoiceSigner(new Uint8Array(32))).toThrow(
      expect.objectContaining({ code: 'invalid-private-key' }),
    )
  })
})
