/**
 * The port for what gossip keeps over a restart. It is a cache: every item in it is signed by its maker and can be asked
 * for again, so a store that is lost, old or empty costs time and nothing else (GO-80). Adapter: `sqlite-store.ts`.
 */

export interface GossipRow {
  /** The item's 16-byte key (GO-60). */
  readonly key: Uint8Array
  /** The item (GO-12). */
  readonly bytes: Uint8Array
  /** Of a channel: what the chain showed, base units. 0 of anything else. */
  readonly capacity: bigint
  readonly addedAtMs: number
  /** When the chain was last asked about it. 0 of anything but a channel. */
  readonly checkedAtMs: number
}

export type GossipChange =
  | { readonly type: 'put'; readonly row: GossipRow }
  | { readonly type: 'delete'; readonly key: Uint8Array }

export interface GossipStore {
  /** Every row, channels before policies before nodes. */
  load(): Iterable<GossipRow>
  /** All together or not at all. @throws when they cannot be kept; the caller goes on without. */
  apply(changes: readonly GossipChange[]): void
  close(): void
}
