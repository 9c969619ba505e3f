/** Reads `vectors/signatures.json`, which any other implementation can check itself against too. */
import { readFileSync } from 'node:fs'

export interface SignVector {
  readonly name: string
  readonly privateKey: Uint8Array
  readonly digest: Uint8Array
  /** `r ++ vs`, 64 bytes. */
  readonly signature: Uint8Array
  readonly address: Uint8Array
}

export interface RecoverVector {
  readonly name: string
  readonly digest: Uint8Array
  readonly signature: Uint8Array
  /** Undefined: nobody. */
  readonly address: Uint8Array | undefined
}

const file: {
  sign: { name: string; privateKey: string; digest: string; r: string; vs: string; address: string }[]
  recover: { name: string; digest: string; signature: string; address: string | null }[]
} = JSON.parse(readFileSync(new URL('../../../vectors/signatures.json', import.meta.url), 'utf8'))

export const signVectors: readonly SignVector[] = file.sign.map((entry) => ({
  name: entry.name,
  privateKey: bytes(entry.privateKey),
  digest: bytes(entry.digest),
  signature: bytes(entry.r + entry.vs.slice(2)),
  address: bytes(entry.address),
}))

export const recoverVectors: readonly RecoverVector[] = file.recover.map((entry) => ({
  name: entry.name,
  digest: bytes(entry.digest),
  signature: bytes(entry.signature),
  address: entry.address === null ? undefined : bytes(entry.address),
}))

export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replace(/^0x/, ''), 'hex'))
}

export function hex(source: Uint8Array): string {
  return Buffer.from(source).toString('hex')
}
