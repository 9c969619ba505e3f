/** What a failure of the chain port means to the caller of a command. */

import { ChainError, type ChainErrorCode } from '@tallystick/protocol'
import { type ErrorCode, ServiceError } from './errors.ts'

const CODES: Readonly<Record<ChainErrorCode, ErrorCode>> = {
  rpc_unavailable: 'CHAIN_UNREACHABLE',
  rpc_garbage: 'CHAIN_UNREACHABLE',
  state_unavailable: 'CHAIN_UNREACHABLE',
  wrong_chain: 'CHAIN_UNREACHABLE',
  wrong_contract: 'CHAIN_UNREACHABLE',
  invalid_argument: 'INVALID_REQUEST',
  refused_by_contract: 'TRANSACTION_FAILED',
  reverted: 'TRANSACTION_FAILED',
  insufficient_gas_funds: 'INSUFFICIENT_FUNDS',
  insufficient_token_funds: 'INSUFFICIENT_FUNDS',
  fee_capped: 'TRANSACTION_FAILED',
  not_a_token: 'TOKEN_UNSUPPORTED',
  aborted: 'STOPPED',
  stopped: 'STOPPED',
}

export function chainFailure(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  if (!(error instanceof ChainError))
    return new ServiceError('INTERNAL', { detail: String(error), cause: error })
  const contract = error.contractError === undefined ? '' : ` (${error.contractError.name})`
  return new ServiceError(CODES[error.code], {
    field: error.field,
    detail: `${error.message}${contract}. ${error.remedy}`,
    cause: error,
  })
}
