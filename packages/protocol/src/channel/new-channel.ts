/** A channel as a node first sees it. */

import type { Domain } from '../encoding/domain.ts'
import type { Party } from '../encoding/signable.ts'
import type { Crypto } from '../ports/crypto.ts'
import { type Refusal, refusal } from '../refusal.ts'
import { NO_IN_LINE, NO_OUT_LINE } from './line.ts'
import { type ChannelParams, channelIdOf, checkParams } from './params.ts'
import type { ChainView, ChannelSetup, ChannelState } from './state.ts'
import { NO_LINK } from './sync.ts'

/** `bank` and `registry` are the domains of the two contracts on the one chain of this channel. */
export function channelSetup(
  crypto: Crypto,
  params: ChannelParams,
  party: Party,
  bank: Domain,
  registry: Domain,
): ChannelSetup | Refusal {
  const wrong = checkParams(params)
  if (wrong !== undefined) return wrong
  if (bank.chainId !== registry.chainId) return refusal('chain-differs', 'registry')
  const channelId = channelIdOf(crypto, bank.chainId, bank.verifyingContract, params)
  return { params, channelId, party, domain: bank, registry }
}

/** Nothing on chain yet. */
export const UNFUNDED: ChainView = { status: 'none', timeSeconds: 0, deposits: [0n, 0n], withdrawn: [0n, 0n] }

/** No line in either direction. Only for an id that this node never had a state of (CH-4). */
export function newChannel(setup: ChannelSetup, view: ChainView = UNFUNDED): ChannelState {
  return {
    setup,
    out: {
      agreed: NO_OUT_LINE,
      ack: undefined,
      live: [],
      tip: NO_OUT_LINE,
      lastNonce: 0,
      knownAccepted: 0,
      leastSent: 0n,
      mostCommitted: 0n,
      answers: [],
    },
    in: { accepted: NO_IN_LINE, acked: NO_IN_LINE, ack: undefined, seen: [], answers: [] },
    chain: view,
    withdrawals: [undefined, undefined],
    together: undefined,
    closing: undefined,
    lost: false,
    link: NO_LINK,
  }
}
