/** Bad command lines about payments over the network, judged in this process: starting one for each would take minutes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { main } from '../src/program.ts'
import { type Ended, onlyJson } from './tally-process.ts'

const channelId = `0x${'ab'.repeat(32)}`
const nodeId = `02${'cd'.repeat(32)}`
const vectors: { valid: { name: string; text: string }[] } = JSON.parse(
  readFileSync(new URL('../../../vectors/invoices.json', import.meta.url), 'utf8'),
)
const vector = (name: string) => vectors.valid.find((one) => one.name === name)?.text ?? ''
const invoice = vector('plain')
const openInvoice = vector('open amount')

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tally-network-usage-'))
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let scratch: string

async function run(...args: string[]): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text)
    return true
  })
  const err = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += String(text)
    return true
  })
  try {
    const code = await main(['--json', '--data-dir', join(scratch, 'absent'), ...args])
    return { code, stdout, stderr }
  } finally {
    out.mockRestore()
    err.mockRestore()
  }
}

describe('bad command lines', () => {
  it.each([
    [['pay', channelId], 'missing-amount', 'amount'],
    [['pay', nodeId], 'missing-amount', 'amount'],
    [['pay', nodeId, '5', '--amount', '5'], 'amount-twice', '--amount'],
    [['pay', nodeId, '5', '--via', 'htlc'], 'option-not-for-this', '--via'],
    [['pay', channelId, '5', '--max-fee', '1'], 'option-not-for-this', '--max-fee'],
    [['pay', 'alice@'], 'host-invalid', 'to'],
    [['pay', 'tally:lnbc1'], 'bad-target', 'to'],
    [['pay', 'tally1qqqq'], 'truncated', 'to'],
    [['pay', `${invoice.slice(0, -1)}${invoice.endsWith('q') ? 'p' : 'q'}`], 'checksum-wrong', 'to'],
    [['pay', `tally:${nodeId}@host:9?tokn=1`], 'parameter-unknown', 'to'],
    [['pay', `tally:${nodeId}@host:9?token=0x${'11'.repeat(20)}&amount=5`, '6'], 'amount-differs', 'amount'],
    [['pay', 'alice@shop.example'], 'missing-amount', 'amount'],
    [['pay', 'alice@shop.example', '5', '--token', '0x1'], 'bad-address', '--token'],
    [['pay', openInvoice], 'missing-amount', 'amount'],
    [['pay', invoice, '7'], 'amount-differs', 'amount'],
    [['pay', invoice, '--via', 'post'], 'bad-argument', '--via'],
    [['pay', invoice, '--max-fee', '-1'], 'bad-amount', '--max-fee'],
    [['pay', invoice, '--reference', channelId], 'option-not-for-this', '--reference'],
    [['pay', invoice, '--comment', 'hello'], 'option-not-for-this', '--comment'],
    [['invoice', 'create', '--amount', '0'], 'bad-amount', '--amount'],
    [['invoice', 'create', '--expiry', '0'], 'bad-number', '--expiry'],
    [['invoice', 'create', '--via', 'post'], 'bad-argument', '--via'],
    [['invoice', 'show', '0x12'], 'bad-hash', 'hash'],
    [['invoice', 'list', '--state', 'lost'], 'bad-argument', '--state'],
    [['invoice', 'decode', 'lnbc1'], 'bad-invoice', 'invoice'],
    [['payments', 'show', '0x12'], 'bad-hash', 'name'],
    [['payments', 'list', '--kind', 'odd'], 'bad-argument', '--kind'],
    [['peers', 'connect', nodeId], 'bad-peer', 'peer'],
    [['policy', 'show', '0x12'], 'bad-channel-id', 'channel'],
    [['policy', 'set', channelId], 'bad-argument', 'policy'],
    [['policy', 'set', channelId, '--fee-base', '1.5'], 'bad-amount', '--fee-base'],
    [['policy', 'set', channelId, '--fee-ppm', '1000001'], 'bad-number', '--fee-ppm'],
    [['policy', 'set', channelId, '--min', '-1'], 'bad-amount', '--min'],
    [['policy', 'set', channelId, '--enable', '--disable'], 'bad-argument', '--enable'],
    [['route', 'bob', '5'], 'bad-node-id', 'payee'],
    [['rebalance', channelId, '0x12', '5'], 'bad-channel-id', 'into'],
    [['net', 'agree', '/nowhere'], 'bad-file', 'file'],
    [['channel', 'announce', '0x12'], 'bad-channel-id', 'channel'],
  ])('`tally %j` is refused as %s, naming %s', async (args, code, field) => {
    const ended = await run(...args)
    expect(ended.code).toBe(2)
    const { error } = onlyJson(ended)
    expect(error).toMatchObject({ kind: 'usage', code, field, exitCode: 2 })
    expect(error).toHaveProperty('remedy')
    expect(ended.stderr).toBe('')
  })

  it.each([
    ['not JSON', '{', 'file'],
    ['an empty list', '[]', 'file'],
    ['an object', '{"from": "0x1"}', 'file'],
    ['numbers', '[5]', 'file[0].from'],
    ['no amount', `[{"from": "0x${'11'.repeat(20)}", "to": "0x${'22'.repeat(20)}"}]`, 'file[0].amount'],
    ['a node id for a signer', `[{"from": "${nodeId}", "to": "", "amount": "1"}]`, 'file[0].from'],
  ])('a file of obligations with %s is refused, naming %s', async (_what, text, field) => {
    const file = join(scratch, 'obligations.json')
    writeFileSync(file, text)
    for (const command of ['agree', 'settle']) {
      const ended = await run('net', command, file)
      expect(ended.code).toBe(2)
      expect(onlyJson(ended).error).toMatchObject({ kind: 'usage', field })
    }
  })
})

describe('without a node', () => {
  it.each([
    ['pay', invoice],
    ['pay', 'alice@shop.example', '5'],
    ['invoice', 'create', '--amount', '5'],
    ['invoice', 'decode', invoice],
    ['payments'],
    ['peers'],
    ['policy', 'show'],
    ['graph'],
    ['route', nodeId, '5'],
    ['payments', 'show', channelId],
    ['peers', 'connect', `${nodeId}@127.0.0.1:9`],
    ['policy', 'set', channelId, '--fee-base', '-5'],
    ['rebalance', channelId, channelId, '5'],
    ['channel', 'announce', channelId],
  ])('`tally %s` says that there is no data directory (exit 4)', async (...args) => {
    const ended = await run(...args)
    expect(ended.code).toBe(4)
    expect(onlyJson(ended).error).toMatchObject({ code: 'not-initialised', field: '--data-dir' })
  })
})
