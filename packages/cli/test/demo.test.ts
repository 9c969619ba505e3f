import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
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
      const ended = await tally(['demo', '--json', '--exit', '--file', file, '--chunks', '30'], {
        TMPDIR: scratch,
      })
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
  ])('refuses %j before it starts anything', async (options, code, field) => {
    const ended = await tally(['demo', '--json', '--exit', ...options], { TMPDIR: scratch })
    expect(ended.code).toBe(2)
    expect(onlyJson(ended).error).toMatchObject({ code, field })
    expect(await nothingIsLeft()).toEqual({ processes: [], files: [] })
  })
})
