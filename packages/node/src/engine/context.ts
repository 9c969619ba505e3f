/** Time and chain facts of this moment, as the core and the court see them. */

import { type Context, toHex } from '@tallystick/protocol'
import { resolutionOf } from './registry-book.ts'
import type { Runtime } from './runtime.ts'

export function contextOf(rt: Runtime): Context {
  const { crypto, signer, nowMs } = rt.ports
  return {
    crypto,
    signer,
    nowMs: nowMs(),
    headTimeSeconds: Number(rt.head?.timestampSeconds ?? 0n),
    finalTimeSeconds: Number(rt.final?.timestampSeconds ?? 0n),
    registry: { resolution: (id) => (seesChain(rt) ? resolutionOf(rt.registry, toHex(id)) : undefined) },
    policy: rt.config.policy,
  }
}

/** True when what the node knows of the newest blocks is all there is: conditions are not judged on old news. */
function seesChain(rt: Runtime): boolean {
  return rt.head !== undefined && rt.chainHealth.state === 'live'
}

/** Unix seconds: the later of the clock and the newest block. */
export function chainNowSeconds(rt: Runtime): number {
  return Math.max(Math.floor(rt.ports.nowMs() / 1000), Number(rt.head?.timestampSeconds ?? 0n))
}
