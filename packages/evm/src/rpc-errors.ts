/** What goes wrong between us and an Ethereum endpoint, as typed errors. */

import { ChainError } from '@tallystick/protocol'

/** What the endpoint answered with `error`: it understood, and refuses. */
export interface RpcFault {
  readonly code: number
  readonly message: string
  readonly data: unknown
}

/** A fault of a method that should not fail, as the error the caller sees. */
export function faultError(method: string, fault: RpcFault): ChainError {
  const text = fault.message.toLowerCase()
  const missing =
    fault.code === -32001 ||
    /unknown block|header not found|block not found|missing trie node|resource not found|not available|pruned/.test(
      text,
    )
  if (missing) {
    return new ChainError('state_unavailable', `${method}: ${fault.message}`, {
      field: 'rpcUrl',
      remedy:
        'The endpoint does not have this block or its state: wait until it has caught up, or use a full node.',
      consequence: 'retry',
      cause: fault,
    })
  }
  return new ChainError('rpc_unavailable', `${method}: ${fault.message} (code ${fault.code})`, {
    field: 'rpcUrl',
    remedy: 'Check the endpoint: it refused a request that every Ethereum node serves (limits, key, method).',
    consequence: 'retry',
    cause: fault,
  })
}

export function garbage(method: string, what: string): ChainError {
  return new ChainError('rpc_garbage', `${method}: ${what}`, {
    field: 'rpcUrl',
    remedy:
      'Check that the URL is an Ethereum JSON-RPC endpoint and that nothing between changes its answers.',
    consequence: 'retry',
  })
}

export function stoppedError(): ChainError {
  return new ChainError('stopped', 'the chain port was stopped', {
    field: 'chain',
    remedy: 'Ask again after the node has started.',
    consequence: 'retry',
  })
}

/** The request did not get through, or what came back was not JSON. */
export function unavailable(url: string, method: string, cause: unknown): ChainError {
  const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
  if (/is not valid JSON|Unexpected (token|end)|exceed.*size|too large/i.test(String(cause))) {
    return garbage(method, `the answer is not usable JSON (${reason})`)
  }
  return new ChainError('rpc_unavailable', `${method}: no answer (${reason})`, {
    field: 'rpcUrl',
    remedy: `Check that the Ethereum node at ${withoutSecrets(url)} runs and can be reached; it is tried again.`,
    consequence: 'retry',
    cause,
  })
}

/** Endpoint keys live in the path and the query of the URL: neither belongs in a message. */
function withoutSecrets(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'the configured URL'
}

/** A block that must be there and is not, as the endpoint would say it. */
export function missingBlock(number: bigint): RpcFault {
  return { code: -32001, message: `block ${number} not found`, data: undefined }
}
