/** Collects the facts of a watch, and waits for a fact instead of a time. */

import type { BlockRef, ChainEvent, ChainFact, ChainPort, ChainWatch } from '@tallystick/protocol'

export interface Recorder {
  readonly facts: ChainFact[]
  /** Resolves with the first fact (from the beginning) that passes. Rejects after `deadlineMs`. */
  until<F extends ChainFact>(what: string, test: (fact: ChainFact) => fact is F): Promise<F>
  until(what: string, test: (fact: ChainFact) => boolean): Promise<ChainFact>
  /** Resolves once the facts so far pass. */
  when(what: string, test: (facts: readonly ChainFact[]) => boolean): Promise<void>
  finalEvents(): ChainEvent[]
  cursor(): BlockRef | undefined
  readonly watch: ChainWatch
}

const DEADLINE_MS = 30_000

export function record(port: ChainPort, cursor?: BlockRef): Recorder {
  const facts: ChainFact[] = []
  const waiting = new Set<() => void>()
  const watch = port.watch(cursor, (fact) => {
    facts.push(fact)
    for (const check of waiting) check()
  })

  const when = (what: string, test: (facts: readonly ChainFact[]) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(check)
        const last = facts.slice(-8).map((fact) => describeFact(fact))
        reject(new Error(`no ${what} within ${DEADLINE_MS} ms; the last facts: ${last.join('; ')}`))
      }, DEADLINE_MS)
      const check = () => {
        if (!test(facts)) return
        clearTimeout(timer)
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })

  return {
    facts,
    watch,
    when,
    until: async (what: string, test: (fact: ChainFact) => boolean) => {
      await when(what, (all) => all.some(test))
      return facts.find(test) as never
    },
    finalEvents: () => facts.flatMap((fact) => (fact.kind === 'final' ? fact.events : [])),
    cursor: () => facts.findLast((fact) => fact.kind === 'final')?.block,
  }
}

/** Short, for comparing whole sequences. */
export function describeFact(fact: ChainFact): string {
  switch (fact.kind) {
    case 'head':
      return `head ${fact.block.number}`
    case 'seen':
    case 'retracted':
      return `${fact.kind} ${fact.event.name}@${fact.event.block.number}`
    case 'final':
      return `final ${fact.block.number} [${fact.events.map(({ name, block }) => `${name}@${block.number}`).join(' ')}]`
    case 'rewound':
      return `rewound from ${fact.from.number} to ${fact.to?.number}`
    case 'health':
      return `health ${fact.health.state}`
  }
}

export const isFinalOf =
  (number: bigint) =>
  (fact: ChainFact): boolean =>
    fact.kind === 'final' && fact.block.number >= number

export const isHeadOf =
  (number: bigint) =>
  (fact: ChainFact): boolean =>
    fact.kind === 'head' && fact.block.number >= number
