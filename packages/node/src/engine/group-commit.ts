/**
 * The engine's only loop: inputs are taken from bounded queues, applied one after the other to the state in memory, and
 * what they changed is committed as one durable group; only then are the group's effects released.
 *
 * Invariants:
 * - One commit is in flight at a time; groups are released in the order in which they were gathered.
 * - Nothing of a group is released before its commit succeeded. After a failed commit nothing is released ever again.
 * - While a commit is in flight the next group is gathered, so batches grow with the load and an idle node adds no delay.
 * - Sources take turns: one that floods its queue delays itself, not the others.
 *
 * Source: docs/spec/channel.md DU-1 to DU-3; go-nitro `engine.go` shows the bug of releasing first.
 */

export interface GroupSteps<Input, Group> {
  /** A new, empty group. */
  open(): Group
  /** Applies one input. Must not throw for anything a peer, a caller or a chain can send: a throw is a bug and stops all. */
  apply(group: Group, input: Input): void
  /** Called once, when no more inputs join: adds what is decided once a group (updates from queued payments, acks). */
  seal(group: Group): void
  /** Makes the group durable; resolves when it is. Not called for a group that changed nothing. */
  commit(group: Group): Promise<void>
  /** True if the group holds something that must be durable first. */
  changed(group: Group): boolean
  /** Performs the effects, in order. */
  release(group: Group): void
  /** The one and only failure: a commit failed or a step threw. The loop has stopped. */
  failed(error: unknown): void
}

export interface GroupLimits {
  /** Weight (about bytes) of inputs that one group takes; bounds the time between two commits. */
  readonly maxGroupWeight: number
  /** Weight of inputs that one source may have waiting before it is told to pause. */
  readonly maxSourceWeight: number
}

interface Source<Input> {
  readonly queue: { readonly input: Input; readonly weight: number }[]
  head: number
  waitingWeight: number
  onRoom: (() => void) | undefined
}

export class GroupCommit<Input, Group> {
  readonly #steps: GroupSteps<Input, Group>
  readonly #limits: GroupLimits
  readonly #sources = new Map<string, Source<Input>>()
  #group: Group
  #groupWeight = 0
  #inputs = 0
  #scheduled = false
  #committing = false
  #stopped = false
  #idle: (() => void)[] = []

  constructor(steps: GroupSteps<Input, Group>, limits: GroupLimits) {
    this.#steps = steps
    this.#limits = limits
    this.#group = steps.open()
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /**
   * Queues an input. Answers false when the source has more waiting than it may: the input is still taken, and the
   * source must pause until `onRoom` is called (once).
   */
  post(source: string, input: Input, weight: number, onRoom?: () => void): boolean {
    if (this.#stopped) return true
    let from = this.#sources.get(source)
    if (from === undefined) {
      from = { queue: [], head: 0, waitingWeight: 0, onRoom: undefined }
      this.#sources.set(source, from)
    }
    from.queue.push({ input, weight })
    from.waitingWeight += weight
    this.#schedule()
    if (onRoom === undefined || from.waitingWeight <= this.#limits.maxSourceWeight) return true
    from.onRoom = onRoom
    return false
  }

  /** Resolves when everything posted so far is applied, durable and released (or the loop has stopped). */
  settled(): Promise<void> {
    if (this.#stopped || this.#quiet()) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Takes no more inputs. A commit in flight still finishes; its effects are not released. */
  stop(): void {
    this.#stopped = true
    this.#sources.clear()
    this.#wake()
  }

  #quiet(): boolean {
    return !this.#committing && this.#sources.size === 0 && this.#inputs === 0
  }

  #wake(): void {
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#turn()
    })
  }

  #turn(): void {
    if (this.#stopped) return
    try {
      this.#gather()
      if (!this.#committing && this.#inputs > 0) this.#close()
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#quiet()) this.#wake()
  }

  /** Takes inputs from every source in turn until the group is full or nothing waits. */
  #gather(): void {
    for (const [name, source] of this.#sources) {
      if (this.#groupWeight >= this.#limits.maxGroupWeight) return
      this.#sources.delete(name)
      const next = source.queue[source.head]
      if (next === undefined) continue
      source.head += 1
      source.waitingWeight -= next.weight
      this.#groupWeight += next.weight
      this.#inputs += 1
      this.#steps.apply(this.#group, next.input)
      if (this.#stopped) return
      // Goes to the end of the map, which this very iteration visits again: every source has its turn.
      if (source.head < source.queue.length) this.#sources.set(name, source)
      this.#makeRoom(source)
    }
  }

  #makeRoom(source: Source<Input>): void {
    if (source.head > 1024) {
      source.queue.splice(0, source.head)
      source.head = 0
    }
    const onRoom = source.onRoom
    if (onRoom !== undefined && source.waitingWeight <= this.#limits.maxSourceWeight / 2) {
      source.onRoom = undefined
      onRoom()
    }
  }

  /** Seals the group, opens the next one, and commits. */
  #close(): void {
    const group = this.#group
    this.#steps.seal(group)
    this.#group = this.#steps.open()
    this.#groupWeight = 0
    this.#inputs = 0
    if (!this.#steps.changed(group)) {
      this.#steps.release(group)
      if (this.#sources.size > 0) this.#schedule()
      return
    }
    this.#committing = true
    this.#steps.commit(group).then(
      () => this.#committed(group),
      (error: unknown) => this.#fail(error),
    )
  }

  #committed(group: Group): void {
    this.#committing = false
    if (this.#stopped) {
      this.#wake()
      return
    }
    try {
      this.#steps.release(group)
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#turn()
  }

  #fail(error: unknown): void {
    this.#committing = false
    if (this.#stopped) return
    this.stop()
    this.#steps.failed(error)
  }
}
