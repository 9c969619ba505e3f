/**
 * Mallory: an adversary outside the product. She stops her node, copies its data, lets it go on, and later closes with
 * what the copy says, with her own account. No production code helps her: she needs only an old state and the chain port.
 */

import { cpSync } from 'node:fs'
import { loadCrypto } from '@tallystick/crypto'
import { type ChainCall, closeCall, fromHex, step } from '@tallystick/protocol'
import { decodeChannel } from '../../src/engine/channel-record.ts'
import { DEFAULT_CONFIG } from '../../src/engine/ports.ts'
import type { Hex } from '../../src/engine/service.ts'
import { openSqliteStore } from '../../src/store/index.ts'

const { crypto, createSigner } = await loadCrypto()

/** Copies a stopped node's data. */
export function remember(directory: string): string {
  const copy = `${directory}-remembered`
  cpSync(directory, copy, { recursive: true })
  return copy
}

/** The close that the remembered state would make. */
export async function oldClose(copy: string, channelId: Hex): Promise<ChainCall> {
  const store = await openSqliteStore({ directory: copy })
  try {
    const id = fromHex(channelId, 32)
    const row = id && (await store.getChannel(id))
    if (row === undefined) throw new Error('the copy does not know the channel')
    const { core } = decodeChannel(crypto, row.bytes)
    const frozen = step(
      core,
      { type: 'freeze', blind: false },
      {
        crypto,
        signer: createSigner(new Uint8Array(32).fill(1)),
        nowMs: Date.now(),
        headTimeSeconds: 0,
        finalTimeSeconds: 0,
        registry: { resolution: () => undefined },
        policy: DEFAULT_CONFIG.policy,
      },
    )
    const call = frozen.ok ? closeCall(frozen.state) : undefined
    if (call === undefined) throw new Error('the copy cannot close')
    return call
  } finally {
    await store.close()
  }
}
