/**
 * Every way a command to the node can be refused: one exhaustive table, code -> HTTP status, what happened, what to do.
 * A refusal is a value that names the field at fault; it changes nothing in the node.
 */

/** What the API and the CLI show for one code. */
export interface ErrorEntry {
  /** HTTP status the API answers with. */
  readonly status: 400 | 401 | 402 | 404 | 408 | 409 | 422 | 429 | 500 | 502 | 503 | 507
  /** One sentence: what is wrong. */
  readonly message: string
  /** One sentence: what the caller can do about it. */
  readonly remedy: string
}

const TABLE = {
  INVALID_ADDRESS: {
    status: 400,
    message: 'The value is not an address of the expected form.',
    remedy: 'Give 0x followed by 40 hexadecimal digits.',
  },
  INVALID_AMOUNT: {
    status: 400,
    message: 'The amount is not a whole number of base units from 1 to 2^126 - 1.',
    remedy: 'Give a positive integer in the base units of the token, without a decimal point.',
  },
  INVALID_CHANNEL_ID: {
    status: 400,
    message: 'The value is not a channel id.',
    remedy: 'Give 0x followed by 64 hexadecimal digits, as `channel list` prints it.',
  },
  INVALID_REFERENCE: {
    status: 400,
    message: 'The value is not a payment reference.',
    remedy: 'Give 32 bytes: 0x followed by 64 hexadecimal digits.',
  },
  INVALID_PEER: {
    status: 400,
    message: 'The value does not name a peer.',
    remedy: 'Give nodeId@host:port, as the other node prints it at start.',
  },
  INVALID_LOCK_PERIOD: {
    status: 400,
    message: 'The lock period is outside what the bank and this node allow.',
    remedy:
      'Give whole seconds between the limits that `status` shows (the bank allows 10 minutes to 90 days).',
  },
  INVALID_REQUEST: {
    status: 400,
    message: 'The request does not have the expected form.',
    remedy: 'Correct the named field; the OpenAPI document of the node shows the form.',
  },
  INVALID_INVOICE: {
    status: 400,
    message: 'The invoice cannot be paid.',
    remedy: 'Ask the payee for a new invoice of this network.',
  },
  NO_ROUTE: {
    status: 422,
    message: 'No way to the payee can carry this amount now.',
    remedy: 'Pay less, allow a higher fee, or try later; `graph` shows what the node knows of the network.',
  },
  JOINT_FAILED: {
    status: 409,
    message: 'The joint payment was not made: nobody paid.',
    remedy: 'See the named reason; it can be tried again, a new attempt is another payment.',
  },
  INVALID_POLICY: {
    status: 400,
    message: 'The fee policy is outside its limits.',
    remedy: 'Correct the named field: fees are below 2^126 and within a million parts per million.',
  },
  BATCH_EMPTY: {
    status: 400,
    message: 'The batch holds no payment.',
    remedy: 'Give at least one payment.',
  },
  BATCH_TOO_LARGE: {
    status: 400,
    message: 'The batch holds more payments than one request may carry.',
    remedy: 'Split the batch.',
  },
  UNAUTHORISED: {
    status: 401,
    message: 'The API token is missing or wrong.',
    remedy: "Send the token from the node's directory as `Authorization: Bearer <token>`.",
  },
  INSUFFICIENT_BALANCE: {
    status: 402,
    message:
      'The channel cannot carry this amount now: deposit, received money and pending payments leave less.',
    remedy:
      'Top the channel up, wait for pending payments, or pay less; `channel show` prints what is spendable.',
  },
  INSUFFICIENT_FUNDS: {
    status: 402,
    message: 'The account holds less of the token (or of the native coin for gas) than this needs.',
    remedy: 'Send funds to the account that `status` prints, then repeat.',
  },
  UNKNOWN_CHANNEL: {
    status: 404,
    message: 'No such channel on this node.',
    remedy: '`channel list` prints the channels.',
  },
  UNKNOWN_PEER: {
    status: 404,
    message: 'This node has never met that peer, or has no channel with it.',
    remedy: 'Connect to it as nodeId@host:port, then open a channel.',
  },
  UNKNOWN_PAYMENT: {
    status: 404,
    message: 'No payment with this reference.',
    remedy: 'Check the reference, or wait for the payment to arrive.',
  },
  NOT_FOUND: {
    status: 404,
    message: 'There is nothing at this address.',
    remedy: 'The OpenAPI document of the node lists what there is.',
  },
  TIMED_OUT: {
    status: 408,
    message: 'What was waited for did not happen in the time given.',
    remedy: 'Nothing is lost: ask again, or wait longer.',
  },
  REFERENCE_CONFLICT: {
    status: 409,
    message: 'This reference was already used for another amount or another channel.',
    remedy: 'Use a fresh reference for a new payment; repeat the same amount to ask about the old one.',
  },
  CHANNEL_NOT_OPEN: {
    status: 409,
    message: 'The channel is not open for this.',
    remedy: '`channel show` prints its status and what it waits for.',
  },
  CHANNEL_CLOSING: {
    status: 409,
    message: 'The channel is closing: nothing more can be paid or withdrawn in it.',
    remedy: 'Open another channel.',
  },
  WITHDRAWAL_PENDING: {
    status: 409,
    message: 'A withdrawal of this channel is not finished yet.',
    remedy: 'Wait until it is executed or expired; `channel show` prints which.',
  },
  LOCKS_PENDING: {
    status: 409,
    message: 'The channel still carries pending locks, so it cannot be closed together.',
    remedy: 'Wait until they are resolved, or close alone.',
  },
  PENDING_OPERATION: {
    status: 409,
    message: 'The channel is busy with an operation that this one would disturb.',
    remedy: 'Wait until it is finished; `channel show` prints what it waits for.',
  },
  PEER_REFUSED: {
    status: 422,
    message: 'The peer refused.',
    remedy: 'The detail carries its reason.',
  },
  POLICY: {
    status: 422,
    message: "This is outside the node's own limits.",
    remedy: "Stay within the limits that `status` shows, or change the node's configuration.",
  },
  TOKEN_UNSUPPORTED: {
    status: 422,
    message: 'The token cannot be used for this.',
    remedy: 'Use an ERC-20 without transfer fee; joint funding does not take the native coin.',
  },
  SALVAGE_ONLY: {
    status: 409,
    message: 'This channel was restored from a copy or lost data: this node never signs in it again.',
    remedy: 'Close it blind, or let the peer close it.',
  },
  PAYMENT_REFUSED: {
    status: 422,
    message:
      'The peer refused the payment; it is still counted as spent until the peer acknowledges a later line.',
    remedy: 'The detail carries the reason; do not pay it elsewhere before its status is final.',
  },
  PAYMENT_VOID: {
    status: 422,
    message: 'The channel ended without this payment: it was not made, and its money came back.',
    remedy: 'Pay it over another channel; the same reference may be used.',
  },
  OVERLOADED: {
    status: 429,
    message: 'More work is queued than the node takes on at once.',
    remedy: 'Slow down and repeat with the same reference.',
  },
  INTERNAL: {
    status: 500,
    message: 'The node met a fault of its own.',
    remedy: 'See the log; nothing was released that was not made durable.',
  },
  TRANSACTION_FAILED: {
    status: 502,
    message: 'The chain refused the transaction.',
    remedy: 'The detail carries the reason of the contract.',
  },
  PEER_OFFLINE: {
    status: 503,
    message: 'The peer is not connected.',
    remedy: 'Wait for it to come back, or close the channel alone.',
  },
  CHAIN_UNREACHABLE: {
    status: 503,
    message: 'The chain cannot be reached.',
    remedy: 'Check the RPC address and that the EVM node is up; channel payments go on meanwhile.',
  },
  STOPPED: {
    status: 503,
    message: 'The node is stopping or has stopped.',
    remedy: 'Start it again; repeat with the same reference, a payment is never made twice.',
  },
  STORE_FAILED: {
    status: 507,
    message: 'The node could not make its state durable and has stopped; nothing was released.',
    remedy: 'Free space or repair the disk, then start the node again.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof TABLE

export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = TABLE

/** A command refused. `field` names the input at fault, `detail` what is known beyond the table's sentence. */
export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly detail: string | undefined

  constructor(code: ErrorCode, options: { field?: string; detail?: string; cause?: unknown } = {}) {
    const { field, detail, cause } = options
    super(
      `${field === undefined ? '' : `${field}: `}${ERRORS[code].message}${detail === undefined ? '' : ` ${detail}`}`,
      cause === undefined ? undefined : { cause },
    )
    this.name = 'ServiceError'
    this.code = code
    this.field = field
    this.detail = detail
  }

  get status(): ErrorEntry['status'] {
    return ERRORS[this.code].status
  }

  get remedy(): string {
    return ERRORS[this.code].remedy
  }
}
