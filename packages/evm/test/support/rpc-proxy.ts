/** An HTTP proxy before an Ethereum node, with a port of its own that stays, so that a test can break the line. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

interface RpcCall {
  readonly method: string
  readonly params: readonly unknown[]
}

/**
 * What happens to one request. `pass`: as it is. `drop`: the connection breaks. `hang`: no answer. A string: this body.
 * An object: this as `result`; or `error` as JSON-RPC says it.
 */
export type Fate =
  | 'pass'
  | 'drop'
  | 'hang'
  | { readonly body: string }
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string } }

export interface RpcProxy {
  readonly url: string
  /** Decides about every request from now on. */
  onCall(fate: (call: RpcCall) => Fate | Promise<Fate>): void
  /** Changes the results that pass. */
  onResult(change: ((call: RpcCall, result: unknown) => unknown) | undefined): void
  pointAt(target: string): void
  readonly calls: RpcCall[]
  stop(): Promise<void>
}

export async function startRpcProxy(firstTarget: string): Promise<RpcProxy> {
  let target = firstTarget
  let fateOf: (call: RpcCall) => Fate | Promise<Fate> = () => 'pass'
  let change: ((call: RpcCall, result: unknown) => unknown) | undefined
  const calls: RpcCall[] = []

  const server = createServer(async (request, response) => {
    const body = await text(request)
    const call = JSON.parse(body) as RpcCall & { id: number }
    calls.push({ method: call.method, params: call.params })
    const fate = await fateOf(call)
    if (fate === 'hang') return
    if (fate === 'drop') {
      request.socket.destroy()
      return
    }
    if (typeof fate === 'object') {
      answer(response, 'body' in fate ? fate.body : JSON.stringify({ jsonrpc: '2.0', id: call.id, ...fate }))
      return
    }
    try {
      const upstream = await fetch(target, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      const passed = (await upstream.json()) as { result?: unknown }
      if (change !== undefined && 'result' in passed) passed.result = change(call, passed.result)
      answer(response, JSON.stringify(passed))
    } catch {
      request.socket.destroy()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    onCall: (fate) => {
      fateOf = fate
    },
    onResult: (changed) => {
      change = changed
    },
    pointAt: (url) => {
      target = url
    },
    calls,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function answer(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(body)
}
