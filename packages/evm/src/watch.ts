/** Delivers the facts of the chain, one at a time, through every failure of the endpoint. */

import type { BlockRef, ChainFact, ChainWatch } from '@tallystick/protocol'
import { type Connection, isEndpointError, pause } from './connection.ts'
import { createFollower, type FollowOptions } from './follow.ts'

export interface WatchOptions extends FollowOptions {
  readonly connection: Connection
  readonly pollIntervalMs: number
}

type Deliver = (fact: ChainFact) => void | Promise<void>

export function startWatch(
  options: WatchOptions,
  cursor: BlockRef | undefined,
  deliver: Deliver,
): ChainWatch {
  const stopped = new AbortController()
  const done = run(options, cursor, deliver, stopped.signal)
  // Whoever does not look at `done` must not be ended by it.
  done.catch(() => undefined)
  return {
    done,
    stop: async () => {
      stopped.abort()
      await done.catch(() => undefined)
    },
  }
}

/** Carries what the receiver of facts threw out of the follower, past the handling of endpoint failures. */
class DeliveryFailure extends Error {}

async function run(
  options: WatchOptions,
  cursor: BlockRef | undefined,
  deliver: Deliver,
  signal: AbortSignal,
): Promise<void> {
  const { connection } = options
  let told: string | undefined

  const emit = async (fact: ChainFact): Promise<void> => {
    if (signal.aborted) throw new DeliveryFailure()
    try {
      await deliver(fact)
    } catch (cause) {
      throw new DeliveryFailure('the receiver of chain facts failed', { cause })
    }
  }
  const tellHealth = async (): Promise<void> => {
    const { health } = connection
    if (health.state === told) return
    told = health.state
    await emit({ kind: 'health', health })
  }

  const follower = createFollower(options, cursor, emit)
  try {
    while (!signal.aborted) {
      try {
        await connection.verified()
        await follower.tick()
        if (follower.head !== undefined) connection.live(follower.head, follower.final)
      } catch (error) {
        if (!isEndpointError(error)) throw error
        connection.lost(error)
      }
      await tellHealth()
      await pause(connection.retryInMs || options.pollIntervalMs, signal)
    }
  } catch (error) {
    if (signal.aborted) return
    throw error instanceof DeliveryFailure ? error.cause : error
  }
}
