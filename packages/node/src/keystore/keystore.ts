/**
 * The keys of a node, three roles in three encrypted files of one directory:
 *
 * - `identity` proves the node id to peers (the transport);
 * - `signer` signs lines, acks and statements, and can never redirect a payout;
 * - `account` owns the deposits and pays for gas.
 *
 * Invariants: a key is on disk only encrypted, in a file only its owner can read, written whole or not at all; an
 * existing key is never overwritten by another; keys and passphrases are in no error, log or printed value.
 * Source: Web3 Secret Storage Definition, version 3.
 */
import { join } from 'node:path'
import { CryptoError, generatePrivateKey, type LoadedCrypto } from '@tallystick/crypto'
import { KeystoreError } from './errors.ts'
import { makePrivateDirectory, readPrivateFile, replaceFile, writeNewFile } from './private-file.ts'
import { decryptKey, encryptKey, type ScryptCost, STANDARD_COST } from './v3.ts'

export const KEY_ROLES = ['identity', 'signer', 'account'] as const
export type KeyRole = (typeof KEY_ROLES)[number]

/** What may be known of a key without its passphrase being told: nothing here is secret. */
export interface PublicKeys {
  /** The node id: 66 hex digits. */
  readonly nodeId: string
  /** 20 bytes. */
  readonly signer: Uint8Array
  /** 20 bytes. */
  readonly account: Uint8Array
}

/** The decrypted keys. They never print; `destroy` overwrites them. */
export interface UnlockedKeys extends PublicKeys {
  /** Gives `work` the key's bytes for the time of the call: copy them (`createSigner` does), never keep them. */
  withKey<T>(role: KeyRole, work: (privateKey: Uint8Array) => T): T
  destroy(): void
}

export interface CreateKeystoreOptions {
  /** Created with mode 0700 when absent. */
  readonly directory: string
  readonly passphrase: string
  /** Keys to use instead of fresh ones, 32 bytes each. They are copied. */
  readonly privateKeys?: Partial<Readonly<Record<KeyRole, Uint8Array>>>
  /** Default: `STANDARD_COST`. Lower it for tests and throw-away networks only. */
  readonly cost?: ScryptCost
}

/** Path of the file of one role. */
export function keyFile(directory: string, role: KeyRole): string {
  return join(directory, `${role}.json`)
}

/** Writes three key files; refuses with `exists`, and writes nothing, when any of them is there. */
export async function createKeystore(
  crypto: LoadedCrypto,
  options: CreateKeystoreOptions,
): Promise<PublicKeys> {
  assertPassphrase(options.passphrase, 'passphrase')
  makePrivateDirectory(options.directory)
  for (const role of KEY_ROLES) assertAbsent(keyFile(options.directory, role))
  const keys = heldKeys(crypto, (role) => options.privateKeys?.[role]?.slice() ?? generatePrivateKey())
  try {
    const texts: [KeyRole, string][] = []
    for (const role of KEY_ROLES) {
      const text = keys.withKey(role, (key) =>
        encryptKey(key, options.passphrase, options.cost ?? STANDARD_COST),
      )
      texts.push([role, await text])
    }
    for (const [role, text] of texts) writeNewFile(keyFile(options.directory, role), text)
    return { nodeId: keys.nodeId, signer: keys.signer, account: keys.account }
  } finally {
    keys.destroy()
  }
}

/** Opens all three files with one passphrase. */
export async function openKeystore(
  crypto: LoadedCrypto,
  options: { readonly directory: string; readonly passphrase: string },
): Promise<UnlockedKeys> {
  const opened = new Map<KeyRole, Uint8Array>()
  try {
    for (const role of KEY_ROLES) {
      const path = keyFile(options.directory, role)
      opened.set(role, await decryptKey(readPrivateFile(path), options.passphrase, path))
    }
  } catch (error) {
    for (const key of opened.values()) key.fill(0)
    throw error
  }
  return heldKeys(crypto, (role) => opened.get(role) ?? new Uint8Array(0))
}

/** The private key in a V3 keystore made elsewhere, to be given to `createKeystore`. The caller zeroises it. */
export async function readForeignKey(options: {
  /** The JSON text. */
  readonly json: string
  readonly passphrase: string
  /** Names the source in errors. */
  readonly field: string
}): Promise<Uint8Array> {
  return decryptKey(options.json, options.passphrase, options.field)
}

/**
 * Encrypts the three files anew. Each is replaced whole; after a kill between two of them, some open with the old and
 * some with the new passphrase, and calling this again with the same two finishes the work.
 */
export async function changePassphrase(options: {
  readonly directory: string
  readonly passphrase: string
  readonly newPassphrase: string
  readonly cost?: ScryptCost
}): Promise<void> {
  assertPassphrase(options.newPassphrase, 'newPassphrase')
  const texts: [string, string][] = []
  for (const role of KEY_ROLES) {
    const path = keyFile(options.directory, role)
    const key = await decryptWithEither(path, options.passphrase, options.newPassphrase)
    try {
      texts.push([path, await encryptKey(key, options.newPassphrase, options.cost ?? STANDARD_COST)])
    } finally {
      key.fill(0)
    }
  }
  for (const [path, text] of texts) replaceFile(path, text)
}

async function decryptWithEither(path: string, passphrase: string, other: string): Promise<Uint8Array> {
  const text = readPrivateFile(path)
  try {
    return await decryptKey(text, passphrase, path)
  } catch (error) {
    if (!(error instanceof KeystoreError) || error.code !== 'wrong-passphrase') throw error
    return decryptKey(text, other, path).catch(() => {
      throw error
    })
  }
}

/** Takes ownership of what `keyOf` returns: the bytes are overwritten on refusal and by `destroy`. */
function heldKeys(crypto: LoadedCrypto, keyOf: (role: KeyRole) => Uint8Array): UnlockedKeys {
  const keys = new Map<KeyRole, Uint8Array>()
  const forget = () => {
    for (const key of keys.values()) key.fill(0)
    keys.clear()
  }
  try {
    for (const role of KEY_ROLES) keys.set(role, keyOf(role))
    assertDistinct(keys)
    const identity = crypto.createIdentity(get('identity'))
    identity.destroy()
    return {
      nodeId: identity.nodeId,
      signer: crypto.addressOf(get('signer')),
      account: crypto.addressOf(get('account')),
      withKey: (role, work) => work(get(role)),
      destroy: forget,
    }
  } catch (error) {
    forget()
    if (error instanceof CryptoError) {
      throw new KeystoreError('invalid-private-key', 'privateKeys', error.message)
    }
    throw error
  }

  function get(role: KeyRole): Uint8Array {
    const key = keys.get(role)
    if (key !== undefined) return key
    throw new KeystoreError('destroyed', role, 'the keys were destroyed: open the keystore again')
  }
}

function assertDistinct(keys: ReadonlyMap<KeyRole, Uint8Array>): void {
  const seen = new Set<string>()
  for (const [role, key] of keys) {
    const digits = Buffer.from(key).toString('hex')
    if (seen.has(digits)) {
      throw new KeystoreError('duplicate-key', role, 'is the key of another role too: give each role its own')
    }
    seen.add(digits)
  }
}

function assertAbsent(path: string): void {
  try {
    readPrivateFile(path)
  } catch (error) {
    if (error instanceof KeystoreError && error.code === 'missing') return
    if (!(error instanceof KeystoreError) || error.code === 'io') throw error
  }
  throw new KeystoreError(
    'exists',
    path,
    'is there already and was not changed: use it, or name another directory',
  )
}

function assertPassphrase(passphrase: string, field: string): void {
  if (passphrase === '') throw new KeystoreError('empty-passphrase', field, 'must not be empty')
}
