/** Buyers that cheat: no chunk is delivered that is not paid, in full, for this buyer and this chunk. */
import { appendFileSync, chmodSync, rmSync } from 'node:fs'
import type { Hex } from '@tallystick/client'
import { describe, expect, test } from 'vitest'
import { PaymentRequired } from '../../src/paywall/wire.ts'
import { PRICE, paperLedger, TOKEN } from './paper-ledger.ts'
import { openStall, type Stall } from './stall.ts'

const MINE: Hex = `0x${'01'.repeat(32)}`
const YOURS: Hex = `0x${'02'.repeat(32)}`

async function ask(
  stall: Stall,
  chunk: number | string,
  session: string | undefined,
  reference?: string,
  method = 'GET',
) {
  const headers: Record<string, string> = {}
  if (session !== undefined) headers['tally-session'] = session
  if (reference !== undefined) headers['tally-reference'] = reference
  return fetch(`${stall.url}/chunks/${chunk}`, { headers, method })
}

async function terms(stall: Stall, chunk: number, session: Hex): Promise<PaymentRequired['terms']> {
  const response = await ask(stall, chunk, session)
  expect(response.status).toBe(402)
  return PaymentRequired.parse(await response.json()).terms
}

async function required(response: Response): Promise<string> {
  expect(response.status).toBe(402)
  return PaymentRequired.parse(await response.json()).reason
}

describe('a chunk is delivered', () => {
  test('when its reference is paid in full, as often as its buyer asks, and no other chunk with it', async () => {
    const stall = await openStall()
    const { reference } = await terms(stall, 2, MINE)
    stall.ledger.put({ reference, amount: PRICE, token: TOKEN })
    for (let i = 0; i < 2; i++) {
      const response = await ask(stall, 2, MINE, reference)
      expect([response.status, response.headers.get('accept-ranges')]).toEqual([200, 'none'])
      expect(Buffer.from(await response.arrayBuffer()).equals(stall.bytes.subarray(20_002, 30_003))).toBe(
        true,
      )
    }
    expect(await required(await ask(stall, 3, MINE))).toBe('unpaid')
    expect(await required(await ask(stall, 3, MINE, reference))).toBe('reference-mismatch')
  })

  test('not to another session that presents the paid reference', async () => {
    const stall = await openStall()
    const { reference } = await terms(stall, 2, MINE)
    stall.ledger.put({ reference, amount: PRICE, token: TOKEN })
    expect(await required(await ask(stall, 2, YOURS, reference))).toBe('reference-mismatch')
    expect(await required(await ask(stall, 2, YOURS))).toBe('unpaid')
  })

  test('not for less than the price, nor for parts of it, nor for another token', async () => {
    const stall = await openStall()
    const { reference } = await terms(stall, 2, MINE)
    stall.ledger.put({ reference, amount: PRICE - 1n, token: TOKEN })
    expect(await required(await ask(stall, 2, MINE, reference))).toBe('underpaid')
    stall.ledger.put({ reference, amount: PRICE - 1n, token: TOKEN })
    expect(await required(await ask(stall, 2, MINE, reference))).toBe('underpaid')
    stall.ledger.put({ reference, amount: PRICE * 100n, token: `0x${'66'.repeat(20)}` })
    expect(await required(await ask(stall, 2, MINE, reference))).toBe('underpaid')
    stall.ledger.put({ reference, amount: PRICE, token: TOKEN })
    expect((await ask(stall, 2, MINE, reference)).status).toBe(200)
  })

  test('not while the seller’s node cannot say that it is paid', async () => {
    const stall = await openStall()
    const { reference } = await terms(stall, 2, MINE)
    stall.ledger.put({ reference, amount: PRICE, token: TOKEN })
    stall.ledger.cashier.paid = async () => {
      throw new Error('secret inner state')
    }
    const response = await ask(stall, 2, MINE, reference)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await response.text()).not.toContain('secret')
  })
})

describe('references', () => {
  test('differ for every session, chunk, file and key; and stay the same over a restart', async () => {
    const [stall, other] = [await openStall(), await openStall({ ledger: paperLedger() })]
    const seen = new Set<string>()
    for (const session of [MINE, YOURS])
      for (const chunk of [0, 1, 9])
        for (const at of [stall, other]) seen.add((await terms(at, chunk, session)).reference)
    expect(seen.size).toBe(12)
    const before = await terms(stall, 4, MINE)
    await stall.restart()
    expect(await terms(stall, 4, MINE)).toEqual(before)
    rmSync(stall.keyFile)
    await stall.restart()
    expect((await terms(stall, 4, MINE)).reference).not.toBe(before.reference)
  })

  test('are not made with a key that others can read', async () => {
    const stall = await openStall()
    chmodSync(stall.keyFile, 0o644)
    await expect(stall.restart()).rejects.toMatchObject({ code: 'secret-exposed', field: stall.keyFile })
  })
})

describe('requests that are no requests are refused by name', () => {
  test.for<[number | string, string | undefined, string | undefined, number, string, string]>([
    [0, undefined, undefined, 400, 'SESSION_MISSING', 'tally-session'],
    [0, '0x01', undefined, 400, 'SESSION_MISSING', 'tally-session'],
    [0, `${MINE}, ${YOURS}`, undefined, 400, 'SESSION_MISSING', 'tally-session'],
    [0, MINE, 'nonsense', 400, 'REFERENCE_MALFORMED', 'tally-reference'],
    [10, MINE, undefined, 404, 'UNKNOWN_CHUNK', 'index'],
    [-1, MINE, undefined, 404, 'UNKNOWN_CHUNK', 'index'],
    ['1e0', MINE, undefined, 404, 'UNKNOWN_CHUNK', 'index'],
    ['00', MINE, undefined, 404, 'UNKNOWN_CHUNK', 'index'],
    ['9'.repeat(400), MINE, undefined, 404, 'UNKNOWN_CHUNK', 'index'],
    ['..%2f..%2fetc%2fpasswd', MINE, undefined, 404, 'UNKNOWN_CHUNK', 'index'],
    ['0/extra', MINE, undefined, 404, 'NOT_FOUND', 'path'],
  ])(
    'chunk %s, session %s, reference %s: %i %s',
    async ([chunk, session, reference, status, code, field]) => {
      const stall = await openStall()
      const response = await ask(stall, chunk, session, reference)
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(await response.json()).toMatchObject({ code, field })
    },
  )

  test('other methods', async () => {
    const stall = await openStall()
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect((await ask(stall, 0, MINE, undefined, method)).status).toBe(404)
  })
})

test('a file that changed is not sold: no terms, no bytes, also for what is paid', async () => {
  const stall = await openStall()
  const { reference } = await terms(stall, 2, MINE)
  stall.ledger.put({ reference, amount: PRICE, token: TOKEN })
  appendFileSync(stall.file, 'more')
  for (const chunk of [2, 3]) {
    const response = await ask(stall, chunk, MINE)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'FILE_CHANGED' })
  }
})
