/** A command of a caller, in the loop: its answer is released when what it changed is durable. */

import { ServiceError } from './errors.ts'
import { type Group, post, type Runtime } from './runtime.ts'

/** @throws ServiceError what `apply` throws (it must not have changed anything then), or STOPPED. */
export function command<T>(rt: Runtime, apply: (group: Group) => T): Promise<T> {
  if (!rt.running) return Promise.reject(stoppedError(rt))
  return new Promise<T>((resolve, reject) => {
    const ended = () => reject(stoppedError(rt))
    rt.onStop.add(ended)
    post(rt, (group) => {
      let result: T
      try {
        result = apply(group)
      } catch (error) {
        rt.onStop.delete(ended)
        if (!(error instanceof ServiceError)) throw error
        reject(error)
        return
      }
      group.effects.push(() => {
        rt.onStop.delete(ended)
        resolve(result)
      })
    })
  })
}

/** Why nothing is done any more. */
export function stoppedError(rt: Runtime): ServiceError {
  if (rt.failure === undefined) return new ServiceError('STOPPED')
  const cause = rt.failure
  const detail = cause instanceof Error ? cause.message : String(cause)
  const store = cause instanceof Error && cause.name === 'StoreError'
  return new ServiceError(store ? 'STORE_FAILED' : 'INTERNAL', { detail, cause })
}
