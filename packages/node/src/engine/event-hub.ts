/** Listeners of the node's events. A listener that throws is dropped: it must not stop the engine. */

import type { NodeEvent } from './service.ts'

export interface EventHub {
  subscribe(listener: (event: NodeEvent) => void): () => void
  emit(event: NodeEvent): void
  /** True if anyone listens: views are not computed for nobody. */
  heard(): boolean
}

export function createEventHub(onFault: (error: unknown) => void): EventHub {
  const listeners = new Set<(event: NodeEvent) => void>()
  return {
    subscribe(listener) {
      const own = (event: NodeEvent) => listener(event)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    emit(event) {
      for (const listener of listeners) {
        try {
          listener(event)
        } catch (error) {
          listeners.delete(listener)
          onFault(error)
        }
      }
    },
    heard: () => listeners.size > 0,
  }
}
