/**
 * The bank's record of a channel, rebuilt from its events. The bank stores only a commitment to the `Closing` or
 * `Settlement` record and wants the record itself back in the next call; the events carry it whole, except that a claim or
 * a release tells only what changed.
 *
 * Pure: fold the events of one channel in chain order. Source: BK-50 to BK-86; `_move` in contracts/src/bank/LockClaims.sol.
 */

import type {
  ChainContent,
  ChainEventData,
  ChainParams,
  ClosingRecord,
  SettlementRecord,
} from '@tallystick/protocol'
import { encodeAbiParameters, type Hex, keccak256, numberToHex } from 'viem'
import { bankAbi } from './abi.ts'

/** What is known of one channel after some of its events. */
export interface ChannelHistory {
  readonly params: ChainParams | undefined
  readonly state:
    | { readonly kind: 'none' | 'open' | 'closed' }
    | {
        readonly kind: 'closing'
        readonly closing: ClosingRecord
        readonly contents: readonly [ChainContent | undefined, ChainContent | undefined]
      }
    | { readonly kind: 'settled'; readonly settlement: SettlementRecord }
}

export const NO_HISTORY: ChannelHistory = { params: undefined, state: { kind: 'none' } }

/** The history after one more event of the same channel. Events of other kinds, and impossible ones, change nothing. */
export function foldEvent(history: ChannelHistory, event: ChainEventData): ChannelHistory {
  const { state } = history
  switch (event.name) {
    case 'Funded':
      return { params: event.params, state: { kind: 'open' } }
    case 'Closed': {
      const { closing, outContent, inContent } = event
      const contents =
        closing.party === 0 ? ([outContent, inContent] as const) : ([inContent, outContent] as const)
      return { ...history, state: { kind: 'closing', closing, contents } }
    }
    case 'Updated': {
      if (state.kind !== 'closing') return history
      const { closing, content } = event
      // The content of an update is opened only in a blind close; elsewhere the stated one is outdated from here on.
      const opened = closing.blind ? content : undefined
      const contents =
        closing.party === 0 ? ([opened, state.contents[1]] as const) : ([state.contents[0], opened] as const)
      return { ...history, state: { kind: 'closing', closing, contents } }
    }
    case 'Settled':
      return { ...history, state: settled(event.settlement) }
    case 'LocksClaimed':
      if (state.kind !== 'settled') return history
      return { ...history, state: settled(foldLocks(state.settlement, event)) }
    case 'LocksReleased':
      if (state.kind !== 'settled') return history
      return { ...history, state: settled(foldLocks(state.settlement, event)) }
    case 'ClosedTogether':
    case 'Challenged':
      return { ...history, state: { kind: 'closed' } }
    default:
      return history
  }
}

type LocksEvent = Extract<ChainEventData, { name: 'LocksClaimed' | 'LocksReleased' }>

/** The settlement after a claim (to the receiver of the direction) or a release (back to its payer). */
export function foldLocks(settlement: SettlementRecord, event: LocksEvent): SettlementRecord {
  const { direction, amount, paid } = event
  const party = event.name === 'LocksClaimed' ? 1 - direction : direction
  const owed: [bigint, bigint] = [...settlement.owed]
  const locked: [bigint, bigint] = [...settlement.locked]
  const claimed: [readonly [bigint, bigint], readonly [bigint, bigint]] = [...settlement.claimed]
  if (party === 0) owed[0] += amount - paid
  else owed[1] += amount - paid
  locked[direction] -= amount
  if (event.name === 'LocksClaimed') claimed[direction] = event.claimed
  return { ...settlement, owed, locked, claimed, held: settlement.held - paid }
}

/** With nothing held the bank keeps no record: the channel is closed. */
function settled(settlement: SettlementRecord): ChannelHistory['state'] {
  return settlement.held === 0n ? { kind: 'closed' } : { kind: 'settled', settlement }
}

/** The low 254 bits of `keccak256(abi.encode(record))`, as `commitmentOf` answers. */
export function closingCommitment(closing: ClosingRecord): Hex {
  return commitment(encodeAbiParameters([CLOSING_TYPE], [closing]))
}

/** As `closingCommitment`, of a settlement. */
export function settlementCommitment(settlement: SettlementRecord): Hex {
  return commitment(encodeAbiParameters([SETTLEMENT_TYPE], [settlement]))
}

const CLOSING_TYPE = eventInput('Updated', 'closing')
const SETTLEMENT_TYPE = eventInput('Settled', 'settlement')
const COMMITTED_BITS = (1n << 254n) - 1n

function commitment(encoded: Hex): Hex {
  return numberToHex(BigInt(keccak256(encoded)) & COMMITTED_BITS, { size: 32 })
}

type EventEntry<Name> = Extract<(typeof bankAbi)[number], { type: 'event'; name: Name }>
type Input<Name, Field> = Extract<EventEntry<Name>['inputs'][number], { name: Field }>

function eventInput<Name extends 'Updated' | 'Settled', Field extends 'closing' | 'settlement'>(
  name: Name,
  field: Field,
): Input<Name, Field> {
  for (const entry of bankAbi) {
    if (entry.type !== 'event' || entry.name !== name) continue
    for (const input of entry.inputs) if (input.name === field) return input as Input<Name, Field>
  }
  throw new Error(`the bank's ABI has no ${name}.${field}`)
}
