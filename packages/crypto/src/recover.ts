/**
 * Whose signature is this: exactly what `ecrecover` with the low-s rule says on chain (EN-60, EN-61).
 * A signature that any backend took and the chain refused would be money that cannot be collected, so every range is
 * checked here and not left to a backend.
 * Source: EIP-2098 (compact form), EIP-2 (low s), Yellow Paper appendix E (ecrecover).
 */
import { HALF_ORDER, HIGHEST_SCALAR, isFromOneTo, type PublicKeyForm, type Secp256k1 } from './secp256k1.ts'

/** The signer's public key, or undefined when the chain would name nobody. Never throws on bad bytes. */
export function recoverPublicKey(
  backend: Secp256k1,
  digest: Uint8Array,
  signature: Uint8Array,
  form: PublicKeyForm,
): Uint8Array | undefined {
  if (digest.length !== 32 || signature.length !== 64) return undefined
  const rs = new Uint8Array(64)
  rs.set(signature)
  const recovery = (rs[32] ?? 0) >> 7 === 0 ? 0 : 1
  rs[32] = (rs[32] ?? 0) & 0x7f
  if (!isFromOneTo(HIGHEST_SCALAR, rs) || !isFromOneTo(HALF_ORDER, rs, 32)) return undefined
  return backend.recover(digest, rs, recovery, form)
}

/** 64 bytes `r ++ vs` (EIP-2098). */
export function signCompact(backend: Secp256k1, digest: Uint8Array, privateKey: Uint8Array): Uint8Array {
  const { rs, recovery } = backend.sign(digest, privateKey)
  if (recovery > 1)
    throw new RangeError('secp256k1: this digest cannot be signed for the chain; change the message')
  if (recovery === 1) rs[32] = (rs[32] ?? 0) | 0x80
  return rs
}
