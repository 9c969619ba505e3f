/** ON-4: the published test vectors of BOLT 4 (vectors/bolt04/README.md), on each implementation of the port. */
import { describe, expect, test } from 'vitest'
import {
  createFailure,
  createOnion,
  type PeeledOnion,
  peelOnion,
  unwrapFailure,
  wrapFailure,
} from '../../src/index.ts'
import { deriveKey } from '../../src/onion/keys.ts'
import { accepted, bytes, given, javascript, native, readVector } from './fixtures.ts'

const onionVector = readVector('onion-test.json') as {
  generate: { session_key: string; associated_data: string; hops: { pubkey: string; payload: string }[] }
  onion: string
  decode: string[]
}
const errorVector = readVector('onion-error-test.json') as {
  generate: {
    session_key: string
    failure_message: string
    hops: {
      pubkey: string
      hop_shared_secret: string
      ammag_key: string
      um_key?: string
      payload?: string
    }[]
  }
  errorpacket: string
}

describe.each([
  ['fastest', native],
  ['javascript', javascript],
])('%s', (_name, { onion: crypto, createOnionKey }) => {
  const { session_key, associated_data, hops } = onionVector.generate
  const associatedData = bytes(associated_data)
  const secrets = errorVector.generate.hops.map((hop) => bytes(hop.hop_shared_secret))

  test('onion-test.json: the onion and its shared secrets', () => {
    const made = accepted(
      createOnion(crypto, {
        sessionKey: bytes(session_key),
        associatedData,
        hops: hops.map((hop) => ({ nodeId: bytes(hop.pubkey), payload: withoutLength(hop.payload) })),
      }),
    )
    expect(Buffer.from(made.packet).toString('hex')).toBe(onionVector.onion)
    expect(made.sharedSecrets).toEqual(secrets)
  })

  test('onion-test.json: each hop reads its own payload', () => {
    let packet: Uint8Array | undefined = bytes(onionVector.onion)
    for (const [index, key] of onionVector.decode.entries()) {
      const peeled: PeeledOnion = accepted(
        peelOnion(crypto, { nodeKey: createOnionKey(bytes(key)), packet: given(packet), associatedData }),
      )
      expect(peeled.payload).toEqual(withoutLength(given(hops[index]).payload))
      expect(peeled.sharedSecret).toEqual(secrets[index])
      packet = peeled.nextPacket
    }
    expect(packet).toBeUndefined()
  })

  test('onion-error-test.json: the keys of each hop', () => {
    for (const [index, hop] of errorVector.generate.hops.entries()) {
      const secret = given(secrets[index])
      expect(deriveKey(crypto, 'ammag', secret)).toEqual(bytes(hop.ammag_key))
      if (hop.um_key !== undefined) expect(deriveKey(crypto, 'um', secret)).toEqual(bytes(hop.um_key))
    }
  })

  test('onion-error-test.json: the packet as the payer gets it, and who made it', () => {
    const message = bytes(errorVector.generate.failure_message)
    let packet = accepted(createFailure(crypto, { sharedSecret: given(secrets[4]), message }))
    for (const index of [3, 2, 1, 0])
      packet = accepted(wrapFailure(crypto, { sharedSecret: given(secrets[index]), packet }))
    expect(Buffer.from(packet).toString('hex')).toBe(errorVector.errorpacket)
    expect(unwrapFailure(crypto, { sharedSecrets: secrets, packet })).toEqual({ hop: 4, message })
  })
})

/** The vectors give payloads with their length in front. */
function withoutLength(hex: string): Uint8Array {
  const all = bytes(hex)
  return all.slice(all[0] === 0xfd ? 3 : 1)
}
