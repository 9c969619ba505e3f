import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import { loadCrypto } from '@tallystick/crypto'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  changePassphrase,
  createKeystore,
  KEY_ROLES,
  KeystoreError,
  keyFile,
  LOG_REDACTION,
  openKeystore,
  readForeignKey,
} from '../../src/keystore/index.ts'

const crypto = await loadCrypto()
/** Real scrypt, affordable in a test. */
const cost = { n: 1024 }
const passphrase = 'correct horse battery staple 漢字'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tallystick-keys-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe('creating and opening', () => {
  test('what was created opens to the same keys, all different', async () => {
    const made = await createKeystore(crypto, { directory, passphrase, cost })
    const opened = await openKeystore(crypto, { directory, passphrase })
    expect({ nodeId: opened.nodeId, signer: opened.signer, account: opened.account }).toEqual(made)
    expect(made.nodeId).toMatch(/^0[23][0-9a-f]{64}$/)
    const digits = KEY_ROLES.map((role) => opened.withKey(role, hex))
    expect(new Set(digits).size).toBe(3)
    expect(opened.withKey('signer', (key) => crypto.createSigner(key)).address).toEqual(made.signer)
    expect(opened.withKey('identity', (key) => crypto.createIdentity(key)).nodeId).toBe(made.nodeId)
  })

  test('given keys are used, and copied', async () => {
    const account = new Uint8Array(32).fill(7)
    const made = await createKeystore(crypto, { directory, passphrase, cost, privateKeys: { account } })
    expect(made.account).toEqual(crypto.addressOf(account))
    expect(account).toEqual(new Uint8Array(32).fill(7))
    const opened = await openKeystore(crypto, { directory, passphrase })
    expect(opened.withKey('account', hex)).toBe(hex(account))
  })

  test('files are whole V3 keystores, encrypted, for the owner only', async () => {
    const account = new Uint8Array(32).fill(7)
    await createKeystore(crypto, { directory, passphrase, privateKeys: { account }, cost })
    expect(readdirSync(directory).sort()).toEqual(['account.json', 'identity.json', 'signer.json'])
    for (const role of KEY_ROLES) {
      expect(statSync(keyFile(directory, role)).mode & 0o777).toBe(0o600)
      const text = readFileSync(keyFile(directory, role), 'utf8')
      expect(JSON.parse(text)).toMatchObject({ version: 3, crypto: { kdf: 'scrypt', kdfparams: cost } })
      expect(text).not.toContain(hex(account))
    }
  })

  test('the standard cost is that of geth', async () => {
    await createKeystore(crypto, { directory, passphrase })
    const { crypto: section } = JSON.parse(readFileSync(keyFile(directory, 'signer'), 'utf8'))
    expect(section.kdfparams).toMatchObject({ n: 262_144, r: 8, p: 1 })
  })

  test('an existing key is never overwritten, not even one of three', async () => {
    await createKeystore(crypto, { directory, passphrase, cost })
    const before = readFileSync(keyFile(directory, 'account'), 'utf8')
    unlinkSync(keyFile(directory, 'identity'))
    await refused('exists', createKeystore(crypto, { directory, passphrase, cost }))
    expect(readdirSync(directory).sort()).toEqual(['account.json', 'signer.json'])
    expect(readFileSync(keyFile(directory, 'account'), 'utf8')).toBe(before)
  })

  test('two creations at once: one wins whole, the other changes nothing', async () => {
    const outcomes = await Promise.allSettled(
      [1, 2].map(() => createKeystore(crypto, { directory, passphrase, cost })),
    )
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(won.length).toBe(1)
    expect(lost[0]?.reason).toMatchObject({ code: 'exists' })
    expect((await openKeystore(crypto, { directory, passphrase })).account).toEqual(won[0]?.value.account)
    expect(readdirSync(directory).length).toBe(3)
  })

  test('bad keys and passphrases are refused, and nothing is written', async () => {
    const same = new Uint8Array(32).fill(7)
    const create = (extra: object) => createKeystore(crypto, { directory, passphrase, cost, ...extra })
    await refused('empty-passphrase', create({ passphrase: '' }))
    await refused('invalid-private-key', create({ privateKeys: { signer: new Uint8Array(32) } }))
    await refused('invalid-private-key', create({ privateKeys: { signer: new Uint8Array(31).fill(1) } }))
    await refused('duplicate-key', create({ privateKeys: { signer: same, account: same } }))
    expect(readdirSync(directory)).toEqual([])
  })
})

describe('refusing to open', () => {
  beforeEach(async () => {
    await createKeystore(crypto, { directory, passphrase, cost })
  })
  const open = (extra: object = {}) => openKeystore(crypto, { directory, passphrase, ...extra })

  test('a wrong passphrase, which is not repeated', async () => {
    const error = await refused('wrong-passphrase', open({ passphrase: 'not-the-passphrase' }))
    expect(inspect(error)).not.toContain('not-the-passphrase')
  })

  test('a missing file', async () => {
    unlinkSync(keyFile(directory, 'signer'))
    expect((await refused('missing', open())).field).toBe(keyFile(directory, 'signer'))
  })

  test.each([0o644, 0o640, 0o604, 0o602, 0o666])('a file that others can reach (mode %o)', async (mode) => {
    chmodSync(keyFile(directory, 'account'), mode)
    const error = await refused('unsafe-permissions', open())
    expect(error.message).toContain('chmod 600')
  })

  test('a key under the address of another', async () => {
    const path = keyFile(directory, 'account')
    const json = JSON.parse(readFileSync(path, 'utf8'))
    writeFileSync(path, JSON.stringify({ ...json, address: '00'.repeat(20) }))
    await refused('malformed', open())
  })

  test('the same file in two places', async () => {
    writeFileSync(keyFile(directory, 'account'), readFileSync(keyFile(directory, 'signer')))
    await refused('duplicate-key', open())
  })

  test.each([
    ['empty', ''],
    ['cut off', '{"version":3,"crypto":{'],
    ['another version', '{"version":1}'],
    ['not an object', '[]'],
    ['null', 'null'],
    ['huge', 'x'.repeat(70_000)],
    ['binary', '\u0000\u0001\u0002'],
  ])('a file that is %s', async (_name, text) => {
    writeFileSync(keyFile(directory, 'account'), text)
    await refused('malformed', open())
  })

  test.each([
    ['more memory than there is', { n: 2 ** 30 }, 'unsupported'],
    ['a cost that is no power of two', { n: 1000 }, 'unsupported'],
    ['more work than a day', { p: 2 ** 30 }, 'unsupported'],
    ['a negative cost', { n: -1024 }, 'malformed'],
    ['no salt', { salt: '' }, 'malformed'],
  ] as const)('a file that asks for %s', async (_name, change, code) => {
    const path = keyFile(directory, 'account')
    const json = JSON.parse(readFileSync(path, 'utf8'))
    Object.assign(json.crypto.kdfparams, change)
    writeFileSync(path, JSON.stringify(json))
    await refused(code, open())
  })

  test('a bit changed anywhere in the secret is found', async () => {
    const path = keyFile(directory, 'account')
    const json = JSON.parse(readFileSync(path, 'utf8'))
    const { ciphertext } = json.crypto
    json.crypto.ciphertext = (ciphertext[0] === '0' ? '1' : '0') + ciphertext.slice(1)
    writeFileSync(path, JSON.stringify(json))
    await refused('wrong-passphrase', open())
  })
})

describe('changing the passphrase', () => {
  const newPassphrase = 'another one'

  test('keeps the keys and lets go of the old passphrase', async () => {
    const made = await createKeystore(crypto, { directory, passphrase, cost })
    await changePassphrase({ directory, passphrase, newPassphrase, cost })
    await refused('wrong-passphrase', openKeystore(crypto, { directory, passphrase }))
    const opened = await openKeystore(crypto, { directory, passphrase: newPassphrase })
    expect(opened.nodeId).toBe(made.nodeId)
    expect(opened.account).toEqual(made.account)
    expect(readdirSync(directory).length).toBe(3)
    expect(statSync(keyFile(directory, 'account')).mode & 0o777).toBe(0o600)
  })

  test('a wrong passphrase changes nothing', async () => {
    await createKeystore(crypto, { directory, passphrase, cost })
    await refused(
      'wrong-passphrase',
      changePassphrase({ directory, passphrase: 'wrong', newPassphrase, cost }),
    )
    await openKeystore(crypto, { directory, passphrase })
  })

  test('finishes what a kill left half done', async () => {
    const made = await createKeystore(crypto, { directory, passphrase, cost })
    const old = readFileSync(keyFile(directory, 'account'))
    await changePassphrase({ directory, passphrase, newPassphrase, cost })
    writeFileSync(keyFile(directory, 'account'), old)
    await refused('wrong-passphrase', openKeystore(crypto, { directory, passphrase: newPassphrase }))
    await changePassphrase({ directory, passphrase, newPassphrase, cost })
    const opened = await openKeystore(crypto, { directory, passphrase: newPassphrase })
    expect(opened.account).toEqual(made.account)
  })

  test('a draft left by a kill is in nobody’s way', async () => {
    await createKeystore(crypto, { directory, passphrase, cost })
    renameSync(keyFile(directory, 'account'), `${keyFile(directory, 'account')}.0123.draft`)
    await refused('missing', openKeystore(crypto, { directory, passphrase }))
    renameSync(`${keyFile(directory, 'account')}.0123.draft`, keyFile(directory, 'account'))
    await openKeystore(crypto, { directory, passphrase })
  })
})

describe('the ecosystem’s own keystores', () => {
  /** Test vectors of the Web3 Secret Storage Definition. */
  const password = 'testpassword'
  const privateKey = '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'
  const pbkdf2 = {
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
      ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
      kdf: 'pbkdf2',
      kdfparams: {
        c: 262144,
        dklen: 32,
        prf: 'hmac-sha256',
        salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
      },
      mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
    },
    id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
    version: 3,
  }
  const scrypt = {
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: '83dbcc02d8ccb40e466191a123791e0e' },
      ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
      kdf: 'scrypt',
      kdfparams: {
        dklen: 32,
        n: 262144,
        p: 8,
        r: 1,
        salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19',
      },
      mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
    },
    id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
    version: 3,
  }

  test.each([
    ['pbkdf2', pbkdf2],
    ['scrypt', scrypt],
  ])('the vector of the definition opens: %s', async (_name, json) => {
    const key = await readForeignKey({ json: JSON.stringify(json), passphrase: password, field: 'vector' })
    expect(hex(key)).toBe(privateKey)
    await refused(
      'wrong-passphrase',
      readForeignKey({ json: JSON.stringify(json), passphrase: 'testpasswore', field: 'vector' }),
    )
  })

  test('names in capitals, as some wallets write them', async () => {
    const { crypto: section, ...rest } = pbkdf2
    const json = JSON.stringify({ ...rest, Crypto: section }).toUpperCase()
    const restored = json
      .replace('AES-128-CTR', 'aes-128-ctr')
      .replace('"PBKDF2"', '"pbkdf2"')
      .replace('HMAC-SHA256', 'hmac-sha256')
    const key = await readForeignKey({ json: restored, passphrase: password, field: 'vector' })
    expect(hex(key)).toBe(privateKey)
  })

  test('an imported key becomes the account', async () => {
    const account = await readForeignKey({
      json: JSON.stringify(pbkdf2),
      passphrase: password,
      field: 'vector',
    })
    const made = await createKeystore(crypto, { directory, passphrase, cost, privateKeys: { account } })
    expect(hex(made.account)).toBe('008aeeda4d805471df9b2a5b0f38a0c3bcba786b')
  })
})

describe('secrets stay secret', () => {
  test('unlocked keys do not print, and are gone when destroyed', async () => {
    await createKeystore(crypto, { directory, passphrase, cost })
    const opened = await openKeystore(crypto, { directory, passphrase })
    const secrets = KEY_ROLES.map((role) => opened.withKey(role, (key) => key.slice()))
    const borrowed = opened.withKey('signer', (key) => key)
    const printed = inspect(opened, { showHidden: true, depth: null }) + JSON.stringify(opened)
    for (const secret of secrets) {
      expect(printed).not.toContain(hex(secret))
      expect(printed).not.toContain(Array.from(secret.subarray(0, 6)).join(', '))
    }
    opened.destroy()
    expect(borrowed).toEqual(new Uint8Array(32))
    expect(() => opened.withKey('signer', hex)).toThrow(expect.objectContaining({ code: 'destroyed' }))
  })

  test('a logger with the redaction shows none of them, however deep', () => {
    let logged = ''
    const sink = new Writable({
      write(chunk, _encoding, done) {
        logged += chunk
        done()
      },
    })
    const log = pino({ redact: LOG_REDACTION }, sink)
    const leak = { passphrase: 'LEAK', privateKey: 'LEAK', apiToken: 'LEAK', preimage: 'LEAK' }
    log.info(leak)
    log.info({ options: leak })
    log.info({ request: { options: leak } })
    log.info({ a: { request: { headers: { authorization: 'LEAK' } } } })
    expect(logged.match(/\[secret\]/g)?.length).toBe(13)
    expect(logged).not.toContain('LEAK')
  })
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

async function refused(code: KeystoreError['code'], work: Promise<unknown>): Promise<KeystoreError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(KeystoreError)
  expect(error).toMatchObject({ code })
  if (!(error instanceof KeystoreError)) throw error
  return error
}
