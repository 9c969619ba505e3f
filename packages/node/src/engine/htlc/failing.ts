/** What a hop says when it fails a lock: sealed for the payer of the whole payment, one length whoever failed (ON-50). */

import {
  createFailure,
  encodeFailureMessage,
  type FailureCode,
  fromHex,
  wrapFailure,
} from '@tallystick/protocol'
import type { IncomingLock, LockFailure } from '../locks/lock-book.ts'
import { failIncoming } from '../locks/lock-keys.ts'
import type { Group, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'

/** LockFail's reason where the words are in the sealed data. */
const SEALED = 1
/** The lock carried nothing that could be opened: there is no secret to seal with. */
const UNREADABLE = 2

/** Fails an incoming lock with words of this node. `secret` is the onion's; undefined when it could not be opened. */
export function failWith(
  rt: Runtime,
  group: Group,
  lock: IncomingLock,
  secret: Hex | undefined,
  failure: { readonly code: FailureCode; readonly channelId?: Uint8Array },
): void {
  rt.ports.log.info({ lock: lock.id, code: failure.code }, 'a lock is failed')
  failIncoming(rt, group, lock, sealed(rt, secret, failure))
}

/** Hands the next hop's failure back, in this hop's layer; what is no failure packet is replaced by words of our own. */
export function handBack(
  rt: Runtime,
  group: Group,
  lock: IncomingLock,
  secret: Hex,
  failure: LockFailure | undefined,
  channelId: Uint8Array,
): void {
  if (failure === undefined || failure.reason !== SEALED) {
    const code = failure?.reason === UNREADABLE ? 'onion-refused' : 'channel-unavailable'
    failWith(rt, group, lock, secret, { code, channelId })
    return
  }
  const sharedSecret = fromHex(secret, 32)
  const wrapped = sharedSecret && wrapFailure(rt.ports.onion.crypto, { sharedSecret, packet: failure.data })
  if (wrapped instanceof Uint8Array) failIncoming(rt, group, lock, { reason: SEALED, data: wrapped })
  else failWith(rt, group, lock, secret, { code: 'failure-garbled', channelId })
}

function sealed(
  rt: Runtime,
  secret: Hex | undefined,
  { code, channelId }: { readonly code: FailureCode; readonly channelId?: Uint8Array },
): LockFailure {
  const sharedSecret = secret === undefined ? undefined : fromHex(secret, 32)
  const message = encodeFailureMessage({ code, channelId, policy: new Uint8Array(0) })
  if (sharedSecret === undefined || !(message instanceof Uint8Array))
    return { reason: UNREADABLE, data: new Uint8Array(0) }
  const data = createFailure(rt.ports.onion.crypto, { sharedSecret, message })
  return data instanceof Uint8Array
    ? { reason: SEALED, data }
    : { reason: UNREADABLE, data: new Uint8Array(0) }
}
