import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProgram } from '../src/program.ts'
import { onlyJson, tally } from './tally-process.ts'

const channelId = `0x${'ab'.repeat(32)}`
const nodeId = `02${'cd'.repeat(32)}`
let scratch: string

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tally-usage-'))
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('help', () => {
  const leaves = (command: Command): Command[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
  const pathOf = (command: Command): string =>
    command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`

  it.each(leaves(createProgram()).map((command) => [pathOf(command), command] as const))(
    '`%s --help` shows an example of that command',
    (path, command) => {
      let text = ''
      command.configureOutput({ writeOut: (part) => (text += part) })
      expect(() => command.parse(['--help'], { from: 'user' })).toThrow('outputHelp')
      const example = path.replace(/^tally /, '').replaceAll(' ', '.*')
      expect(text).toMatch(new RegExp(`Examples:[^]*\\$ .*tally.*${example}`))
    },
  )

  it('documents every exit code', async () => {
    const { code, stdout, stderr } = await tally(['--help'])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    for (const exitCode of [0, 1, 2, 3, 4, 5, 70, 130])
      expect(stdout).toMatch(new RegExp(`^ +${exitCode} `, 'm'))
  })
})

describe('bad command lines', () => {
  it.each([
    [[], 'no-command', 'command'],
    [['frobnicate'], 'unknown-command', 'frobnicate'],
    [['status', '--frobnicate'], 'unknown-option', '--frobnicate'],
    [['pay'], 'missing-argument', 'to'],
    [['pay', nodeId, '1', '2'], 'excess-arguments', 'pay'],
    [['pay', nodeId, '-5'], 'bad-amount', 'amount'],
    [['pay', nodeId, '0'], 'bad-amount', 'amount'],
    [['pay', nodeId, '1.5'], 'bad-amount', 'amount'],
    [['pay', nodeId, 'ten'], 'bad-amount', 'amount'],
    [['pay', nodeId, '9'.repeat(60)], 'bad-amount', 'amount'],
    [['pay', 'bob', '5'], 'bad-target', 'to'],
    [['pay', channelId, '5', '--reference', '0x12'], 'bad-reference', '--reference'],
    [['channel', 'open', nodeId, '-1'], 'bad-amount', 'amount'],
    [['channel', 'open', nodeId, '1', '--their-deposit', '0'], 'bad-amount', '--their-deposit'],
    [['channel', 'open', nodeId, '1', '--lock-period', '599'], 'bad-number', '--lock-period'],
    [['channel', 'open', nodeId, '1', '--token', '0x12'], 'bad-address', '--token'],
    [['channel', 'topup', channelId, '1e9'], 'bad-amount', 'amount'],
    [['channel', 'withdraw', '0x12', '1'], 'bad-channel-id', 'channel'],
    [['channel', 'close', channelId, '--alone', '--blind'], 'bad-argument', '--blind'],
    [['channel', 'close', channelId, '--timeout', '-1'], 'bad-number', '--timeout'],
  ])('`tally %j` is refused as %s, naming %s', async (args, code, field) => {
    const ended = await tally(['--json', '--data-dir', join(scratch, 'absent'), ...args])
    expect(ended.code).toBe(2)
    const { error } = onlyJson(ended)
    expect(error).toMatchObject({ kind: 'usage', code, field, exitCode: 2 })
    expect(error).toHaveProperty('remedy')
    expect(ended.stderr).toBe('')
  })

  it('tells people the same on standard error, and nothing on standard output', async () => {
    const ended = await tally(['pay', nodeId, '0'])
    expect(ended.code).toBe(2)
    expect(ended.stdout).toBe('')
    expect(ended.stderr).toMatch(/^error: the amount is zero \(amount\)\n {2}what to do: Give at least 1/)
  })
})

describe('without a node', () => {
  it.each([
    ['status'],
    ['channel', 'list'],
    ['channel', 'show', channelId],
    ['pay', nodeId, '5'],
    ['channel', 'open', nodeId, '5'],
  ])('`tally %s` says that there is no data directory (exit 4)', async (...args) => {
    const ended = await tally(['--json', '--data-dir', join(scratch, 'absent'), ...args])
    expect(ended.code).toBe(4)
    expect(onlyJson(ended).error).toMatchObject({ code: 'not-initialised', field: '--data-dir' })
  })

  it('doctor reports what is missing, with a remedy, and fails (exit 5)', async () => {
    const ended = await tally(['--json', '--data-dir', join(scratch, 'absent'), 'doctor'])
    expect(ended.code).toBe(5)
    const report = onlyJson(ended)
    expect(report.ok).toBe(false)
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        check: 'data directory',
        level: 'error',
        remedy: expect.stringContaining('tally init'),
      }),
    )
  })

  it.each([
    ['not JSON at all', '{', 'is not JSON'],
    ['an unknown field', JSON.stringify({ version: 1, chain: {}, frobnicate: 1 }), 'config.json'],
    ['another version', JSON.stringify({ version: 2 }), 'config.json'],
  ])('a configuration with %s is refused by name', async (_name, text, message) => {
    writeFileSync(join(scratch, 'config.json'), text)
    const ended = await tally(['--json', '--data-dir', scratch, 'node', 'start'])
    expect(ended.code).toBe(2)
    expect(onlyJson(ended).error).toMatchObject({
      code: 'bad-config',
      message: expect.stringContaining(message),
    })
  })
})
