/** Why an address did not lead to an invoice. Nothing is paid by resolving an address. */

export type AddressErrorCode =
  /** Not `name@host`, or a host that is not asked (this machine, a bare name, an IP address). */
  | 'address-malformed'
  | 'host-refused'
  /** No answer in time, or none over a trusted connection. */
  | 'unreachable'
  | 'aborted'
  /** The answer sends elsewhere, is too large, or is not what it should be. */
  | 'redirected'
  | 'too-large'
  | 'answer-malformed'
  /** The host knows no such name; or says no, with its reason. */
  | 'name-unknown'
  | 'answer-refused'
  /** The name belongs to another node than before. */
  | 'payee-changed'
  /** What was asked for is outside what the document offers. */
  | 'not-accepted'
  | 'amount-out-of-range'
  | 'comment-too-long'
  /** The invoice is not the one that was asked for: `field` says where they part. */
  | 'invoice-wrong'
  /** The owner's own entry cannot be offered. */
  | 'entry-invalid'

export class AddressError extends Error {
  override readonly name = 'AddressError'
  readonly code: AddressErrorCode
  /** What is wrong: `address`, `url`, a field of the document or of the invoice. */
  readonly field: string
  readonly remedy: string

  constructor(code: AddressErrorCode, field: string, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.field = field
    this.remedy = remedy
  }
}
