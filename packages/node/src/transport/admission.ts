/**
 * Who may hold how many accepted connections. Counted from the first byte, so that connections which never prove
 * themselves cannot keep others out: they have a share of their own, and a bounded time.
 */
import { isIPv6 } from 'node:net'
import type { TransportLimits } from './limits.ts'

/** One accepted connection's place. */
export interface Place {
  /** The peer proved its identity. Idempotent. */
  proved(): void
  /** The connection is gone. Idempotent. */
  leave(): void
}

interface Count {
  all: number
  unproved: number
}

export class Admission {
  readonly #limits: TransportLimits
  readonly #total: Count = { all: 0, unproved: 0 }
  readonly #byAddress = new Map<string, Count>()

  constructor(limits: TransportLimits) {
    this.#limits = limits
  }

  /** A place for a connection from `address`, or undefined when a limit is reached. */
  enter(address: string): Place | undefined {
    const key = addressBlock(address)
    const count = this.#byAddress.get(key) ?? { all: 0, unproved: 0 }
    const { maxConnections, maxConnectionsPerAddress, maxUnproved, maxUnprovedPerAddress } = this.#limits
    if (this.#total.all >= maxConnections || this.#total.unproved >= maxUnproved) return undefined
    if (count.all >= maxConnectionsPerAddress || count.unproved >= maxUnprovedPerAddress) return undefined
    this.#byAddress.set(key, count)
    this.#total.all++
    this.#total.unproved++
    count.all++
    count.unproved++
    return this.#place(key, count)
  }

  #place(key: string, count: Count): Place {
    let unproved = true
    let present = true
    const proved = () => {
      if (!unproved) return
      unproved = false
      this.#total.unproved--
      count.unproved--
    }
    return {
      proved,
      leave: () => {
        if (!present) return
        present = false
        proved()
        this.#total.all--
        count.all--
        if (count.all === 0) this.#byAddress.delete(key)
      },
    }
  }
}

/** IPv4 addresses count singly (also in IPv6 notation); IPv6 by /64, which is what one customer gets. */
export function addressBlock(address: string): string {
  if (address.startsWith('::ffff:')) return address.slice('::ffff:'.length)
  if (!isIPv6(address)) return address
  const [head = '', tail = ''] = address.split('%')[0]?.split('::') ?? []
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const zeros = address.includes('::')
    ? Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
    : []
  return [...left, ...zeros, ...right].slice(0, 4).join(':')
}
