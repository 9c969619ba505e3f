/** Payments over the network from the command line: real processes, chain, sockets and disks. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Hex, InvoiceView, NetworkPaymentView } from '@tallystick/client'
import { type AddressEntry, addressBook } from '@tallystick/client/address'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LineOfParties, openChannel, startLineOfParties } from './line-of-parties.ts'
import { type Ended, onlyJson, tally } from './tally-process.ts'

const DEADLINE_MS = 100_000
let line: LineOfParties
let first: Hex
let second: Hex

beforeAll(async () => {
  line = await startLineOfParties()
  ;[first, second] = line.channels
})
afterAll(() => line?.estate.end())

const asAlice = (...args: string[]) => tally(['--json', '--data-dir', line.alice.directory, ...args])
const asBob = (...args: string[]) => tally(['--json', '--data-dir', line.bob.directory, ...args])
const asCarol = (...args: string[]) => tally(['--json', '--data-dir', line.carol.directory, ...args])
const paymentOf = (ended: Ended) => onlyJson(ended).payment as NetworkPaymentView
const errorOf = (ended: Ended) => onlyJson(ended).error

/** Bob tells Carol what he asks a moment after their channel is open. */
async function invoiceOf(...args: string[]): Promise<InvoiceView> {
  let made: Ended | undefined
  await expect
    .poll(
      async () => {
        made = await asCarol('invoice', 'create', '--private', ...args)
        return made.code
      },
      { timeout: DEADLINE_MS, interval: 200 },
    )
    .toBe(0)
  if (made === undefined) throw new Error('never asked')
  return onlyJson(made).invoice as InvoiceView
}

/** What a party has in all its channels, once no lock is left. */
async function holdings(party: LineOfParties['alice']): Promise<bigint> {
  let sum = 0n
  const settled = async () => {
    const channels = await party.api().channels()
    sum = channels.reduce((total, { mine }) => total + mine, 0n)
    return channels.every(({ lockedMine, lockedTheirs }) => lockedMine === 0n && lockedTheirs === 0n)
  }
  await expect.poll(settled, { timeout: DEADLINE_MS, interval: 50 }).toBe(true)
  return sum
}

const all = async () =>
  [await holdings(line.alice), await holdings(line.bob), await holdings(line.carol)] as const

describe('paying strangers', () => {
  it('takes a fee where one is asked, and says so', async () => {
    const set = await asBob('policy', 'set', second, '--fee-base', '2', '--fee-ppm', '1000')
    expect(onlyJson(set).policy).toMatchObject({ channelId: second, feeBase: '2', feePpm: 1000 })
    expect(onlyJson(await asBob('policy', 'show', second)).policy).toMatchObject({ feeBase: '2' })
    const { policies } = onlyJson(await asBob('policy', 'show')) as { policies: { channelId: Hex }[] }
    expect(policies.map(({ channelId }) => channelId).toSorted()).toEqual([first, second].toSorted())
  })

  it('pays an invoice over a stranger, to the unit, and never twice', async () => {
    const before = await all()
    const invoice = await invoiceOf('--amount', '1000', '--description', 'two cups of tea')
    const details = onlyJson(await asAlice('invoice', 'decode', `tally:${invoice.text}`)).invoice
    expect(details).toMatchObject({
      payee: line.carol.nodeId,
      amount: '1000',
      description: 'two cups of tea',
      routes: [[{ channelId: second, from: line.bob.nodeId, feeBase: '2', feePpm: 1000 }]],
    })
    const paid = await asAlice('pay', invoice.text, '--max-fee', '3')
    expect(paid.code).toBe(0)
    expect(paymentOf(paid)).toMatchObject({
      state: 'succeeded',
      amount: '1000',
      fee: '3',
      via: 'htlc',
      attempts: [
        {
          state: expect.stringMatching(/^(pending|paid)$/),
          path: [
            { channelId: first, to: line.bob.nodeId, amount: '1003' },
            { channelId: second, to: line.carol.nodeId, amount: '1000' },
          ],
        },
      ],
    })
    const receipt = paymentOf(paid).preimage?.slice(2) ?? ''
    const hash = createHash('sha256').update(Buffer.from(receipt, 'hex')).digest('hex')
    expect(`0x${hash}`).toBe(invoice.paymentHash)
    const again = await asAlice('pay', `TALLY:${invoice.text.toUpperCase()}`)
    expect(paymentOf(again)).toMatchObject({ state: 'succeeded', preimage: `0x${receipt}` })
    expect(await all()).toEqual([before[0] - 1003n, before[1] + 3n, before[2] + 1000n])
    const shown = await asCarol('invoice', 'show', invoice.paymentHash, '--wait')
    expect(onlyJson(shown).invoice).toMatchObject({ state: 'settled', received: '1000' })
  })

  it('pays a neighbour over the channel that its invoice names, without a fee', async () => {
    const before = await all()
    const { text } = await invoiceOf('--amount', '20')
    expect(paymentOf(await asBob('pay', text, '--max-fee', '0'))).toMatchObject({
      fee: '0',
      state: 'succeeded',
    })
    expect(await all()).toEqual([before[0], before[1] - 20n, before[2] + 20n])
  })

  it('tells people what happens on the way, and draws the code they scan', async () => {
    const invoice = await invoiceOf()
    const people = await tally(['--data-dir', line.alice.directory, 'pay', invoice.text, '500'])
    expect(people.code).toBe(0)
    expect(people.stderr).toContain(`Paying 500 to ${line.carol.nodeId}.`)
    expect(people.stderr).toMatch(/Part 1: 500 over 0[0-9a-f]{11}\.\.\. > 0[0-9a-f]{11}\.\.\., fee 3\n/)
    expect(people.stdout).toMatch(
      /^Paid 500 to .*: fee 3, htlc\.\n[\s\S]*Preimage 0x[0-9a-f]{64}, which shows that you paid\n$/,
    )
    const code = await tally([
      '--data-dir',
      line.carol.directory,
      'invoice',
      'create',
      '--amount',
      '5',
      '--qr',
    ])
    expect(code.stdout).toMatch(/█[\s\S]*invoice +tally1[0-9a-z]+\nuri +tally:tally1/)
  })

  it.each([
    ['a fee that is too high', ['--max-fee', '0'], 'fee-limit'],
    ['more than the channel holds', ['9999999'], 'own-balance'],
  ])('refuses %s for good, and nothing moves', async (_what, args, reason) => {
    const before = await all()
    const invoice = await invoiceOf(...(args.length === 1 ? [] : ['--amount', '100']))
    const failed = await asAlice('pay', invoice.text, ...args)
    expect(failed.code).toBe(1)
    expect(errorOf(failed)).toMatchObject({
      code: 'PAYMENT_FAILED',
      reason,
      paymentHash: invoice.paymentHash,
      remedy: expect.stringContaining('Nothing was paid'),
    })
    expect(await all()).toEqual(before)
    const shown = paymentOf(await asAlice('payments', 'show', invoice.paymentHash))
    expect(shown).toMatchObject({ state: 'failed', failure: { code: reason } })
  })

  it('goes on when it was given up, and pays once', async () => {
    const before = await all()
    const { text, paymentHash } = await invoiceOf('--amount', '300')
    const { pid } = JSON.parse(readFileSync(join(line.carol.directory, 'node.json'), 'utf8'))
    process.kill(pid, 'SIGSTOP')
    try {
      const waited = await asAlice('pay', text, '--timeout', '2')
      expect(waited.code).toBe(3)
      expect(errorOf(waited)).toMatchObject({
        code: 'TIMED_OUT',
        field: '--timeout',
        paymentHash,
        invoice: text,
        state: 'pending',
        remedy: expect.stringContaining('never paying twice'),
      })
      expect(paymentOf(await asAlice('payments', 'show', paymentHash))).toMatchObject({ state: 'pending' })
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    const paid = await asAlice('pay', text)
    expect(paymentOf(paid)).toMatchObject({ state: 'succeeded', amount: '300' })
    expect(await all()).toEqual([before[0] - 303n, before[1] + 3n, before[2] + 300n])
  })

  it('says that an invoice is not paid, or not there', async () => {
    const invoice = await invoiceOf('--amount', '7')
    const waited = await asCarol('invoice', 'show', invoice.paymentHash, '--wait', '--timeout', '1')
    expect(waited.code).toBe(3)
    expect(errorOf(waited)).toMatchObject({ code: 'TIMED_OUT', field: '--timeout' })
    const stranger = await asAlice('invoice', 'show', invoice.paymentHash)
    expect(stranger.code).toBe(1)
    expect(errorOf(stranger)).toMatchObject({ code: 'UNKNOWN_PAYMENT', field: 'hash' })
    const own = await asCarol('pay', invoice.text)
    expect([own.code, errorOf(own)]).toMatchObject([2, { code: 'INVALID_INVOICE' }])
  })

  it('lists both kinds of payments, invoices and peers', async () => {
    expect((await asAlice('pay', first, '10')).code).toBe(0)
    const listed = onlyJson(await asAlice('payments')) as { payments: unknown[]; networkPayments: unknown[] }
    expect(listed.payments).toMatchObject([{ channelId: first, amount: '10' }])
    expect(listed.networkPayments.length).toBeGreaterThanOrEqual(4)
    const people = await tally(['--data-dir', line.alice.directory, 'payments', 'list', '--kind', 'network'])
    expect(people.stdout).toMatch(/out, htlc +1000 \(fee 3\) +succeeded/)
    const { invoices } = onlyJson(await asCarol('invoice', 'list', '--state', 'settled')) as {
      invoices: InvoiceView[]
    }
    // Made within one second they come in any order.
    const received = invoices.map((one) => Number(one.received))
    expect(received.toSorted((a, b) => a - b)).toEqual([20, 300, 500, 1000])
    const { peers } = onlyJson(await asBob('peers')) as { peers: { nodeId: string }[] }
    expect(peers.map(({ nodeId }) => nodeId).toSorted()).toEqual(
      [line.alice.nodeId, line.carol.nodeId].toSorted(),
    )
  })
})

describe('an address', () => {
  let host: Server
  let entry: AddressEntry
  let address: string

  beforeAll(async () => {
    const { chainId, bank, registry } = await line.carol.api().status()
    const { token } = line.network
    entry = {
      payee: line.carol.nodeId,
      description: 'Carol',
      addresses: [],
      commentBytes: 0,
      accepts: [{ chainId, bank, registry, token, minAmount: 1n, maxAmount: 1_000n }],
    }
    host = createServer()
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
    const { port } = host.address() as AddressInfo
    address = `carol@localhost:${port}`
    const book = addressBook({
      origin: `http://localhost:${port}`,
      names: { get: (name) => (name === 'carol' ? entry : undefined) },
      makeInvoice: async ({ amount }) =>
        (await line.carol.api().createInvoice({ token, amount, private: true })).text,
    })
    host.on('request', async (request, response) => {
      const answer = await book.fetch(new Request(`http://localhost:${port}${request.url}`))
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
    })
  })
  afterAll(() => host?.close())

  it('is asked for an invoice, and paid', async () => {
    const refused = await asAlice('pay', address, '50')
    expect([refused.code, errorOf(refused)]).toMatchObject([2, { code: 'host-refused' }])
    const before = await all()
    const paid = await asAlice(
      'pay',
      `tally:${address}?token=${line.network.token}&amount=50`,
      '--allow-local',
    )
    expect(paid.code).toBe(0)
    expect(paymentOf(paid)).toMatchObject({ state: 'succeeded', payee: line.carol.nodeId, amount: '50' })
    expect((await all())[2]).toBe(before[2] + 50n)
    const known = JSON.parse(readFileSync(join(line.alice.directory, 'payees.json'), 'utf8'))
    expect(known).toEqual({ version: 1, payees: { [address]: line.carol.nodeId } })
  })

  it('takes only what it says', async () => {
    const dear = await asAlice('pay', address, '1001', '--allow-local')
    expect([dear.code, errorOf(dear)]).toMatchObject([1, { code: 'amount-out-of-range', field: 'amount' }])
    const other = await asAlice('pay', `bob@${address.slice(6)}`, '50', '--allow-local')
    expect([other.code, errorOf(other)]).toMatchObject([1, { code: 'name-unknown' }])
  })

  it('that now belongs to another node is not paid', async () => {
    const before = await all()
    entry = { ...entry, payee: line.bob.nodeId }
    const moved = await asAlice('pay', address, '50', '--allow-local')
    expect([moved.code, errorOf(moved)]).toMatchObject([1, { code: 'payee-changed' }])
    expect((errorOf(moved) as { remedy: string }).remedy).toContain('--accept-new-payee')
    // Even then: the invoice is Carol's, not the new node's.
    const accepted = await asAlice('pay', address, '50', '--allow-local', '--accept-new-payee')
    expect([accepted.code, errorOf(accepted)]).toMatchObject([1, { code: 'invoice-wrong' }])
    expect(await all()).toEqual(before)
  })
})

describe('a public network', () => {
  it('knows a channel once both ends want it, and finds a way without hints', async () => {
    for (const [party, channelId] of [
      [line.alice, first],
      [line.bob, first],
      [line.bob, second],
      [line.carol, second],
    ] as const)
      await party.tally('channel', 'announce', channelId)
    const known = async () => {
      const { channels } = await line.alice.api().graph()
      return channels.filter(({ policies: [there, back] }) => there !== null && back !== null).length
    }
    await expect.poll(known, { timeout: DEADLINE_MS, interval: 200 }).toBe(2)
    const people = await tally(['--data-dir', line.alice.directory, 'graph'])
    expect(people.stdout).toContain('2 channels are announced.')
    expect(people.stdout).toContain('2 + 1000 ppm')
    const route = onlyJson(await asAlice('route', line.carol.nodeId, '1000')).route
    expect(route).toMatchObject({
      fee: '3',
      parts: [
        [
          { channelId: first, amount: '1003' },
          { channelId: second, amount: '1000' },
        ],
      ],
    })
    const none = await asAlice('route', `02${'11'.repeat(32)}`, '1000')
    expect([none.code, errorOf(none)]).toMatchObject([1, { code: 'NO_ROUTE' }])
  })

  it('pays jointly: everybody signs, or nobody pays', async () => {
    const before = await all()
    const made = await asCarol('invoice', 'create', '--amount', '400', '--via', 'joint')
    const { text, paymentHash } = onlyJson(made).invoice as InvoiceView
    const wrong = await asAlice('pay', text)
    expect([wrong.code, errorOf(wrong)]).toMatchObject([2, { code: 'INVALID_INVOICE', field: 'via' }])
    const people = await tally(['--data-dir', line.alice.directory, 'pay', text, '--via', 'joint'])
    expect(people.stderr).toContain('Attempt 1: everybody on the path is asked to sign')
    expect(people.stdout).toMatch(/^Paid 400 to .*: fee 3, joint\./)
    expect(paymentOf(await asAlice('pay', text, '--via', 'joint')).state).toBe('succeeded')
    expect(await all()).toEqual([before[0] - 403n, before[1] + 3n, before[2] + 400n])
    expect(await line.carol.api().invoice(paymentHash, { timeoutMs: DEADLINE_MS })).toMatchObject({
      state: 'settled',
      received: 400n,
    })
  })

  it('moves money around a cycle, and nets what three owe each other', async () => {
    const aliceAddress = (await line.alice.api().status()).address ?? ''
    const back = await openChannel(line.network, line.carol, aliceAddress, line.alice)
    await line.carol.tally('channel', 'announce', back)
    await line.alice.tally('channel', 'announce', back)
    const known = async () => (await line.alice.api().graph()).channels.length
    await expect.poll(known, { timeout: DEADLINE_MS, interval: 200 }).toBe(3)
    const before = await all()
    const moved = await asAlice('rebalance', first, back, '200', '--max-fee', '10')
    expect([moved.code, onlyJson(moved)]).toMatchObject([0, { rebalance: { amount: '200', fee: '3' } }])
    expect(await all()).toEqual([before[0] - 3n, before[1] + 3n, before[2]])

    const [a, b, c] = await Promise.all(
      [line.alice, line.bob, line.carol].map(async (party) => (await party.api().status()).signer),
    )
    const file = join(line.home, 'obligations.json')
    const owed = [
      { from: a, to: b, amount: '70' },
      { from: b, to: c, amount: '100' },
      { from: c, to: a, amount: '20' },
    ]
    writeFileSync(file, JSON.stringify(owed))
    const agreed = onlyJson(await asBob('net', 'agree', file)).netting as {
      reference: Hex
      positions: { party: Hex; net: string }[]
    }
    const nets = Object.fromEntries(agreed.positions.map(({ party, net }) => [party, net]))
    expect(nets).toEqual({ [String(a)]: '-50', [String(b)]: '-30', [String(c)]: '80' })
    expect((await asCarol('net', 'agree', file)).code).toBe(0)
    const start = await all()
    const settled = await asAlice('net', 'settle', file)
    expect([settled.code, onlyJson(settled)]).toMatchObject([0, { netting: { reference: agreed.reference } }])
    expect(await all()).toEqual([start[0] - 50n, start[1] - 30n, start[2] + 80n])
  })
})
