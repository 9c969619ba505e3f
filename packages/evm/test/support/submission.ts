/** A submission under watch: its progress so far, and waiting for a stage instead of a time. */

import type {
  ChainCall,
  ChainPort,
  SubmissionProgress,
  SubmissionResult,
  SubmitOptions,
} from '@tallystick/protocol'

export interface Submission {
  readonly progress: SubmissionProgress[]
  readonly result: Promise<SubmissionResult>
  /** The first progress that passes. Rejects when the submission ends without it, or after a minute. */
  until<S extends SubmissionProgress['stage']>(
    stage: S,
    test?: (progress: Extract<SubmissionProgress, { stage: S }>) => boolean,
  ): Promise<Extract<SubmissionProgress, { stage: S }>>
}

const DEADLINE_MS = 30_000

export function submit(
  port: ChainPort,
  call: ChainCall,
  key: string,
  signal?: NonNullable<SubmitOptions['signal']>,
): Submission {
  const progress: SubmissionProgress[] = []
  const checks = new Set<() => void>()
  const result = port.submit(call, {
    key,
    onProgress: (next) => {
      progress.push(next)
      for (const check of checks) check()
    },
    ...(signal === undefined ? {} : { signal }),
  })
  result.catch(() => undefined)
  return {
    progress,
    result,
    until: (stage, test = () => true) => {
      type Wanted = Extract<SubmissionProgress, { stage: typeof stage }>
      const { promise, resolve, reject } = Promise.withResolvers<Wanted>()
      const stages = () => progress.map((item) => item.stage).join(', ')
      const timer = setTimeout(() => reject(new Error(`no ${stage}; stages: ${stages()}`)), DEADLINE_MS)
      const check = () => {
        const found = progress.find((item): item is Wanted => item.stage === stage && test(item as Wanted))
        if (found !== undefined) resolve(found)
      }
      checks.add(check)
      check()
      result.then(
        () => reject(new Error(`ended without ${stage}; stages: ${stages()}`)),
        (error: unknown) => reject(error),
      )
      return promise.finally(() => {
        clearTimeout(timer)
        checks.delete(check)
      })
    },
  }
}
