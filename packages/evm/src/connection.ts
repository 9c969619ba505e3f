/** Whether the endpoint can be used, as the last request showed; and how long to wait before trying again. */

import { setTimeout as sleep } from 'node:timers/promises'
import { type BlockRef, ChainError, type ChainHealth } from '@tallystick/protocol'

export interface Connection {
  readonly health: ChainHealth
  /** Checks chain and contracts, once until the endpoint is lost. @throws ChainError */
  verified(): Promise<void>
  live(head: BlockRef, final: BlockRef | undefined): void
  lost(error: ChainError): void
  /** Milliseconds until the next try: doubled at each failure in a row, with some chance so that nodes do not queue up. */
  readonly retryInMs: number
}

export interface ConnectionOptions {
  readonly verify: () => Promise<void>
  readonly firstRetryMs: number
  readonly lastRetryMs: number
}

export function createConnection(options: ConnectionOptions): Connection {
  let health: ChainHealth = { state: 'connecting' }
  let attempts = 0
  let verification: Promise<void> | undefined

  return {
    get health() {
      return health
    },
    get retryInMs() {
      return health.state === 'lost' || health.state === 'wrong' ? health.retryInMs : 0
    },
    verified: () => {
      verification ??= options.verify().catch((error: unknown) => {
        verification = undefined
        throw error
      })
      return verification
    },
    live: (head, final) => {
      attempts = 0
      health = { state: 'live', head, final }
    },
    lost: (error) => {
      attempts += 1
      verification = undefined
      const ceiling = Math.min(options.firstRetryMs * 2 ** (attempts - 1), options.lastRetryMs)
      const retryInMs = Math.ceil(ceiling * (0.75 + Math.random() / 4))
      const isWrong = error.code === 'wrong_chain' || error.code === 'wrong_contract'
      health = isWrong ? { state: 'wrong', error, retryInMs } : { state: 'lost', error, attempts, retryInMs }
    },
  }
}

/** Errors after which the same request may succeed: the endpoint's, not the caller's. */
export function isEndpointError(error: unknown): error is ChainError {
  if (!(error instanceof ChainError)) return false
  switch (error.code) {
    case 'rpc_unavailable':
    case 'rpc_garbage':
    case 'state_unavailable':
    case 'wrong_chain':
    case 'wrong_contract':
      return true
    default:
      return false
  }
}

/** Waits, or returns at once when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
