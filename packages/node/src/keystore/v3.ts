/**
 * One private key as a V3 keystore (Web3 Secret Storage), the JSON that geth, Clef and every wallet read and write.
 * What comes from a file is checked before any work is done on it: the file chooses how much memory and time the key
 * derivation takes.
 */
import { Wallet } from '@ethereumjs/wallet'
import { z } from 'zod'
import { KeystoreError } from './errors.ts'

/** Cost of the passphrase's key derivation (scrypt with r = 8, p = 1). */
export interface ScryptCost {
  /** A power of two. The memory used is 1 KiB times this. */
  readonly n: number
}

/** geth's standard: 256 MiB and about a second for each guess. */
export const STANDARD_COST: ScryptCost = { n: 262_144 }

const MAX_SCRYPT_BYTES = 1024 ** 3
const MAX_PBKDF2_ROUNDS = 10_000_000

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-fA-F]{${2 * bytes}}$`))
const anyHex = z.string().regex(/^(?:[0-9a-fA-F]{2}){8,64}$/)
const whole = z.number().int().positive()

const V3 = z.object({
  version: z.literal(3),
  id: z.string().optional(),
  address: z
    .string()
    .regex(/^(?:0x)?[0-9a-fA-F]{40}$/)
    .optional(),
  crypto: z.object({
    cipher: z.literal('aes-128-ctr'),
    cipherparams: z.object({ iv: hex(16) }),
    ciphertext: hex(32),
    mac: hex(32),
    kdf: z.enum(['scrypt', 'pbkdf2']),
    kdfparams: z.union([
      z.object({ dklen: z.literal(32), n: whole, r: whole, p: whole, salt: anyHex }),
      z.object({ dklen: z.literal(32), c: whole, prf: z.literal('hmac-sha256'), salt: anyHex }),
    ]),
  }),
})

/** JSON text of the encrypted key. */
export async function encryptKey(
  privateKey: Uint8Array,
  passphrase: string,
  cost: ScryptCost,
): Promise<string> {
  // The library keeps a reference, and its wallet prints the key when inspected: it gets a copy and stays in here.
  const copy = privateKey.slice()
  try {
    const json = await Wallet.fromPrivateKey(copy).toV3(passphrase, { kdf: 'scrypt', n: cost.n, r: 8, p: 1 })
    return `${JSON.stringify(json, null, 2)}\n`
  } finally {
    copy.fill(0)
  }
}

/** `field` names the source in errors. The caller owns the bytes and should zeroise them. */
export async function decryptKey(text: string, passphrase: string, field: string): Promise<Uint8Array> {
  const parsed = parse(text, field)
  let wallet: Wallet
  try {
    wallet = await Wallet.fromV3(JSON.stringify(parsed), passphrase, true)
  } catch (error) {
    // The library's only failure after the checks above that is not ours to name differently.
    if (error instanceof Error && /wrong passphrase/.test(error.message)) {
      throw new KeystoreError('wrong-passphrase', field, 'the passphrase does not open it: try again')
    }
    throw new KeystoreError('malformed', field, 'is not a usable V3 keystore: restore it from your backup')
  }
  const stated = parsed.address?.toLowerCase().replace(/^0x/, '')
  if (stated !== undefined && stated !== wallet.getAddressString().slice(2)) {
    wallet.getPrivateKey().fill(0)
    throw new KeystoreError(
      'malformed',
      field,
      'its address is not that of its key: restore it from your backup',
    )
  }
  return wallet.getPrivateKey()
}

function parse(text: string, field: string): z.infer<typeof V3> {
  let parsed: unknown
  try {
    parsed = lowerCaseNames(JSON.parse(text))
  } catch {
    throw new KeystoreError('malformed', field, 'is not JSON: give a V3 keystore file')
  }
  const checked = V3.safeParse(parsed)
  if (!checked.success) {
    const at = checked.error.issues[0]?.path.join('.') || 'the file'
    throw new KeystoreError('malformed', field, `is not a V3 keystore (${at}): give a V3 keystore file`)
  }
  const { kdf, kdfparams } = checked.data.crypto
  const affordable = 'n' in kdfparams ? isScryptAffordable(kdfparams) : kdfparams.c <= MAX_PBKDF2_ROUNDS
  if ('n' in kdfparams !== (kdf === 'scrypt') || !affordable) {
    throw new KeystoreError(
      'unsupported',
      field,
      'its key derivation is unknown or asks for more than 1 GiB or some seconds: export the key again with standard settings',
    )
  }
  return checked.data
}

function isScryptAffordable({ n, r, p }: { n: number; r: number; p: number }): boolean {
  const powerOfTwo = n > 1 && Number.isInteger(Math.log2(n))
  return powerOfTwo && 128 * n * r <= MAX_SCRYPT_BYTES && n * r * p <= MAX_SCRYPT_BYTES / 128
}

/** Some wallets write `Crypto` and `KDF` (the spec's own name is lower case). */
function lowerCaseNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name.toLowerCase(), lowerCaseNames(inner)]),
  )
}
