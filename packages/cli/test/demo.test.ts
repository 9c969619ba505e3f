import { spawn } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mainPath, onlyJson, tally } from './tally-process.ts'

/** Everything temporary that the demo makes goes in here, so that what it leaves behind can be seen. */
let scratch: string

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tally-demo-test-'))
})
afterEach(() => rmSync(scratch, { recursive: true, force: true }))

/** A whole third act on a machine that does other things too. */
const longMs = 300_000

/** Processes that were started with a path in the scratch directory. */
function processesLeft(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return ''
      }
    })
    .filter((command) => command.includes(scratch))
}

async function nothingIsLeft(): Promise<{ processes: string[]; files: string[] }> {
  const deadlineMs = Date.now() + 30_000
  for (;;) {
    const left = { processes: processesLeft(), files: readdirSync(scratch) }
    if ((left.processes.length === 0 && left.files.length === 0) || Date.now() > deadlineMs) return left
    await pause(100)
  }
}

describe('the demo', () => {
  it('sells the file, convicts the liar, agrees with the chain, and leaves nothing behind', async () => {
    const bytes = Buffer.alloc(300_000, 'a real file ')
    const place = mkdtempSync(join(tmpdir(), 'tally-demo-file-'))
    try {
      const file = join(place, 'file.bin')
      writeFileSync(file, bytes)
      const ended = await tally(
        ['demo', '--json', '--exit', '--acts', '1,2', '--file', file, '--chunks', '30'],
        {
          TMPDIR: scratch,
        },
      )
      expect(ended).toMatchObject({ code: 0, stderr: '' })
      const result = onlyJson(ended)
      expect(result).toMatchObject({
        agrees: true,
        chunks: 30,
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        paid: 30,
        onChain: { deposit: 50, paidToSeller: 30, returnedToBuyer: 20 },
        cheat: { stated: 5, statedPaid: 5, forfeited: 45 },
      })
      const { cheat, checks } = result as { cheat: { proved: number }; checks: Array<{ agrees: boolean }> }
      expect(cheat.proved).toBeGreaterThan(5)
      expect(checks.every(({ agrees }) => agrees)).toBe(true)
      expect(await nothingIsLeft()).toEqual({ processes: [], files: [] })
      expect(readdirSync(place)).toEqual(['file.bin'])
    } finally {
      rmSync(place, { recursive: true, force: true })
    }
  })

  it(
    'buys through strangers, one of which dies and falls silent: paid once, to the unit, nothing left behind',
    async () => {
      const ended = await tally(
        ['demo', '--json', '--exit', '--acts', '3', '--size', '1', '--network-chunks', '6'],
        { TMPDIR: scratch },
      )
      expect(ended).toMatchObject({ code: 0, stderr: '' })
      const result = onlyJson(ended)
      // AES-128-CTR of zeros under a zero key and counter, as everybody can compute it.
      const sample = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
        Buffer.alloc(1024 * 1024),
      )
      const sha256 = createHash('sha256').update(sample).digest('hex')
      expect(result).toMatchObject({
        agrees: true,
        network: {
          chunks: { htlc: 3, joint: 3, total: 6 },
          bytes: 1024 * 1024,
          price: 100,
          paid: 600,
          fees: { 甲: 3, 乙: -1 },
          sum: 0,
          kill: { party: '乙', signal: 'SIGKILL', paymentsLost: 0, paymentsRepeated: 0 },
          silence: { party: '乙', paidByBank: 100 },
        },
      })
      // Acts that were not played are not spoken of.
      expect(Object.keys(result).toSorted()).toEqual(['agrees', 'checks', 'network', 'seconds'])
      const { network, checks } = result as {
        network: {
          parts: number
          gains: object
          sha256: string
          silence: { expiry: number; resolvedAt: number }
        }
        checks: Array<{ agrees: boolean }>
      }
      // One part each, unless a payment had to look for its way again.
      expect(network.parts).toBeGreaterThanOrEqual(6)
      const kept = { 甲: 3 * network.parts, 乙: -network.parts }
      expect(network.gains).toEqual({ A: -600 - kept.甲 - kept.乙, ...kept, D: 600 })
      expect(network.sha256).toBe(sha256)
      expect(network.silence.resolvedAt).toBeLessThanOrEqual(network.silence.expiry)
      expect(checks.every(({ agrees }) => agrees)).toBe(true)
      expect(await nothingIsLeft()).toEqual({ processes: [], files: [] })
    },
    longMs,
  )

  it(
    'leaves nothing behind when it is killed while a node of it is frozen',
    async () => {
      const options = ['--acts', '3', '--size', '1', '--network-chunks', '4']
      const child = spawn(process.execPath, [mainPath, 'demo', '--exit', ...options], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, TMPDIR: scratch },
      })
      for await (const line of createInterface({ input: child.stderr }))
        if (line.startsWith('乙 is frozen')) break
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      expect(await exited).toEqual([null, 'SIGKILL'])
      expect(await nothingIsLeft()).toEqual({ processes: [], files: [] })
    },
    longMs,
  )

  it.each([
    ['SIGINT', 130, null],
    ['SIGKILL', null, 'SIGKILL'],
  ] as const)('leaves nothing behind when %s ends it in the middle', async (signal, code, endedBy) => {
    const child = spawn(process.execPath, [mainPath, 'demo', '--exit', '--size', '1'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TMPDIR: scratch },
    })
    for await (const line of createInterface({ input: child.stderr })) if (line.startsWith('First act')) break
    expect(processesLeft().length).toBeGreaterThanOrEqual(3)
    const exited = once(child, 'exit')
    child.kill(signal)
    expect(await exited).toEqual([code, endedBy])
    expect(await nothingIsLeft()).toEqual({ processes: [], files: [] })
  })

  it.each([
    [['--file', '/nowhere/at/all'], 'no-file', '--file'],
    [['--chunks', '0'], 'bad-number', '--chunks'],
    [['--size', '-1'], 'bad-number', '--size'],
    [['--acts', '1,4'], 'bad-argument', '--acts'],
    [['--network-chunks', '3'], 'bad-number', '--network-chunks'],
  ])('refuses %j before it starts anything', async (options, code, field) => {
    const ended = await tally(['demo', '--json', '--exit', ...options], { TMPDIR: scratch })
    expect(ended.code).toBe(2)
    expect(onlyJson(ended).error).toMatchObject({ code, field })
    expect(await nothingIsLeft()).toEqual({ processes: [], files: [] })
  })
})
