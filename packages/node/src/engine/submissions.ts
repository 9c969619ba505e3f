/**
 * Transactions under way. What to submit is derived from durable state; this remembers only what is running now, so
 * that deriving twice submits once. The chain port joins submissions of one key also across restarts.
 */

import { type ChainCall, ChainError, type ChainPort, type SubmissionResult } from '@tallystick/protocol'
import type { Log } from './ports.ts'

export interface SubmissionHooks {
  /** Included in a block, not final yet. */
  readonly onSeen?: () => void
  readonly onFinal?: (result: SubmissionResult) => void
  /** The chain said no, for good; never called when the node stops or the submission was withdrawn. */
  readonly onFailed?: (error: ChainError) => void
}

export type SubmissionStage = 'running' | 'waiting' | 'seen' | 'done' | 'failed'

export interface Submissions {
  /** Starts the call under `key`, unless this process already did; after a failure it may be tried again later. */
  submit(key: string, call: ChainCall, hooks?: SubmissionHooks): void
  stage(key: string): SubmissionStage | undefined
  /** Why the last attempt failed; undefined unless the stage is `failed`. */
  failure(key: string): ChainError | undefined
  /** True while one of this prefix is under way. */
  running(prefix: string): boolean
  /** Stops waiting for submissions of this prefix: what they were for has happened, or cannot happen any more. */
  withdraw(prefix: string): void
  stop(): void
}

const FIRST_RETRY_MS = 2_000
const LAST_RETRY_MS = 60_000

interface Running {
  stage: SubmissionStage
  failures: number
  retryAtMs: number
  error: ChainError | undefined
  readonly abort: AbortController
}

export function createSubmissions(chain: ChainPort, log: Log, nowMs: () => number): Submissions {
  const known = new Map<string, Running>()
  let stopped = false

  async function follow(
    key: string,
    call: ChainCall,
    running: Running,
    hooks: SubmissionHooks,
  ): Promise<void> {
    try {
      const result = await chain.submit(call, {
        key,
        signal: running.abort.signal,
        onProgress(progress) {
          if (progress.stage === 'seen') {
            running.stage = 'seen'
            hooks.onSeen?.()
          } else if (progress.stage === 'waiting') {
            running.stage = 'waiting'
            log.warn({ key, call: call.kind, error: progress.error.code }, progress.error.message)
          } else running.stage = 'running'
        },
      })
      running.stage = 'done'
      log.info({ key, call: call.kind, transaction: result.transactionHash }, 'transaction final')
      if (!stopped) hooks.onFinal?.(result)
    } catch (error) {
      running.stage = 'failed'
      if (stopped) return
      if (running.abort.signal.aborted) {
        // Not needed now; a reorganisation may make it needed again, and then it is the same intention.
        if (known.get(key) === running) known.delete(key)
        return
      }
      const failure = error instanceof ChainError ? error : unexpected(error)
      if (failure.code === 'stopped' || failure.code === 'aborted') return
      log.warn(
        { key, call: call.kind, error: failure.code, contract: failure.contractError?.name },
        failure.message,
      )
      running.error = failure
      running.failures += 1
      running.retryAtMs = nowMs() + Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (running.failures - 1))
      hooks.onFailed?.(failure)
    }
  }

  return {
    submit(key, call, hooks = {}) {
      const earlier = known.get(key)
      if (stopped || (earlier !== undefined && (earlier.stage !== 'failed' || nowMs() < earlier.retryAtMs)))
        return
      const running: Running = {
        stage: 'running',
        failures: earlier?.failures ?? 0,
        retryAtMs: Number.POSITIVE_INFINITY,
        error: undefined,
        abort: new AbortController(),
      }
      known.set(key, running)
      log.info({ key, call: call.kind }, 'submitting')
      void follow(key, call, running, hooks)
    },
    stage: (key) => known.get(key)?.stage,
    failure: (key) => known.get(key)?.error,
    running(prefix) {
      for (const [key, { stage }] of known)
        if (key.startsWith(prefix) && stage !== 'done' && stage !== 'failed') return true
      return false
    },
    withdraw(prefix) {
      for (const [key, running] of known) {
        if (!key.startsWith(prefix)) continue
        if (running.stage === 'running' || running.stage === 'waiting') running.abort.abort()
      }
    },
    stop() {
      stopped = true
      for (const running of known.values()) running.abort.abort()
    },
  }
}

function unexpected(error: unknown): ChainError {
  return new ChainError('rpc_garbage', error instanceof Error ? error.message : String(error), {
    field: 'chain',
    remedy: 'see the log',
    consequence: 'final',
    cause: error,
  })
}
