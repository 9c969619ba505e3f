/** Hosts, `tally:` URIs and addresses (docs/spec/invoice.md IV-30 to IV-39). */

import { isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Asked,
  formatInvoice,
  formatTallyUri,
  formatTarget,
  INVOICE_FAULTS,
  isAddressName,
  MAX_AMOUNT,
  MAX_URI_CHARACTERS,
  parseAddress,
  parseHost,
  parseTallyUri,
  parseTarget,
  type Target,
} from '../../src/index.ts'
import { crypto, issued, NETWORK, payeeNamed, terms } from './sample.ts'

const nodeId = payeeNamed('payee').nodeId
const invoice = formatInvoice(issued(terms()))
const token = `0x${'ab'.repeat(20)}`

function target(text: string): Target {
  const result = parseTallyUri(crypto, text)
  if (!result.ok) throw new Error(`${result.code} ${result.field}: ${result.detail}`)
  return result.target
}

function fault(text: string): readonly [string, string] {
  const result = parseTallyUri(crypto, text)
  if (result.ok) throw new Error(`it was taken: ${text}`)
  expect(INVOICE_FAULTS[result.code]).toBe(result.remedy)
  // What a stranger wrote is shown without what a terminal would act on.
  expect(result.detail).toMatch(/^[\x20-\x7e]+$/)
  return [result.code, result.field]
}

describe('hosts', () => {
  const hostOf = (text: string) => {
    const host = parseHost(text)
    return typeof host === 'string' ? undefined : host
  }

  test('IV-31: an IPv4 address is one exactly when Node.js says so, and is its own text', () => {
    const near = fc.string({ unit: fc.constantFrom(...'0123456789.'), maxLength: 16 })
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), near), (text) => {
        expect(hostOf(text)?.kind === 'ipv4').toBe(isIPv4(text))
        if (isIPv4(text)) expect(hostOf(text)?.text).toBe(text)
      }),
    )
  })

  test('IV-32: an IPv6 address has the text that the URL standard gives it', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(65_535)), { minLength: 8, maxLength: 8 })
    const written = groups.map((all) => all.map((group) => group.toString(16).toUpperCase()).join(':'))
    const near = fc.string({ unit: fc.constantFrom(...'0123abF:'), minLength: 2, maxLength: 20 })
    fc.assert(
      fc.property(fc.oneof(fc.ipV6(), written, near), (text) => {
        const host = hostOf(text)
        if (!text.includes(':')) return
        const mapped = /^::ffff:[0-9a-f]+:[0-9a-f]+$/
        if (isIPv6(text) && !text.includes('.')) {
          const standard = new URL(`http://[${text}]`).hostname.slice(1, -1)
          expect(host?.text).toBe(mapped.test(standard) ? undefined : standard)
        } else expect(host).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })

  test('IV-30: a name that is taken is what a URL makes of it, so nothing is another host in disguise', () => {
    const near = fc.string({ unit: fc.constantFrom(...'aZ019-.x_%'), minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(fc.oneof(fc.domain(), near), (text) => {
        const host = hostOf(text)
        if (host?.kind !== 'name') return
        expect(new URL(`https://${text}/`).hostname).toBe(host.text)
        expect(hostOf(host.text)).toEqual(host)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    'bücher.example',
    'аpple.example', // a Cyrillic a
    'a。example', // an ideographic full stop
    '\u212aelvin.example', // the Kelvin sign, whose lower case is k
    'a.example.',
    '.example',
    'a..example',
    '-a.example',
    'a-.example',
    'a_b.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}aa`,
    'example.123',
    'example.0x7f',
    '0x7f000001',
    '2130706433',
    '127.1',
    '127.0.0.01',
    '256.0.0.1',
    '1.2.3.4.5',
    '::ffff:7f00:1',
    '::ffff:127.0.0.1',
    'fe80::1%eth0',
    '1::2::3',
    ':1',
    'a b',
    'a/b',
    'a@b',
    '',
  ])('IV-30: %j is no host', (text) => {
    expect(typeof parseHost(text)).toBe('string')
  })

  test('the longest name', () => {
    const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`
    expect(hostOf(longest)?.text).toBe(longest)
    expect(hostOf(`${longest}d`)).toBeUndefined()
  })
})

describe('tally: URIs', () => {
  const asked: fc.Arbitrary<Asked> = fc.oneof(
    fc.constant({ token: undefined, amount: undefined }),
    fc.record({
      token: fc.uint8Array({ minLength: 20, maxLength: 20 }),
      amount: fc.option(fc.bigInt({ min: 1n, max: MAX_AMOUNT }), { nil: undefined }),
    }),
  )
  const host = fc
    .oneof(fc.ipV4(), fc.ipV6(), fc.domain())
    .map((text) => parseHost(text))
    .filter((one) => typeof one === 'object')
    .map((one) => (typeof one === 'object' ? one.text : ''))
  const port = fc.integer({ min: 1, max: 65_535 })
  const name = fc
    .string({ unit: fc.constantFrom(...'abcxyz0189._-'), minLength: 1, maxLength: 64 })
    .filter((text) => /^[a-z0-9](.*[a-z0-9])?$/.test(text))
  const anyTarget: fc.Arbitrary<Target> = fc.oneof(
    fc
      .tuple(host, port, asked)
      .map(([host, port, asked]) => ({ kind: 'node' as const, nodeId, host, port, ...asked })),
    fc
      .tuple(name, host, fc.option(port, { nil: undefined }), asked)
      .map(([name, host, port, asked]) => ({ kind: 'address' as const, name, host, port, ...asked })),
    fc.constant({ kind: 'invoice' as const, signed: issued(terms()) }),
  )

  test('IV-33: what is written reads as what it was written for, also in upper case and without the scheme', () => {
    fc.assert(
      fc.property(anyTarget, (some) => {
        const uri = formatTallyUri(some)
        expect(target(uri)).toEqual(some)
        expect(target(uri.toUpperCase())).toEqual(some)
        expect(parseTarget(crypto, formatTarget(some))).toEqual({ ok: true, target: some })
        expect(parseTarget(crypto, uri)).toEqual({ ok: true, target: some })
        expect(uri.length).toBeLessThanOrEqual(MAX_URI_CHARACTERS)
      }),
      { numRuns: 500 },
    )
  })

  test('what people write', () => {
    expect(target(`tally:${invoice}`)).toEqual({ kind: 'invoice', signed: issued(terms()) })
    expect(target(`TALLY:${invoice.toUpperCase()}`)).toMatchObject({ kind: 'invoice' })
    expect(target(`Tally:${invoice.toUpperCase()}`)).toMatchObject({ kind: 'invoice' })
    expect(target(`tally:${nodeId}@Node.Example:9735?token=${token}&amount=5`)).toEqual({
      kind: 'node',
      nodeId,
      host: 'node.example',
      port: 9735,
      token: new Uint8Array(20).fill(0xab),
      amount: 5n,
    })
    expect(target(`tally:${nodeId}@[2001:DB8::0:7]:9735`)).toMatchObject({ host: '2001:db8::7', port: 9735 })
    expect(target('tally:Alice@Shop.Example')).toMatchObject({
      kind: 'address',
      name: 'alice',
      host: 'shop.example',
      port: undefined,
    })
    expect(formatTallyUri(target(`tally:alice@shop.example?amount=5&token=${token}`))).toBe(
      `tally:alice@shop.example?token=${token}&amount=5`,
    )
    expect(parseTarget(crypto, 'alice@shop.example:8443')).toMatchObject({ target: { port: 8443 } })
  })

  test.each<[string, string, string]>([
    ['', 'scheme-wrong', 'scheme'],
    [invoice, 'scheme-wrong', 'scheme'],
    [`lightning:${invoice}`, 'scheme-wrong', 'scheme'],
    [`tally://${invoice}`, 'scheme-wrong', 'scheme'],
    ['tally:', 'target-unknown', 'text'],
    ['tally:alice', 'target-unknown', 'text'],
    ['tally:alice@shop@example', 'host-invalid', 'host'],
    ['tally:a@[::1', 'target-unknown', 'text'],
    [`tally:${invoice}?amount=1`, 'character-invalid', 'text'],
    [`tally:${invoice.slice(0, -7)}`, 'truncated', 'text'],
    [`tally:x${nodeId.slice(1)}@a.example:1`, 'node-id-invalid', 'nodeId'],
    [`tally:04${nodeId.slice(2)}@a.example:1`, 'node-id-invalid', 'nodeId'],
    [`tally:${nodeId}@a.example`, 'port-invalid', 'port'],
    [`tally:${nodeId}@a.example:`, 'port-invalid', 'port'],
    [`tally:${nodeId}@a.example:0`, 'port-invalid', 'port'],
    [`tally:${nodeId}@a.example:65536`, 'port-invalid', 'port'],
    [`tally:${nodeId}@a.example:09735`, 'port-invalid', 'port'],
    [`tally:${nodeId}@a.example:1:2`, 'port-invalid', 'port'],
    [`tally:${nodeId}@:1`, 'host-invalid', 'host'],
    [`tally:${nodeId}@[127.0.0.1]:1`, 'host-invalid', 'host'],
    ['tally:alice@127.0.0.1#x', 'host-invalid', 'host'],
    ['tally:alice@shop.example/../x', 'host-invalid', 'host'],
    ['tally:alice@xn--example.', 'host-invalid', 'host'],
    ['tally:alice@bücher.example', 'host-invalid', 'host'],
    ['tally:@shop.example', 'name-invalid', 'name'],
    ['tally:..@shop.example', 'name-invalid', 'name'],
    ['tally:.@shop.example', 'name-invalid', 'name'],
    ['tally:a/b@shop.example', 'name-invalid', 'name'],
    ['tally:a%2fb@shop.example', 'name-invalid', 'name'],
    ['tally:аlice@shop.example', 'name-invalid', 'name'],
    ['tally:\u212aim@shop.example', 'name-invalid', 'name'],
    ['TALLY:\u212aIM@SHOP.EXAMPLE', 'name-invalid', 'name'],
    [`tally:${'a'.repeat(65)}@shop.example`, 'name-invalid', 'name'],
    ['tally:alice@shop.example?', 'parameter-unknown', 'parameters'],
    ['tally:alice@shop.example?memo=x', 'parameter-unknown', 'parameters'],
    ['tally:alice@shop.example?\u001b[2J=x', 'parameter-unknown', 'parameters'],
    [`tally:alice@shop.example?Token=${token}`, 'parameter-unknown', 'parameters'],
    [`tally:alice@shop.example?token=${token}&token=${token}`, 'parameter-repeated', 'token'],
    [`tally:alice@shop.example?token=${token.slice(0, -1)}`, 'token-invalid', 'token'],
    ['tally:alice@shop.example?token=', 'token-invalid', 'token'],
    ['tally:alice@shop.example?amount=5', 'amount-invalid', 'amount'],
    [`tally:alice@shop.example?token=${token}&amount=0`, 'amount-invalid', 'amount'],
    [`tally:alice@shop.example?token=${token}&amount=05`, 'amount-invalid', 'amount'],
    [`tally:alice@shop.example?token=${token}&amount=1.5`, 'amount-invalid', 'amount'],
    [`tally:alice@shop.example?token=${token}&amount=${MAX_AMOUNT + 1n}`, 'amount-invalid', 'amount'],
    [`tally:alice@shop.example?token=${token}&amount=5&`, 'parameter-unknown', 'parameters'],
    [`tally:${'a'.repeat(MAX_URI_CHARACTERS)}@shop.example`, 'too-long', 'text'],
  ])('IV-34 to IV-38: %s is refused', (text, code, field) => {
    expect(fault(text)).toEqual([code, field])
  })

  test('IV-33: an invoice of another network is refused when the network is known', () => {
    expect(parseTallyUri(crypto, `tally:${invoice}`, NETWORK).ok).toBe(true)
    expect(parseTarget(crypto, invoice, { ...NETWORK, chainId: 5n })).toMatchObject({ code: 'network-wrong' })
  })

  test('IV-35: an address alone is read without scheme, and a node is none', () => {
    expect(parseAddress('Alice@Shop.Example')).toEqual({
      ok: true,
      target: target('tally:alice@shop.example'),
    })
    expect(parseAddress(`${nodeId}@shop.example:1`)).toMatchObject({ code: 'name-invalid' })
    expect(parseAddress('tally:alice@shop.example')).toMatchObject({ code: 'name-invalid' })
    expect(parseAddress('a'.repeat(5000))).toMatchObject({ code: 'too-long' })
    expect(isAddressName('alice')).toBe(true)
    for (const name of ['', '..', 'Alice', 'a/b', 'a@b', '-a', 'a.']) expect(isAddressName(name)).toBe(false)
  })

  test('nothing throws, and what is taken is written in a form that reads the same', () => {
    const near = fc
      .string({ unit: fc.constantFrom(...'aA0@:?=&[].-_%/', 'é', '\u0000'), maxLength: 40 })
      .map((text) => `tally:${text}`)
    const nodes = near.map((text) => `tally:${nodeId}@${text.slice(6)}`)
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), near, nodes), (text) => {
        const result = parseTallyUri(crypto, text)
        if (result.ok) expect(target(formatTallyUri(result.target))).toEqual(result.target)
        else fault(text)
      }),
      { numRuns: 3000 },
    )
  })
})
