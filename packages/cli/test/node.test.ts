import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { ChannelView, Hex, PaymentView } from '@tallystick/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Ended } from './tally-process.ts'
import { mainPath, onlyJson, tally } from './tally-process.ts'
import type { TwoParties } from './two-parties.ts'
import { startTwoParties } from './two-parties.ts'

let two: TwoParties
let channelId: Hex

beforeAll(async () => {
  two = await startTwoParties()
})
afterAll(() => two?.estate.end())

const as = (directory: string, ...args: string[]) => tally(['--json', '--data-dir', directory, ...args])
const asAlice = (...args: string[]) => as(two.alice.directory, ...args)
const asBob = (...args: string[]) => as(two.bob.directory, ...args)
const channelOf = (ended: Ended) => (onlyJson(ended).channel ?? onlyJson(ended)) as ChannelView
const paymentOf = (ended: Ended) => (onlyJson(ended).payment ?? onlyJson(ended)) as PaymentView

describe('a channel from the command line', () => {
  it('opens, and waits until the deposit counts', async () => {
    const ended = await asAlice('channel', 'open', two.bobAddress, '1000')
    expect(ended.code).toBe(0)
    expect(channelOf(ended)).toMatchObject({ status: 'open', depositMine: '1000', spendable: '1000' })
    channelId = channelOf(ended).channelId
  })

  it('pays by channel and by peer, at once though the peer may count the deposit later; the other side has it', async () => {
    const byChannel = await asAlice('pay', channelId, '100')
    expect(paymentOf(byChannel)).toMatchObject({ amount: '100', state: 'accepted', channelId })
    const byPeer = await asAlice('pay', two.bob.nodeId, '50')
    expect(paymentOf(byPeer)).toMatchObject({ amount: '50', state: 'accepted', channelId })
    expect(channelOf(await asBob('channel', 'show', channelId))).toMatchObject({
      mine: '150',
      spendable: '150',
    })
  })

  it('never pays twice under one reference', async () => {
    const reference = `0x${randomBytes(32).toString('hex')}`
    for (let i = 0; i < 2; i++)
      expect((await asAlice('pay', channelId, '7', '--reference', reference)).code).toBe(0)
    expect(channelOf(await asBob('channel', 'show', channelId)).mine).toBe('157')
    const other = await asAlice('pay', channelId, '8', '--reference', reference)
    expect(other.code).toBe(1)
    expect(onlyJson(other).error).toMatchObject({ code: 'REFERENCE_CONFLICT', reference })
  })

  it.each([
    ['more than the channel holds', '999999', 1, 'INSUFFICIENT_BALANCE'],
    ['more than a channel can ever hold', String(2n ** 126n), 2, 'bad-amount'],
  ])('refuses to pay %s, and nothing changes', async (_what, amount, code, error) => {
    const ended = await asAlice('pay', channelId, amount)
    expect(ended.code).toBe(code)
    expect(onlyJson(ended).error).toMatchObject({ code: error })
    expect(channelOf(await asBob('channel', 'show', channelId)).mine).toBe('157')
  })

  it('says so when there is no such channel, and no such peer', async () => {
    const noChannel = await asAlice('pay', `0x${'99'.repeat(32)}`, '1')
    expect(noChannel.code).toBe(1)
    expect(onlyJson(noChannel).error).toMatchObject({ code: 'UNKNOWN_CHANNEL' })
    const noPeer = await asAlice(
      'channel',
      'open',
      `02${'11'.repeat(32)}@127.0.0.1:9`,
      '1',
      '--timeout',
      '20',
    )
    expect([1, 3]).toContain(noPeer.code)
    expect(onlyJson(noPeer).error).toHaveProperty('remedy')
  })

  it('is topped up and withdrawn from without interruption', async () => {
    expect(channelOf(await asAlice('channel', 'topup', channelId, '500'))).toMatchObject({ channelId })
    const withdrawal = await asBob('channel', 'withdraw', channelId, '57')
    expect(channelOf(withdrawal)).toMatchObject({ channelId, withdrawnMine: '57' })
    expect(await two.network.balanceOf(two.bob.account)).toBe(1n + 57n)
  })

  it('is topped up once under one key, though the node is killed in the middle', async () => {
    const depositMine = async () => (await two.alice.api().channel(channelId)).depositMine
    const before = await depositMine()
    await two.network.anvil.request('evm_setIntervalMining', [0])
    const once = { idempotencyKey: 'the same top-up' }
    const first = await two.alice.api().topUp(channelId, { amount: 11n }, once)
    expect(first.state).toBe('running')
    const { pid } = JSON.parse(readFileSync(join(two.alice.directory, 'node.json'), 'utf8'))
    process.kill(pid, 'SIGKILL')
    await two.alice.stop()
    await two.alice.start()
    await two.network.anvil.request('evm_setIntervalMining', [1])
    await expect(two.alice.api().topUp(channelId, { amount: 11n }, once)).rejects.toMatchObject({
      code: 'OPERATION_INTERRUPTED',
    })
    // What was decided before goes on by itself.
    await expect.poll(depositMine, { timeout: 60_000 }).toBe(before + 11n)
    const other = await two.alice.api().topUp(channelId, { amount: 5n }, { idempotencyKey: 'another' })
    expect((await two.alice.api().finished(other, 60_000)).state).toBe('done')
    await expect.poll(depositMine, { timeout: 60_000 }).toBe(before + 16n)
  })

  it('shows in lists and status, for people and for machines', async () => {
    const { channels } = onlyJson(await asAlice('channel', 'list')) as { channels: ChannelView[] }
    expect(channels.map((channel) => channel.channelId)).toEqual([channelId])
    const people = await tally(['--data-dir', two.alice.directory, 'channel', 'list'])
    expect(people.stdout).toContain(channelId)
    expect(onlyJson(await asAlice('status')).status).toMatchObject({
      nodeId: two.alice.nodeId,
      channels: { open: 1, total: 1 },
      payments: { sent: '3', received: '0' },
    })
  })
})

describe('a file from the command line', () => {
  it('is sold and bought chunk by chunk, and is the same file', async () => {
    const bytes = randomBytes(100_000)
    const file = join(two.home, 'song.bin')
    writeFileSync(file, bytes)
    const sale = two.estate.start(
      process.execPath,
      [mainPath, '--json', '--data-dir', two.bob.directory, 'sell', file, '--chunks', '10', '--price', '3'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const line = await new Promise<string>((resolve) =>
      sale.stdout?.once('data', (data) => resolve(String(data))),
    )
    const { uri, total } = JSON.parse(line)
    expect(total).toBe('30')
    const out = join(two.home, 'bought.bin')

    const tooDear = await asAlice('buy', uri, '--max-price', '29', '--out', out)
    expect(tooDear.code).toBe(1)
    expect(onlyJson(tooDear).error).toMatchObject({ code: 'too-expensive' })
    expect(existsSync(out)).toBe(false)

    const bought = await asAlice('buy', uri, '--max-price', '30', '--out', out)
    expect(bought.code).toBe(0)
    const sha256 = `0x${createHash('sha256').update(bytes).digest('hex')}`
    expect(onlyJson(bought)).toMatchObject({ chunks: 10, bytes: 100_000, sha256, paidTotal: '30' })
    expect(readFileSync(out).equals(bytes)).toBe(true)

    const byInvoice = join(two.home, 'by-invoice.bin')
    const over = await asAlice(
      'buy',
      uri,
      '--max-price',
      '30',
      '--via',
      'htlc',
      '--max-fee',
      '0',
      '--out',
      byInvoice,
    )
    expect(onlyJson(over)).toMatchObject({ sha256, paidNow: '30', feesNow: '0' })
    const settled = await asBob('invoice', 'list', '--state', 'settled')
    expect((onlyJson(settled).invoices as unknown[]).length).toBe(10)
    const nohow = await asAlice('buy', uri, '--max-price', '30', '--via', 'pigeon')
    expect(nohow.code).toBe(2)
    expect(onlyJson(nohow).error).toMatchObject({ field: '--via' })

    writeFileSync(out, 'something of the user')
    const again = await asAlice('buy', uri, '--max-price', '30', '--out', out)
    expect(again.code).toBe(2)
    expect(onlyJson(again).error).toMatchObject({ code: 'output-exists' })
    expect(readFileSync(out, 'utf8')).toBe('something of the user')
    await two.estate.stop(sale)
    expect(sale.exitCode).toBe(0)
  })

  it('is not offered when it cannot be', async () => {
    const missing = await asBob('sell', join(two.home, 'missing'), '--price', '1')
    expect(missing.code).toBe(2)
    expect(onlyJson(missing).error).toMatchObject({ code: 'file-unusable' })
    const nobody = await asAlice('buy', 'http://127.0.0.1:9/', '--max-price', '1')
    expect(nobody.code).toBe(3)
    expect(onlyJson(nobody).error).toMatchObject({ code: 'seller-unreachable' })
  })
})

describe('the node process', () => {
  it('refuses a second node on the same directory, and the first goes on', async () => {
    const env = { TALLY_PASSPHRASE_FILE: two.alice.passphraseFile }
    const second = await tally(
      ['--json', '--data-dir', two.alice.directory, 'node', 'start', '--log-level', 'silent'],
      env,
    )
    expect(second.code).toBe(4)
    expect(onlyJson(second).error).toMatchObject({
      code: 'locked',
      remedy: expect.stringContaining('Two nodes'),
    })
    expect((await asAlice('status')).code).toBe(0)
  })

  it('counts the connections that it refuses', async () => {
    const [host = '', port = ''] = two.bobAddress.slice(two.bobAddress.indexOf('@') + 1).split(':')
    const stranger = connect(Number(port), host, () => stranger.end('GET / HTTP/1.1\r\n\r\n'))
    stranger.resume()
    await once(stranger, 'close')
    const { apiUrl } = JSON.parse(readFileSync(join(two.bob.directory, 'node.json'), 'utf8'))
    const authorization = `Bearer ${readFileSync(join(two.bob.directory, 'api.token'), 'utf8').trim()}`
    const metrics = async () => (await fetch(`${apiUrl}/v1/metrics`, { headers: { authorization } })).text()
    await expect
      .poll(metrics, { timeout: 60_000 })
      .toMatch(/tallystick_refused_connections_total\{code="[a-z-]+"\} 1/)
  })

  it('closes together with the peer, and the chain pays both', async () => {
    const before = await two.network.balanceOf(two.bob.account)
    const ended = await asAlice('channel', 'close', channelId)
    expect(ended.code).toBe(0)
    expect(channelOf(ended)).toMatchObject({ status: 'closed', close: { mode: 'together' } })
    expect((await two.network.balanceOf(two.bob.account)) - before).toBe(157n + 30n + 30n - 57n)
    expect(await two.network.balanceOf(two.network.bank)).toBe(0n)
    const late = await asAlice('pay', channelId, '1')
    expect(late.code).toBe(1)
  })

  it('stops in good order, leaves no secret in its log, and comes back with everything', async () => {
    await two.alice.stop()
    expect(existsSync(join(two.alice.directory, 'node.json'))).toBe(false)
    const unreachable = await asAlice('status')
    expect(unreachable.code).toBe(3)
    expect(onlyJson(unreachable).error).toMatchObject({ code: 'node-not-running' })

    const token = readFileSync(join(two.alice.directory, 'api.token'), 'utf8').trim()
    for (const name of readdirSync(two.home).filter((entry) => entry.endsWith('.log'))) {
      const log = readFileSync(join(two.home, name), 'utf8')
      expect(log).not.toContain('a passphrase of')
      expect(log).not.toContain(token)
    }

    const wrong = join(two.home, 'wrong')
    writeFileSync(wrong, 'not the passphrase')
    const locked = await as(two.alice.directory, 'node', 'start', '--passphrase-file', wrong)
    expect(locked.code).toBe(4)
    expect(onlyJson(locked).error).toMatchObject({ code: 'wrong-passphrase' })

    await two.alice.start()
    const { channels } = onlyJson(await asAlice('channel', 'list')) as { channels: ChannelView[] }
    expect(channels).toMatchObject([{ channelId, status: 'closed' }])
    expect(onlyJson(await asAlice('status')).status).toMatchObject({ payments: { sent: '13' } })
  })
})
