/** The three keys of a data directory: made by `init`, opened by `node start`. */
import type { LoadedCrypto } from '@tallystick/crypto'
import { loadCrypto } from '@tallystick/crypto'
import type { PublicKeys, UnlockedKeys } from '@tallystick/node'
import { createKeystore, KeystoreError, openKeystore } from '@tallystick/node'
import type { Hex } from 'viem'
import { toHex } from 'viem'
import { Failure } from './failure.ts'

export type KeyOptions = {
  readonly directory: string
  readonly passphrase: string
  /** Use this key as the account instead of a fresh one; overwritten afterwards. */
  readonly account?: Uint8Array | undefined
  /** Weak protection for networks that are thrown away: guessing the passphrase is then cheap. */
  readonly light?: boolean | undefined
}

/** Of geth's `--lightkdf`. */
const lightCost = { n: 4_096 } as const

/** @throws {Failure} */
export async function createKeys(
  options: KeyOptions,
): Promise<{ nodeId: string; signer: Hex; account: Hex }> {
  const { directory, passphrase, account, light } = options
  try {
    const keys = await createKeystore(await loadCrypto(), {
      directory,
      passphrase,
      ...(account !== undefined && { privateKeys: { account } }),
      ...(light === true && { cost: lightCost }),
    })
    return addresses(keys)
  } catch (thrown) {
    throw explained(thrown)
  } finally {
    account?.fill(0)
  }
}

/** @throws {Failure} */
export async function openKeys(
  crypto: LoadedCrypto,
  directory: string,
  passphrase: string,
): Promise<UnlockedKeys> {
  try {
    return await openKeystore(crypto, { directory, passphrase })
  } catch (thrown) {
    throw explained(thrown)
  }
}

export function addresses(keys: PublicKeys): { nodeId: string; signer: Hex; account: Hex } {
  return { nodeId: keys.nodeId, signer: toHex(keys.signer), account: toHex(keys.account) }
}

const remedies: Readonly<Record<KeystoreError['code'], string>> = {
  exists: 'Nothing was overwritten. Use the keys that are there, or name another directory.',
  missing: 'Put the keystores back from your backup, or create a data directory with `tally init`.',
  'wrong-passphrase': 'Give the passphrase that was chosen at `tally init`.',
  'empty-passphrase': 'Choose a passphrase of several words.',
  malformed: 'Put the keystore back from your backup.',
  unsupported: 'Use a keystore made by `tally init` or geth.',
  'unsafe-permissions': 'Take the permissions of others away: chmod 600 on the file, 700 on its directory.',
  'invalid-private-key': 'Give 64 hexadecimal digits of a secp256k1 private key.',
  'duplicate-key': 'Give each role a key of its own.',
  destroyed: 'Run the command again.',
  io: 'Check the disk and the permissions of the data directory.',
}

function explained(thrown: unknown): unknown {
  if (!(thrown instanceof KeystoreError)) return thrown
  const { code, field, message } = thrown
  const kind = code === 'invalid-private-key' || code === 'empty-passphrase' ? 'usage' : 'notReady'
  return new Failure(kind, { code, field, message, remedy: remedies[code] }, thrown)
}
