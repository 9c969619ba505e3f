/**
 * The typed client of a node's HTTP API. Works in browsers and in Node: only `fetch` and zod.
 *
 * Amounts are `bigint` base units. Every method rejects with an {@link ApiError} and nothing else.
 */
import type {
  ChannelQuery,
  ChannelView,
  CloseRequest,
  ConnectPeerRequest,
  DoctorReport,
  Health,
  Hex,
  NodeStatus,
  Operation,
  PayBatchResult,
  PaymentDirection,
  PaymentListQuery,
  PaymentPage,
  PaymentView,
  PeerView,
  TopUpRequest,
  WithdrawRequest,
} from '../schema/index.ts'
import * as wire from '../schema/index.ts'
import { ApiError } from './error.ts'
import type { EventOptions, ReceivedEvent } from './events.ts'
import { events } from './events.ts'
import { type NetworkCalls, networkCalls } from './network-calls.ts'
import type { CallOptions, Connection } from './request.ts'
import { encode, request } from './request.ts'

export interface NodeClient extends NetworkCalls {
  /** Needs no token. */
  health(options?: CallOptions): Promise<Health>
  status(options?: CallOptions): Promise<NodeStatus>
  doctor(options?: CallOptions): Promise<DoctorReport>
  peers(options?: CallOptions): Promise<readonly PeerView[]>
  connectPeer(peer: ConnectPeerRequest, options?: CallOptions): Promise<PeerView>

  channels(options?: CallOptions): Promise<readonly ChannelView[]>
  /** With `until`, resolves once the channel has reached that status; `TIMED_OUT` otherwise. */
  channel(channelId: Hex, query?: ChannelQuery, options?: CallOptions): Promise<ChannelView>
  /**
   * These four start work that may outlive the request: the operation comes back `running` or `done`
   * ({@link NodeClient.finished} waits for it). What fails at once is an ApiError.
   * `idempotencyKey`: the same key and request never start the work twice, also after a restart of the node.
   */
  openChannel(channel: wire.OpenChannelRequest, options?: StartOptions): Promise<Operation>
  topUp(channelId: Hex, topUp: TopUpRequest, options?: StartOptions): Promise<Operation>
  withdraw(channelId: Hex, withdrawal: WithdrawRequest, options?: StartOptions): Promise<Operation>
  closeChannel(channelId: Hex, close: CloseRequest, options?: StartOptions): Promise<Operation>
  operations(options?: CallOptions): Promise<readonly Operation[]>
  operation(operationId: string, options?: CallOptions): Promise<Operation>
  /** Waits until the work is done. @throws {ApiError} its problem, or `TIMED_OUT` after `timeoutMs` (the work goes on). */
  finished(operation: Operation, timeoutMs: number, options?: CallOptions): Promise<Operation>

  /**
   * Pays once; idempotent by reference. Resolves with the payment as it is after at most `timeoutMs`: a `state` of `queued`
   * or `sent` means that it may still be made; repeat with the same reference to go on waiting.
   */
  pay(payment: wire.PayRequest, options?: CallOptions): Promise<PaymentView>
  payBatch(batch: wire.PayBatchRequest, options?: CallOptions): Promise<PayBatchResult>
  payments(query?: PaymentListQuery, options?: CallOptions): Promise<PaymentPage>
  /** The payment, or undefined when there is none. With `timeoutMs` it waits for an incoming one. */
  payment(
    direction: PaymentDirection,
    reference: Hex,
    filter?: wire.PaymentFilter,
    options?: CallOptions,
  ): Promise<PaymentView | undefined>

  events(options?: EventOptions): AsyncGenerator<ReceivedEvent, void>
}

export interface StartOptions extends CallOptions {
  readonly idempotencyKey?: string
}

const LONGEST_POLL_MS = 60_000
/** The engine's default when a request gives no `timeoutMs`. */
const DEFAULT_WAIT_MS = 30_000

/** A client of one node. Opens no connection until the first call. */
export function createNodeClient(on: Connection): NodeClient {
  return {
    ...nodeCalls(on),
    ...channelCalls(on),
    ...operationCalls(on),
    ...paymentCalls(on),
    ...networkCalls(on),
    events: (options) => events(on, options),
  }
}

function nodeCalls(on: Connection) {
  const get = <S extends Parameters<typeof request>[2]>(path: string, answer: S, options?: CallOptions) =>
    request(on, { method: 'GET', path, signal: options?.signal }, answer)
  return {
    health: (options) => get('/v1/health', wire.Health, options),
    status: (options) => get('/v1/status', wire.NodeStatus, options),
    doctor: (options) => get('/v1/doctor', wire.DoctorReport, options),
    peers: async (options) => (await get('/v1/peers', wire.PeerList, options)).peers,
    connectPeer: (peer, options) =>
      request(
        on,
        {
          method: 'POST',
          path: '/v1/peers',
          body: encode(wire.ConnectPeerRequest, peer),
          waitMs: peer.timeoutMs ?? DEFAULT_WAIT_MS,
          signal: options?.signal,
        },
        wire.PeerView,
      ),
  } satisfies Partial<NodeClient>
}

function channelCalls(on: Connection) {
  const start = (path: string, body: object, options: StartOptions | undefined) =>
    request(
      on,
      { method: 'POST', path, body, idempotencyKey: options?.idempotencyKey, signal: options?.signal },
      wire.Operation,
    )
  const at = (channelId: Hex, rest = '') => `/v1/channels/${encode(wire.ChannelId, channelId)}${rest}`
  return {
    channels: async (options) =>
      (await request(on, { method: 'GET', path: '/v1/channels', signal: options?.signal }, wire.ChannelList))
        .channels,
    channel: async (channelId, query = {}, options = {}) =>
      request(
        on,
        {
          method: 'GET',
          path: at(channelId),
          query: encode(wire.ChannelQuery, query),
          waitMs: query.until === undefined ? 0 : (query.timeoutMs ?? DEFAULT_WAIT_MS),
          signal: options.signal,
        },
        wire.ChannelView,
      ),
    openChannel: async (channel, options) =>
      start('/v1/channels', encode(wire.OpenChannelRequest, channel), options),
    topUp: async (channelId, topUp, options) =>
      start(at(channelId, '/topups'), encode(wire.TopUpRequest, topUp), options),
    withdraw: async (channelId, withdrawal, options) =>
      start(at(channelId, '/withdrawals'), encode(wire.WithdrawRequest, withdrawal), options),
    closeChannel: async (channelId, close, options) =>
      start(at(channelId, '/close'), encode(wire.CloseRequest, close), options),
  } satisfies Partial<NodeClient>
}

function operationCalls(on: Connection) {
  const poll = async (operationId: string, timeoutMs: number | undefined, options?: CallOptions) =>
    request(
      on,
      {
        method: 'GET',
        path: `/v1/operations/${encode(wire.OperationId, operationId)}`,
        query: encode(wire.OperationQuery, timeoutMs === undefined ? {} : { timeoutMs }),
        waitMs: timeoutMs ?? 0,
        signal: options?.signal,
      },
      wire.Operation,
    )
  return {
    operations: async (options) =>
      (
        await request(
          on,
          { method: 'GET', path: '/v1/operations', signal: options?.signal },
          wire.OperationList,
        )
      ).operations,
    operation: (operationId, options) => poll(operationId, undefined, options),
    finished: async (operation, timeoutMs, options) => {
      const deadlineMs = Date.now() + timeoutMs
      let now = operation
      while (now.state === 'running') {
        const leftMs = deadlineMs - Date.now()
        if (leftMs <= 0) throw stillRunning(now)
        now = await poll(now.operationId, Math.min(Math.max(Math.floor(leftMs), 1), LONGEST_POLL_MS), options)
      }
      if (now.problem !== undefined) throw new ApiError(now.problem)
      return now
    },
  } satisfies Partial<NodeClient>
}

function paymentCalls(on: Connection) {
  return {
    pay: async (payment, options) =>
      request(
        on,
        {
          method: 'POST',
          path: '/v1/payments',
          body: encode(wire.PayRequest, payment),
          waitMs: payment.timeoutMs ?? DEFAULT_WAIT_MS,
          signal: options?.signal,
        },
        wire.PaymentView,
      ),
    payBatch: async (batch, options) =>
      request(
        on,
        {
          method: 'POST',
          path: '/v1/payments/batch',
          body: encode(wire.PayBatchRequest, batch),
          waitMs: batch.timeoutMs ?? DEFAULT_WAIT_MS,
          signal: options?.signal,
        },
        wire.PayBatchResult,
      ),
    payments: async (query = {}, options = {}) =>
      request(
        on,
        {
          method: 'GET',
          path: '/v1/payments',
          query: encode(wire.PaymentListQuery, query),
          signal: options.signal,
        },
        wire.PaymentPage,
      ),
    payment: async (direction, reference, filter = {}, options = {}) => {
      const path = `/v1/payments/${encode(wire.PaymentDirection, direction)}/${encode(wire.Reference, reference)}`
      const query = encode(wire.PaymentFilter, filter)
      const waitMs = filter.timeoutMs ?? 0
      try {
        return await request(
          on,
          { method: 'GET', path, query, waitMs, signal: options.signal },
          wire.PaymentView,
        )
      } catch (error) {
        if (error instanceof ApiError && error.code === 'UNKNOWN_PAYMENT') return undefined
        throw error
      }
    },
  } satisfies Partial<NodeClient>
}

function stillRunning(operation: Operation): ApiError {
  return new ApiError({
    title: 'What was waited for did not happen in the time given.',
    status: 408,
    code: 'TIMED_OUT',
    detail: `Operation ${operation.operationId} (${operation.kind}) is still running.`,
    remedy: 'Nothing is lost: ask for the operation again, or wait longer.',
  })
}
