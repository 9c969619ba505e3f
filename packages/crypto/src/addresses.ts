/** Addresses of public keys, remembered: the lines of a channel all come from one key, and a hash costs more than a look. */
import { type Crypto, equalBytes } from '@tallystick/protocol'

/** The last 20 bytes of keccak256 of the public key, which is 65 bytes, uncompressed. */
export function addressOfPublicKey(crypto: Pick<Crypto, 'keccak256'>, publicKey: Uint8Array): Uint8Array {
  return crypto.keccak256(publicKey.subarray(1)).slice(12)
}

/** As many keys as share no last byte; a key that comes takes the place of the one that was there. */
const places = 256

/** `addressOfPublicKey` with a memory that never shows: an answer is kept beside the whole key it belongs to. */
export function rememberAddresses(crypto: Pick<Crypto, 'keccak256'>): (publicKey: Uint8Array) => Uint8Array {
  const known = new Array<{ publicKey: Uint8Array; address: Uint8Array } | undefined>(places)
  return (publicKey) => {
    const place = publicKey[64] ?? 0
    const found = known[place]
    if (found !== undefined && equalBytes(found.publicKey, publicKey)) return found.address.slice()
    const address = addressOfPublicKey(crypto, publicKey)
    known[place] = { publicKey: publicKey.slice(), address }
    return address.slice()
  }
}
