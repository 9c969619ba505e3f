/** `@noble/curves`: audited, runs everywhere, about thirty times slower than native. */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Secp256k1 } from './secp256k1.ts'

export function javascriptSecp256k1(): Secp256k1 {
  return {
    name: 'javascript',
    sign(digest, privateKey) {
      const signed = secp256k1.sign(digest, privateKey, {
        prehash: false,
        lowS: true,
        extraEntropy: false,
        format: 'recovered',
      })
      return { rs: signed.slice(1), recovery: signed[0] ?? 0 }
    },
    recover(digest, rs, recovery, form) {
      try {
        const signature = secp256k1.Signature.fromBytes(rs, 'compact').addRecoveryBit(recovery)
        return signature.recoverPublicKey(digest).toBytes(form === 'compressed')
      } catch {
        return undefined
      }
    },
    publicKey: (privateKey, form) => secp256k1.getPublicKey(privateKey, form === 'compressed'),
    ecdh(privateKey, publicKey) {
      try {
        return sha256(secp256k1.getSharedSecret(privateKey, publicKey, true))
      } catch {
        return undefined
      }
    },
    multiplyPublicKey(publicKey, scalar) {
      try {
        return secp256k1.Point.fromBytes(publicKey).multiply(Fn.fromBytes(scalar)).toBytes(true)
      } catch {
        return undefined
      }
    },
    multiplyPrivateKey: (privateKey, scalar) =>
      Fn.toBytes(Fn.mul(Fn.fromBytes(privateKey), Fn.fromBytes(scalar))),
  }
}

/** Arithmetic modulo the group order. */
const { Fn } = secp256k1.Point
