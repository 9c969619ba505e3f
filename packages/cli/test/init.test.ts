import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deployContracts } from '@tallystick/evm'
import type { Anvil } from '@tallystick/evm/anvil'
import { startAnvil } from '@tallystick/evm/anvil'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { onlyJson, tally } from './tally-process.ts'

const passphrase = 'correct horse battery staple'
const privateKey = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const accountOfKey = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'
let scratch: string
let passphraseFile: string
let anvil: Anvil
let place: string[]
let registry: string

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'tally-init-test-'))
  passphraseFile = join(scratch, 'passphrase')
  writeFileSync(passphraseFile, `${passphrase}\n`)
  anvil = await startAnvil()
  const deployer = anvil.accounts[0]?.privateKey ?? '0x'
  const deployment = await deployContracts({ rpcUrl: anvil.rpcUrl, privateKey: deployer })
  registry = deployment.registry
  place = [
    '--rpc-url',
    anvil.rpcUrl,
    '--bank',
    deployment.bank,
    '--light-kdf',
    '--passphrase-file',
    passphraseFile,
  ]
})
afterAll(async () => {
  await anvil?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

const at = (name: string) => ['--json', '--data-dir', join(scratch, name)]
const errorOf = (ended: Awaited<ReturnType<typeof tally>>) => onlyJson(ended).error

describe('init', () => {
  it('makes a complete directory that only its owner can read, and holds no secret in the clear', async () => {
    const ended = await tally([...at('fresh'), 'init', ...place])
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(onlyJson(ended)).toMatchObject({
      nodeId: expect.stringMatching(/^0[23][0-9a-f]{64}$/),
      account: expect.stringMatching(/^0x[0-9a-f]{40}$/),
      signer: expect.stringMatching(/^0x[0-9a-f]{40}$/),
    })
    const directory = join(scratch, 'fresh')
    expect(readdirSync(directory).toSorted()).toEqual(['config.json', 'keys'])
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    for (const name of ['config.json', 'keys/account.json', 'keys/signer.json', 'keys/identity.json']) {
      expect(statSync(join(directory, name)).mode & 0o077).toBe(0)
      expect(readFileSync(join(directory, name), 'utf8')).not.toContain(passphrase)
    }
    const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'))
    expect(config.chain).toMatchObject({ chainId: 31_337, registry })
  })

  it('never touches what is there already', async () => {
    const before = readFileSync(join(scratch, 'fresh', 'keys', 'account.json'), 'utf8')
    const ended = await tally([...at('fresh'), 'init', ...place])
    expect(ended.code).toBe(4)
    expect(errorOf(ended)).toMatchObject({ code: 'already-there', field: '--data-dir' })
    expect(readFileSync(join(scratch, 'fresh', 'keys', 'account.json'), 'utf8')).toBe(before)
  })

  it('imports an account key from a file, and shows it nowhere', async () => {
    const keyFile = join(scratch, 'key')
    writeFileSync(keyFile, `0x${privateKey}\n`)
    const ended = await tally([...at('imported'), 'init', ...place, '--import-key', keyFile])
    expect(ended.code).toBe(0)
    expect(onlyJson(ended).account).toBe(accountOfKey)
    expect(ended.stdout + ended.stderr).not.toContain(privateKey)
    const stored = readFileSync(join(scratch, 'imported', 'keys', 'account.json'), 'utf8')
    expect(stored).not.toContain(privateKey)
  })

  it('writes what is given for payments over others, and nothing that is not', async () => {
    const given = ['--announce', '--alias', 'Merchant D', '--safety-margin', '12', '--lock-time', '36']
    await tally([...at('network'), 'init', ...place, ...given])
    const config = JSON.parse(readFileSync(join(scratch, 'network', 'config.json'), 'utf8'))
    expect(config.network).toEqual({ announceChannels: true, alias: 'Merchant D', lockTimeSeconds: 36 })
    expect(config.limits.safetyMarginSeconds).toBe(12)
  })

  it.each([
    ['an address without a bank', ['--bank', `0x${'11'.repeat(20)}`], 2, 'no-bank', '--bank'],
    ['another registry', ['--registry', `0x${'11'.repeat(20)}`], 2, 'bad-registry', '--registry'],
    ['an address without a token', ['--token', `0x${'11'.repeat(20)}`], 2, 'no-token', '--token'],
    ['a lock period below the minimum', ['--lock-period', '599'], 2, 'bad-number', '--lock-period'],
    ['a name that others cannot be told', ['--alias', '名'], 2, 'bad-argument', '--alias'],
    ['locks that hold money for ever', ['--lock-time', '2592001'], 2, 'bad-number', '--lock-time'],
    ['no margin at all', ['--safety-margin', '0'], 2, 'bad-number', '--safety-margin'],
    [
      'a chain that does not answer',
      ['--rpc-url', 'http://127.0.0.1:9'],
      3,
      'chain-unreachable',
      'chain.rpcUrl',
    ],
    ['an RPC address that is none', ['--rpc-url', 'ftp://x'], 2, 'bad-url', '--rpc-url'],
    [
      'no readable passphrase file',
      ['--passphrase-file', '/nowhere'],
      2,
      'bad-passphrase',
      '--passphrase-file',
    ],
    ['no readable key file', ['--import-key', '/nowhere'], 2, 'bad-key', '--import-key'],
    [
      'a passphrase file that is empty',
      ['--passphrase-file', '/dev/null'],
      2,
      'bad-passphrase',
      '--passphrase-file',
    ],
    ['a key that is none', ['--import-key', '/dev/null'], 2, 'bad-key', '--import-key'],
  ])('refuses %s, and leaves nothing behind', async (_what, options, code, error, field) => {
    const before = readdirSync(scratch)
    const ended = await tally([...at('refused'), 'init', ...place, ...options])
    expect(ended.code).toBe(code)
    expect(errorOf(ended)).toMatchObject({ code: error, field })
    expect(readdirSync(scratch)).toEqual(before)
  })
})

describe('doctor', () => {
  it('finds everything in place but the node, which is no fault', async () => {
    const ended = await tally([...at('fresh'), 'doctor'])
    expect(ended.code).toBe(0)
    const { findings } = onlyJson(ended) as { findings: Array<{ check: string; level: string }> }
    expect(findings.map(({ check, level }) => `${check}: ${level}`)).toEqual([
      'runtime: ok',
      'data directory: ok',
      'configuration: ok',
      'keys: ok',
      'chain: ok',
      'node: warning',
    ])
  })

  it('names the key that is missing, and fails', async () => {
    rmSync(join(scratch, 'imported', 'keys', 'signer.json'))
    const ended = await tally([...at('imported'), 'doctor'])
    expect(ended.code).toBe(5)
    expect(onlyJson(ended).findings).toContainEqual(
      expect.objectContaining({ check: 'keys', level: 'error', remedy: expect.stringContaining('backup') }),
    )
  })
})
