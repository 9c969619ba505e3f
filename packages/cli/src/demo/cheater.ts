/**
 * The liar: what an owner could do with a copy of its own data directory and no scruples. It has the
 * keys, so no software of ours can stop it from stating an old line; only the bank can punish it. A
 * node would refuse: it would find out from its peer that it holds old data, and sign nothing.
 */
import { readFileSync } from 'node:fs'
import type { Hex } from '@tallystick/client'
import { loadCrypto } from '@tallystick/crypto'
import { createEvmChain } from '@tallystick/evm'
import { DEFAULT_CONFIG, decodeChannel, openSqliteStore } from '@tallystick/node'
import type { ChannelState, Crypto } from '@tallystick/protocol'
import { closeCall, fromHex, step } from '@tallystick/protocol'
import { toHex } from 'viem'
import { readConfig } from '../config.ts'
import { dataDirectory } from '../data-directory.ts'
import { openKeys } from '../keys.ts'
import { chainConfig } from '../node/start.ts'

export type Lie = { readonly nonce: bigint; readonly sent: bigint }

/** Resolves once the bank has taken the close; says which line was stated. */
export async function closeWithOldLine(options: {
  readonly copy: string
  readonly passphraseFile: string
  readonly channelId: Hex
}): Promise<Lie> {
  const directory = dataDirectory(options.copy)
  const loaded = await loadCrypto()
  const passphrase = readFileSync(options.passphraseFile, 'utf8').trim()
  const keys = await openKeys(loaded, directory.keys, passphrase)
  const privateKey = keys.withKey('account', (key) => toHex(key))
  const chain = createEvmChain({ ...chainConfig(readConfig(directory.config)), privateKey })
  try {
    const old = await oldState(loaded.crypto, directory.store, options.channelId)
    // The statement is made as an honest one; what makes it a lie is only that the state is old.
    const signer = keys.withKey('signer', (key) => loaded.createSigner(key))
    const frozen = step(
      old,
      { type: 'freeze', blind: false },
      { ...surroundings, crypto: loaded.crypto, signer },
    )
    if (!frozen.ok) throw new Error(`the core refuses to state the old line: ${frozen.refusal.code}`)
    const call = closeCall(frozen.state)
    const { agreed } = old.out
    if (call === undefined) throw new Error('the copy holds nothing to state')
    await chain.submit(call, { key: `lie/${options.channelId}` })
    return { nonce: BigInt(agreed.nonce), sent: agreed.content.sent }
  } finally {
    keys.destroy()
    await chain.stop()
  }
}

async function oldState(crypto: Crypto, directory: string, channelId: Hex): Promise<ChannelState> {
  const store = await openSqliteStore({ directory })
  try {
    const row = await store.getChannel(fromHex(channelId, 32) ?? new Uint8Array())
    if (row === undefined) throw new Error('the copy does not know the channel')
    return decodeChannel(crypto, row.bytes).core
  } finally {
    await store.close()
  }
}

/** A freeze looks at none of this. */
const surroundings = {
  nowMs: 0,
  headTimeSeconds: 0,
  finalTimeSeconds: 0,
  registry: { resolution: () => undefined },
  policy: { ...DEFAULT_CONFIG.policy, refuseOperations: true },
}
