/**
 * The keys of a node, each able to sign a few kinds of things and nothing else: a `Signer` signs the structured messages of
 * the protocol, an `Identity` proves its node id to a peer; both sign gossip (GO-11). There is no call that signs a digest
 * given from outside (EN-66), and no way to read a key back.
 */
import {
  type ChannelAnnouncer,
  type ChannelClaim,
  type Crypto,
  digestOf,
  type GossipClaim,
  gossipDigest,
  type NodeAnnouncer,
  type Signable,
  type Signer,
} from '@tallystick/protocol'
import { addressOfPublicKey } from './addresses.ts'
import { recoverPublicKey, signCompact } from './recover.ts'
import type { Secp256k1 } from './secp256k1.ts'
import { holdKey } from './secrets.ts'

/** A signer that holds its key in memory until it is destroyed. */
export interface KeySigner extends Signer, ChannelAnnouncer {
  /** Overwrites the key; every later `sign` throws `key-destroyed`. Idempotent. */
  destroy(): void
}

/** "I am the `role` of the session with this keying material, between these two." */
export interface IdentityStatement {
  /** Of the one who proves. */
  readonly role: 'dialer' | 'listener'
  /** Node ids: compressed public keys, 66 lower-case hex digits. */
  readonly dialerId: string
  readonly listenerId: string
  /** 32 bytes of keying material exported from the session (RFC 9266). */
  readonly exporter: Uint8Array
}

export interface KeyIdentity extends NodeAnnouncer {
  readonly nodeId: string
  /** 64 bytes (EIP-2098), deterministic. Throws RangeError for a statement of the wrong form. */
  prove(statement: IdentityStatement): Uint8Array
  destroy(): void
}

export function createSigner(backend: Secp256k1, crypto: Crypto, privateKey: Uint8Array): KeySigner {
  const key = holdKey(privateKey)
  const address = key.use((bytes) => addressOf(backend, crypto, bytes))
  return {
    address,
    sign(message: Signable) {
      const digest = digestOf(crypto, message)
      return key.use((bytes) => signCompact(backend, digest, bytes))
    },
    announce(message: ChannelClaim) {
      if (message.type !== 'ChannelAnnouncement')
        throw new RangeError('channel signer: announces channels and nothing else')
      const digest = gossipDigest(crypto, message)
      return key.use((bytes) => signCompact(backend, digest, bytes))
    },
    destroy: () => key.destroy(),
  }
}

export function createIdentity(backend: Secp256k1, crypto: Crypto, privateKey: Uint8Array): KeyIdentity {
  const key = holdKey(privateKey)
  const nodeId = toDigits(key.use((bytes) => backend.publicKey(bytes, 'compressed')))
  return {
    nodeId,
    prove(statement) {
      const digest = identityDigest(crypto, statement)
      if (digest === undefined)
        throw new RangeError('identity statement: two node ids and 32 bytes of exporter')
      return key.use((bytes) => signCompact(backend, digest, bytes))
    },
    announce(message: GossipClaim) {
      const digest = gossipDigest(crypto, message)
      return key.use((bytes) => signCompact(backend, digest, bytes))
    },
    destroy: () => key.destroy(),
  }
}

/** True only for the proof of the statement's `role`, over exactly this statement; false for anything malformed. */
export function verifyIdentity(
  backend: Secp256k1,
  crypto: Crypto,
  statement: IdentityStatement,
  proof: Uint8Array,
): boolean {
  const digest = identityDigest(crypto, statement)
  if (digest === undefined) return false
  const publicKey = recoverPublicKey(backend, digest, proof, 'compressed')
  if (publicKey === undefined) return false
  return toDigits(publicKey) === (statement.role === 'dialer' ? statement.dialerId : statement.listenerId)
}

/** The last 20 bytes of keccak256 of the public key. */
export function addressOf(backend: Secp256k1, crypto: Crypto, privateKey: Uint8Array): Uint8Array {
  return addressOfPublicKey(crypto, backend.publicKey(privateKey, 'uncompressed'))
}

/**
 * `keccak256(tag ++ role ++ dialer id ++ listener id ++ exporter)`, `role` being one byte, 0 for the dialler. The tag
 * does not begin with 0x19, so no EIP-712 or EIP-191 message has this preimage.
 */
function identityDigest(crypto: Crypto, statement: IdentityStatement): Uint8Array | undefined {
  const { role, dialerId, listenerId, exporter } = statement
  if (!NODE_ID.test(dialerId) || !NODE_ID.test(listenerId) || exporter.length !== 32) return undefined
  if (role !== 'dialer' && role !== 'listener') return undefined
  const preimage = new Uint8Array(TAG.length + 1 + 33 + 33 + 32)
  for (let i = 0; i < TAG.length; i++) preimage[i] = TAG.charCodeAt(i)
  preimage[TAG.length] = role === 'dialer' ? 0 : 1
  putDigits(preimage, TAG.length + 1, dialerId)
  putDigits(preimage, TAG.length + 34, listenerId)
  preimage.set(exporter, TAG.length + 67)
  return crypto.keccak256(preimage)
}

const TAG = 'Tallystick identity proof, version 1\n'
const NODE_ID = /^0[23][0-9a-f]{64}$/

function putDigits(to: Uint8Array, at: number, digits: string): void {
  for (let i = 0; i < digits.length / 2; i++) to[at + i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
}

function toDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
