/** Terms: one binary form, one id, and the rules of every party (JP-1 to JP-13). */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  checkTerms,
  conditionIdOf,
  decodeTerms,
  encodeTerms,
  equalBytes,
  type JointTerms,
  jointIdsOf,
  makeTerms,
  netOf,
  toHex,
} from '../../src/index.ts'
import { graphOf, partiesOf, partyOf, signsAfter } from '../../src/joint/graph.ts'
import { crypto, signerOf } from '../crypto.ts'
import { channelOf, startAs } from './rig.ts'
import { CYCLE, DIAMOND, NETTING, PAIR, PATH, SHAPES, SINGLE } from './shapes.ts'
import { DELTA, EXPIRY, type NamedHop, registry, START, T, termsOf, word } from './world.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const anyTerms: fc.Arbitrary<JointTerms> = fc.record({
  hops: fc.array(
    fc.record({
      channelId: bytes(32),
      direction: fc.constantFrom(0 as const, 1 as const),
      payer: bytes(20),
      payee: bytes(20),
      amount: fc.bigInt(0n, (1n << 128n) - 1n),
    }),
    { maxLength: 64 },
  ),
  customer: bytes(20),
  payees: fc.array(bytes(20), { maxLength: 32 }),
  reference: bytes(32),
  expiry: fc.maxSafeNat(),
  salt: bytes(32),
})

test('JP-2: terms have one binary form, and it comes back', () => {
  fc.assert(
    fc.property(anyTerms, (terms) => {
      expect(decodeTerms(encodeTerms(terms))).toEqual(terms)
    }),
  )
})

test('JP-2: bytes that are no terms are refused by field, and never throw', () => {
  const encoded = encodeTerms(PATH.terms())
  const codeOf = (input: Uint8Array) => {
    const terms = decodeTerms(input)
    return 'code' in terms ? `${terms.code} ${terms.field}` : 'ok'
  }
  expect(codeOf(encoded)).toBe('ok')
  for (let length = 0; length < encoded.length; length += 1)
    expect(codeOf(encoded.slice(0, length))).toMatch(/^terms-malformed /)
  expect(codeOf(new Uint8Array([...encoded, 0]))).toBe('terms-malformed terms')
  expect(codeOf(new Uint8Array([2, ...encoded.slice(1)]))).toBe('terms-malformed version')
  expect(codeOf(new Uint8Array([1, 65, ...encoded.slice(2)]))).toBe('terms-malformed hops')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (input) => {
      const terms = decodeTerms(input)
      if (!('code' in terms)) expect(toHex(encodeTerms(terms))).toBe(toHex(input))
    }),
  )
  fc.assert(
    fc.property(fc.nat(encoded.length - 1), fc.nat(255), (at, value) => {
      const changed = encoded.slice()
      changed[at] = value
      const terms = decodeTerms(changed)
      if (!('code' in terms)) expect(toHex(encodeTerms(terms))).toBe(toHex(changed))
    }),
  )
})

test('JP-3, JP-4: every field is in the id, and the id is that of the keys', () => {
  const terms = PATH.terms()
  const [first, ...rest] = terms.hops
  if (first === undefined) throw new Error('no hop')
  const changes: readonly Partial<JointTerms>[] = [
    { salt: word('another') },
    { reference: word('another') },
    { expiry: EXPIRY + 1 },
    { payees: [] },
    { hops: [{ ...first, amount: first.amount + 1n }, ...rest] },
    { hops: [{ ...first, channelId: word('another') }, ...rest] },
    { hops: [{ ...first, direction: first.direction === 0 ? 1 : 0 }, ...rest] },
    { customer: signerOf('B').address },
  ]
  const ids = [{}, ...changes].map((change) =>
    toHex(jointIdsOf(crypto, registry, { ...terms, ...change }).conditionId),
  )
  expect(new Set(ids).size).toBe(changes.length + 1)
  const { conditionId, keys, termsHash } = jointIdsOf(crypto, registry, terms)
  expect(keys.map(toHex)).toEqual(PATH.parties.map((name) => toHex(signerOf(name).address)).sort())
  expect(conditionIdOf(crypto, registry, { kind: 'signed', keys, termsHash })).toEqual(conditionId)
})

test.each(SHAPES)('JP-5: the terms of $name are in order', (shape) => {
  expect(checkTerms(shape.terms())).toBeUndefined()
})

const PATH_HOPS: readonly NamedHop[] = [
  ['A-B', 'A', 'B', 102n],
  ['B-C', 'B', 'C', 100n],
]
const many = Array.from(
  { length: 33 },
  (_, i): NamedHop => [`channel ${i}`, i === 0 ? 'A' : `p${i}`, `p${i + 1}`, 5n],
)
const long = Array.from({ length: 65 }, (_, i): NamedHop => [`channel ${i}`, 'A', 'B', 5n])

test.each([
  ['no hop', termsOf([], 'A', []), 'too-many'],
  ['65 hops', termsOf(long, 'A', ['B']), 'too-many'],
  ['34 signers', termsOf(many, 'A', []), 'too-many'],
  ['a zero amount', termsOf([['A-B', 'A', 'B', 0n]], 'A', []), 'hop-invalid'],
  ['a hop to itself', termsOf([['A-B', 'A', 'A', 5n]], 'A', []), 'hop-invalid'],
  ['a direction twice', termsOf([...PATH_HOPS, ['A-B', 'A', 'B', 5n]], 'A', []), 'hops-order'],
  [
    'both directions of two channels',
    termsOf([...PATH_HOPS, ['A-B', 'B', 'A', 5n], ['B-C', 'C', 'B', 1n]], 'A', []),
    undefined,
  ],
  ['hops out of order', { ...PATH.terms(), hops: [...PATH.terms().hops].reverse() }, 'hops-order'],
  ['a stranger as customer', termsOf(PATH_HOPS, 'Z', []), 'customer-invalid'],
  ['a payee as customer', termsOf(PATH_HOPS, 'C', []), 'customer-invalid'],
  ['a false customer', termsOf(PATH_HOPS, 'B', []), 'second-source'],
  ['two sources', termsOf([...PATH_HOPS, ['D-C', 'D', 'C', 5n]], 'A', []), 'second-source'],
  [
    'an island',
    termsOf([...PATH_HOPS, ['X-Y', 'X', 'Y', 5n], ['Y-Z', 'Y', 'X', 5n]], 'A', []),
    'unreachable',
  ],
  [
    'who is not reached',
    termsOf([...PATH_HOPS, ['X-Y', 'X', 'Y', 9n], ['Y-X', 'Y', 'X', 5n], ['Y-C', 'Y', 'C', 4n]], 'A', []),
    'unreachable',
  ],
  ['the customer as payee', termsOf(PATH_HOPS, 'A', ['A']), 'payee-invalid'],
  [
    'a payee that receives nothing',
    termsOf(
      [
        ['A-B', 'A', 'B', 5n],
        ['B-C', 'B', 'C', 5n],
      ],
      'A',
      ['B'],
    ),
    'payee-invalid',
  ],
  ['a payee twice', termsOf(PATH_HOPS, 'A', ['C', 'C']), 'payee-invalid'],
  ['a payee from outside', termsOf(PATH_HOPS, 'A', ['Z']), 'payee-invalid'],
  ['a short salt', termsOf(PATH_HOPS, 'A', [], { salt: new Uint8Array(31) }), 'terms-malformed'],
  ['a fraction of a second', termsOf(PATH_HOPS, 'A', [], { expiry: 1.5 }), 'terms-malformed'],
] as const)('JP-5: %s', (_, terms, code) => {
  expect(checkTerms(terms)?.code).toBe(code)
})

test('JP-5: both directions of a channel join the same two signers', () => {
  const terms = PATH.terms()
  const [first] = terms.hops
  if (first === undefined) throw new Error('no hop')
  const back = {
    ...first,
    direction: first.direction === 0 ? 1 : 0,
    payer: first.payee,
    payee: signerOf('Z').address,
    amount: 1n,
  } as const
  expect(checkTerms(makeTerms({ ...terms, hops: [...terms.hops, back] }))?.code).toBe('signer-differs')
})

test('JP-22: signatures are given from the payees back to the customer, cycles side by side', () => {
  const order = (terms: JointTerms, name: string) => {
    const graph = graphOf(terms)
    const names = ['A', 'B', 'C', 'D']
    const after = partiesOf(signsAfter(graph, partyOf(graph, signerOf(name).address)))
    return names.filter((one) => after.includes(partyOf(graph, signerOf(one).address))).join('')
  }
  expect(['A', 'B', 'C', 'D'].map((name) => order(PATH.terms(), name))).toEqual(['BCD', 'CD', 'D', ''])
  expect(['A', 'B', 'C'].map((name) => order(CYCLE.terms(), name))).toEqual(['BC', 'C', ''])
  expect(['A', 'B'].map((name) => order(PAIR.terms(), name))).toEqual(['B', ''])
  expect(['A', 'B', 'C', 'D'].map((name) => order(DIAMOND.terms(), name))).toEqual(['BCD', 'D', 'D', ''])
  expect(['A', 'B', 'C', 'D'].map((name) => order(NETTING.terms(), name))).toEqual(['BCD', 'CD', '', ''])
  expect(netOf(NETTING.terms(), signerOf('C').address)).toBe(45n)
})

const refusedAs = (name: string, terms: JointTerms, options: Parameters<typeof startAs>[2] = {}) => {
  const { step } = startAs(name, terms, options)
  return step.ok ? 'ok' : `${step.refusal.code} ${step.refusal.field}`
}

test('JP-11: a party takes part only in what it agreed to', () => {
  const terms = PATH.terms()
  expect(refusedAs('B', terms, { agreement: { leastNet: 2n } })).toBe('ok')
  expect(refusedAs('B', terms, { agreement: { leastNet: 3n } })).toBe('net-differs hops')
  expect(refusedAs('C', terms, { agreement: { leastNet: -1n } })).toBe('ok')
  expect(refusedAs('C', terms, { agreement: { leastNet: 0n } })).toBe('net-differs hops')
  expect(refusedAs('A', terms, { agreement: { leastNet: -101n } })).toBe('net-differs hops')
  expect(refusedAs('D', terms, { agreement: { leastNet: 102n } })).toBe('net-differs hops')
  expect(refusedAs('D', terms, { agreement: { reference: word('another') } })).toBe(
    'reference-differs reference',
  )
  expect(refusedAs('D', terms, { agreement: { reference: undefined } })).toBe('ok')
  expect(refusedAs('A', terms, { agreement: { asCustomer: false } })).toBe('customer-invalid customer')
  expect(refusedAs('B', terms, { agreement: { asCustomer: true } })).toBe('customer-invalid customer')
  expect(refusedAs('Z', terms)).toBe('not-a-party hops')
  expect(refusedAs('B', { ...terms, customer: word('nobody').slice(0, 20) })).toBe(
    'customer-invalid customer',
  )
})

test('JP-12: own hops are in own channels, between their two signers, in one token', () => {
  const terms = PATH.terms()
  const own = signerOf('B').address
  const known = (channelId: Uint8Array) => channelOf(terms, own, channelId)
  expect(refusedAs('B', terms, { start: { channel: () => undefined } })).toMatch(/^channel-unknown hops/)
  const stranger = signerOf('Z').address
  for (const hop of terms.hops)
    for (const end of [0, 1] as const) {
      const other = (channelId: Uint8Array) => {
        const channel = known(channelId)
        if (channel === undefined || !equalBytes(channelId, hop.channelId)) return channel
        const signer =
          end === 0 ? ([stranger, channel.signer[1]] as const) : ([channel.signer[0], stranger] as const)
        return { ...channel, signer }
      }
      const ours = known(hop.channelId) !== undefined
      const refused = refusedAs('B', terms, { start: { channel: other } })
      expect(refused).toMatch(ours ? /^signer-differs hops/ : /^ok$/)
    }
  const turned = (channelId: Uint8Array) => {
    const channel = known(channelId)
    return channel && { ...channel, signer: [channel.signer[1], channel.signer[0]] as const }
  }
  expect(refusedAs('B', terms, { start: { channel: turned } })).toMatch(/^signer-differs hops/)
  const tokens = (channelId: Uint8Array) => {
    const channel = known(channelId)
    return channel && { ...channel, token: channelId.slice(0, 20) }
  }
  expect(refusedAs('B', terms, { start: { channel: tokens } })).toMatch(/^token-differs hops/)
  // An own channel that carries a hop of others, who are not its signers.
  const stolen = { signer: [own, signerOf('C').address], token: word('token').slice(0, 20) } as const
  const all = (channelId: Uint8Array) => known(channelId) ?? stolen
  expect(refusedAs('B', terms, { start: { channel: all } })).toMatch(/^signer-differs hops/)
})

test('JP-13: the expiry leaves time to sign, and is not too far', () => {
  const at = (expiry: number) => refusedAs('B', PATH.terms({ expiry }))
  expect(at(START + T + DELTA)).toBe('ok')
  expect(at(START + T + DELTA - 1)).toBe('expiry-near expiry')
  expect(at(START + 3600)).toBe('ok')
  expect(at(START + 3601)).toBe('expiry-far expiry')
})

test('JP-14: terms come from a party that shares a hop; who refuses them says so', () => {
  const terms = PATH.terms()
  const from = (name: string) => ({ start: { from: signerOf(name).address } })
  expect(refusedAs('B', terms, from('C'))).toBe('ok')
  expect(refusedAs('B', terms, from('D'))).toBe('stranger from')
  expect(refusedAs('B', terms, from('Z'))).toBe('stranger from')
  const { step } = startAs('B', terms, { agreement: { leastNet: 3n }, ...from('A') })
  const { conditionId } = jointIdsOf(crypto, registry, terms)
  const party = signerOf('B').address
  expect(step).toMatchObject({
    ok: false,
    reply: { type: 'jointpay-refusal', conditionId, party, code: 'net-differs' },
  })
  expect(startAs('B', SINGLE.terms(), { agreement: { leastNet: 51n } }).step).toMatchObject({
    reply: undefined,
  })
})
