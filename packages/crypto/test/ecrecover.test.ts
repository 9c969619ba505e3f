/**
 * EN-61: what recovers here recovers on chain, and the other way round. The judge is the `ecrecover` precompile of a
 * real EVM, with the low-s rule that the contracts add.
 */
import { type Anvil, startAnvil } from '@tallystick/evm/anvil'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LoadedCrypto, loadCrypto } from '../src/index.ts'
import { bytes, hex, recoverVectors, signVectors } from './vectors.ts'

const ECRECOVER = '0x0000000000000000000000000000000000000001'
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

let anvil: Anvil
let loaded: LoadedCrypto

beforeAll(async () => {
  anvil = await startAnvil()
  loaded = await loadCrypto()
})
afterAll(async () => anvil?.stop())

test.each([...signVectors, ...recoverVectors])('$name', async ({ digest, signature, address }) => {
  expect(await recoverOnChain(digest, signature)).toEqual(address)
})

test('a signature of any key over any digest', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      async (digest, signature) => {
        expect(loaded.crypto.recoverAddress(digest, signature)).toEqual(
          await recoverOnChain(digest, signature),
        )
      },
    ),
    { numRuns: 100 },
  )
})

/** EIP-2098 taken apart as the contracts do: v from the top bit of vs, high s refused, then the precompile. */
async function recoverOnChain(digest: Uint8Array, signature: Uint8Array): Promise<Uint8Array | undefined> {
  const vs = BigInt(`0x${hex(signature.subarray(32))}`)
  const s = BigInt.asUintN(255, vs)
  if (s > HALF_ORDER) return undefined
  const v = 27n + (vs >> 255n)
  const word = (value: bigint) => value.toString(16).padStart(64, '0')
  const data = `0x${hex(digest)}${word(v)}${hex(signature.subarray(0, 32))}${word(s)}`
  const answer = await anvil.request('eth_call', [{ to: ECRECOVER, data }, 'latest'])
  const output = bytes(String(answer))
  return output.length === 0 ? undefined : output.slice(12)
}
