/** Failures of the chain port: which field is wrong, and what to do. */

/** What the caller does next: `retry` the same later, `fix` what `field` names, or accept that it is `final`. */
export type ChainErrorConsequence = 'retry' | 'fix' | 'final'

export type ChainErrorCode =
  /** The endpoint does not answer, times out or refuses. */
  | 'rpc_unavailable'
  /** The endpoint answers, but not what Ethereum JSON-RPC says. */
  | 'rpc_garbage'
  /** The endpoint does not know a block or state it should (lagging or pruned). */
  | 'state_unavailable'
  | 'wrong_chain'
  | 'wrong_contract'
  | 'invalid_argument'
  /** The contract refuses the call in simulation; `contractError` names its error. */
  | 'refused_by_contract'
  /** It was included and reverted: the chain changed between simulation and inclusion. */
  | 'reverted'
  | 'insufficient_gas_funds'
  | 'insufficient_token_funds'
  /** The market asks for a higher fee than the configuration allows. */
  | 'fee_capped'
  | 'not_a_token'
  | 'aborted'
  | 'stopped'

export interface ChainErrorDetails {
  /** What to look at: a configuration key, a call's field, or an account. */
  readonly field: string
  /** One sentence: what to do. */
  readonly remedy: string
  readonly consequence: ChainErrorConsequence
  /** The contract's custom error, decoded. */
  readonly contractError?: { readonly name: string; readonly args: readonly unknown[] }
  readonly cause?: unknown
}

export class ChainError extends Error {
  override readonly name = 'ChainError'
  readonly code: ChainErrorCode
  readonly field: string
  readonly remedy: string
  readonly consequence: ChainErrorConsequence
  readonly contractError: { readonly name: string; readonly args: readonly unknown[] } | undefined

  constructor(code: ChainErrorCode, message: string, details: ChainErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.field = details.field
    this.remedy = details.remedy
    this.consequence = details.consequence
    this.contractError = details.contractError
  }
}
