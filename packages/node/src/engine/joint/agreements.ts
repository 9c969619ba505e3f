/**
 * What the operator agreed to: net positions in obligations that others may settle, by the name of the obligations. One
 * agreement is one settlement: it is used up in the commit that holds the paid joint payment, and while one may still pay,
 * no other begins.
 */

import { type JointState, toHex } from '@tallystick/protocol'
import type { Store } from '../../store/port.ts'
import { putRecord, recordsOf } from '../records.ts'
import type { Group, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'

const SPACE = 'joint.wanted'

/** What was agreed to and is not used up, by reference. */
export async function loadWanted(store: Store): Promise<Map<Hex, bigint>> {
  const wanted = new Map<Hex, bigint>()
  for await (const { reference, net } of recordsOf<{ reference: Hex; net: bigint }>(store, SPACE))
    wanted.set(reference, net)
  return wanted
}

export function agree(rt: Runtime, group: Group, reference: Hex, net: bigint): void {
  rt.wantedJoints.set(reference, net)
  putRecord(group, SPACE, keyOf(reference), { reference, net })
}

/** In the commit of the payment that it allowed. */
export function useAgreement(rt: Runtime, group: Group, { setup }: JointState): void {
  const reference = toHex(setup.terms.reference)
  if (!rt.wantedJoints.delete(reference)) return
  group.changes.push({ type: 'record.delete', space: SPACE, key: keyOf(reference) })
}

/** A payment that it allowed may still be made. Of one that is paid it was used up: what is there was agreed to since. */
export function isInUse(rt: Runtime, reference: Hex): boolean {
  for (const { setup, outcome } of rt.jointPays.open.values())
    if (outcome === undefined && toHex(setup.terms.reference) === reference) return true
  return false
}

function keyOf(reference: Hex): Uint8Array {
  return Buffer.from(reference.slice(2), 'hex')
}
