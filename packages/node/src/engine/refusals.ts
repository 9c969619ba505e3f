/** What a refusal of this node's own core means to the caller of a command. */

import type { Refusal, RefusalCode } from '@tallystick/protocol'
import { type ErrorCode, ServiceError } from './errors.ts'

const CODES: Partial<Readonly<Record<RefusalCode, ErrorCode>>> = {
  'not-open': 'CHANNEL_NOT_OPEN',
  closing: 'CHANNEL_CLOSING',
  'closing-together': 'CHANNEL_CLOSING',
  'lost-data': 'SALVAGE_ONLY',
  insufficient: 'INSUFFICIENT_BALANCE',
  'withdrawal-pending': 'WITHDRAWAL_PENDING',
  'locks-pending': 'LOCKS_PENDING',
  'lines-unsettled': 'PENDING_OPERATION',
  'held-exceeded': 'PENDING_OPERATION',
  'params-invalid': 'INVALID_REQUEST',
}

export function commandRefused(refusal: Refusal): ServiceError {
  const detail = `${refusal.detail === undefined ? '' : `${refusal.detail}: `}${refusal.remedy}.`
  return new ServiceError(CODES[refusal.code] ?? 'POLICY', { field: refusal.field, detail })
}

/** The peer said no. */
export function peerRefused(refusal: Refusal): ServiceError {
  return new ServiceError('PEER_REFUSED', {
    field: refusal.field,
    detail: `${refusal.code}: ${refusal.remedy}.`,
  })
}
