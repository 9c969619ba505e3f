/** Every way in which an item of gossip is refused: one table from code to remedy. A refusal changes nothing. */

export const GOSSIP_REFUSALS = {
  'item-too-long': 'an item has at most 2,188 bytes: split what is told over several items',
  'item-malformed': 'encode items as docs/spec/gossip.md GO-12 to GO-15 says',
  'chain-differs': 'this node follows another chain: gossip there is told to nodes of that chain',
  'bank-differs': 'this node follows another bank: announce to nodes that use the bank of the channel',
  'params-invalid': 'announce the parameters that the bank knows the channel by',
  'node-ids-equal': 'a channel joins two different nodes',
  'signature-wrong': 'sign the EIP-712 message of GO-11 with the key it names: 64 bytes EIP-2098, low s',
  'fee-range': 'give a feeBase below 2^126 and a feePpm of at most 1,000,000, either sign',
  'amount-range': 'give a minAmount not above maxAmount, both uint128',
  'sequence-old': 'a newer one is known: raise the sequence',
  'sequence-future': "the sequence is the maker's clock in unix milliseconds: set the clock",
  'sequence-stale': 'older than 14 days: announce it again with the present time',
  'channel-unknown': 'announce the channel first, and wait until it is believed',
  'channel-unproven': 'the chain does not show this channel open with money in it: wait for its final block',
  'node-unknown': 'a node is listened to when a channel of it is believed',
  'not-a-party': 'only the two nodes of a channel consent to its announcement',
  'too-often': 'send less: this node takes updates of one item a few times an hour',
  'no-room': 'wait: as much as this node keeps is kept, or as much as it asks the chain is being asked',
} as const

export type GossipRefusalCode = keyof typeof GOSSIP_REFUSALS

export interface GossipRefusal {
  readonly code: GossipRefusalCode
  /** Kind and field, such as `policy/sequence`. */
  readonly field: string
  readonly detail: string | undefined
  readonly remedy: string
}

export function gossipRefusal(code: GossipRefusalCode, field: string, detail?: string): GossipRefusal {
  return { code, field, detail, remedy: GOSSIP_REFUSALS[code] }
}
