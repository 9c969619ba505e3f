/** What Prometheus reads. Gauges are asked of the engine when they are read, so they cannot drift from it. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { NodeService, NodeStatus } from '../engine/service.ts'

export interface ApiMetrics {
  readonly registry: Registry
  request(method: string, route: string, status: number, seconds: number): void
  /** Connections (default: one) that the transport refused; `code` is their close code, or `unreported`. */
  refusedConnection(code: string, count?: number): void
}

export function createMetrics(service: Pick<NodeService, 'status'>): ApiMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  statusGauges(registry, service)
  const requests = new Histogram({
    name: 'tallystick_http_request_seconds',
    help: 'Time to answer an API request.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'tallystick_refused_connections_total',
    help: 'Connections that did not become a session, by reason.',
    labelNames: ['code'],
    registers: [registry],
  })
  return {
    registry,
    request: (method, route, status, seconds) => requests.observe({ method, route, status }, seconds),
    refusedConnection: (code, count = 1) => refusals.inc({ code }, count),
  }
}

function statusGauges(registry: Registry, service: Pick<NodeService, 'status'>): void {
  let status: Promise<NodeStatus> | undefined
  const gauges: readonly [name: string, help: string, value: (status: NodeStatus) => number][] = [
    ['tallystick_up', '1 while the engine runs.', ({ running }) => Number(running)],
    ['tallystick_peers_connected', 'Peers connected now.', ({ peers }) => peers.connected],
    ['tallystick_channels_open', 'Open channels.', ({ channels }) => channels.open],
    ['tallystick_payments_sent', 'Durable outgoing payments.', ({ payments }) => Number(payments.sent)],
    [
      'tallystick_payments_received',
      'Durable incoming payments.',
      ({ payments }) => Number(payments.received),
    ],
    ['tallystick_chain_reachable', '1 while the chain answers.', ({ chain }) => Number(chain.reachable)],
    ['tallystick_chain_head_block', 'Newest block seen.', ({ chain }) => Number(chain.headBlock ?? 0n)],
    ['tallystick_chain_final_block', 'Newest final block.', ({ chain }) => Number(chain.finalBlock ?? 0n)],
  ]
  for (const [name, help, value] of gauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        // One question to the engine for all gauges of a reading.
        status ??= service.status().finally(() => {
          status = undefined
        })
        this.set(value(await status))
      },
    })
  }
}
