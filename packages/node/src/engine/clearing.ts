/**
 * Lines without operations, which free the money of refused ones (LN-16). A peer whose view of the chain is behind ours
 * refuses these too: then the stored bytes are sent again, ever more slowly, until it takes them (LN-18). They cost no
 * nonce, so a peer that is behind for hours does not use the channel up; and nothing else is signed meanwhile, since it
 * would be refused as well.
 */

import { isZero, type OutLine, wantsClearing } from '@tallystick/protocol'
import { run, sendBytesAfter } from './machine.ts'
import { type Channel, type Group, post, type Runtime } from './runtime.ts'

const FIRST_PAUSE_MS = 100
const LAST_PAUSE_MS = 10_000

export function clearingDue({ core }: Channel): boolean {
  return core.closing === undefined && !core.lost && wantsClearing(core)
}

/** Signs a line without operations when one is due; called when nothing else was signed that would do. */
export function clear(rt: Runtime, group: Group, channel: Channel): void {
  if (clearingDue(channel)) run(rt, group, channel, { type: 'send', operations: [] })
}

/** True while the peer is not ready for any line: it is asked again here, and nothing else is to be signed. */
export function waitsForPeer(rt: Runtime, group: Group, channel: Channel): boolean {
  if (!clearingDue(channel)) return false
  const newest = channel.core.out.live.at(-1)
  if (newest === undefined) return false
  if (isRefusedClearing(channel, newest)) {
    askAgain(rt, group, channel, newest.nonce)
    return true
  }
  // What asks whether it is ready now had better carry no payment.
  if (channel.sent.get(newest.nonce)?.refusal?.code !== 'not-open') return false
  clear(rt, group, channel)
  return true
}

/** The newest line is refused, empty, and what a new empty one would say: sending it again says the same. */
function isRefusedClearing({ core }: Channel, line: OutLine): boolean {
  const { tip, agreed } = core.out
  const current = line.base === tip.nonce && line.acked === agreed.nonce
  return line.burnt && current && isZero(line.content.memoRoot)
}

function askAgain(rt: Runtime, group: Group, channel: Channel, nonce: number): void {
  const nowMs = rt.ports.nowMs()
  const asked = channel.asked?.nonce === nonce ? channel.asked : { nonce, times: 0, nextAtMs: 0 }
  if (nowMs < asked.nextAtMs) return
  const pauseMs = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** asked.times)
  channel.asked = { nonce, times: asked.times + 1, nextAtMs: nowMs + pauseMs }
  setTimeout(() => post(rt, () => rt.due.add(channel)), pauseMs).unref()
  const bytes = channel.sent.get(nonce)?.bytes
  // Refused a moment ago: not before the first pause is over.
  if (asked.times > 0 && bytes !== undefined) sendBytesAfter(rt, group, channel.peer, bytes)
}
