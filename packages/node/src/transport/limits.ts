/** Every bound of the transport in one place; a test or an operator overrides single ones. */

export interface TransportLimits {
  /** Longest frame in either direction, bytes. Must be the same or larger at the peer. */
  readonly maxFrameBytes: number
  /** Above this many unsent bytes `send` answers `backlogged`. */
  readonly highWaterBytes: number
  /** Above this many unsent bytes the peer counts as not reading, and is cut off. */
  readonly maxQueueBytes: number
  /** From the first byte of a connection to both proofs. */
  readonly handshakeTimeoutMs: number
  /** Something is sent at least this often. Part of the wire's version 1: at most a third of `idleTimeoutMs` of any peer. */
  readonly keepAliveMs: number
  /** A peer not heard for this long is gone. */
  readonly idleTimeoutMs: number
  /** How long queued frames and the close frame may take to leave after `close`. */
  readonly lingerMs: number
  /** Two sessions made within this time in opposite directions count as dialled at the same time. */
  readonly simultaneousDialMs: number
  /** Accepted connections in all, proved or not. */
  readonly maxConnections: number
  /** Accepted connections from one IPv4 address or one IPv6 /64, proved or not. */
  readonly maxConnectionsPerAddress: number
  /** Accepted connections without proofs yet: in all, and from one address. */
  readonly maxUnproved: number
  readonly maxUnprovedPerAddress: number
  /** Refused connections that are reported one by one within ten seconds; the rest is only counted. */
  readonly refusalReports: number
}

export const DEFAULT_LIMITS: TransportLimits = {
  maxFrameBytes: 1024 * 1024,
  highWaterBytes: 1024 * 1024,
  maxQueueBytes: 16 * 1024 * 1024,
  handshakeTimeoutMs: 10_000,
  keepAliveMs: 10_000,
  idleTimeoutMs: 30_000,
  lingerMs: 2_000,
  simultaneousDialMs: 5_000,
  maxConnections: 4_096,
  maxConnectionsPerAddress: 256,
  maxUnproved: 256,
  maxUnprovedPerAddress: 32,
  refusalReports: 20,
}
