/**
 * The wire of the node's HTTP API, in one place: the node serves what the client parses.
 * Requests are strict (an unknown field is refused by name); answers may gain fields without breaking a client.
 */
export * from './channel.ts'
export * from './event.ts'
export * from './invoice.ts'
export * from './network.ts'
export * from './network-payment.ts'
export * from './node.ts'
export * from './operation.ts'
export * from './payment.ts'
export * from './policy.ts'
export * from './primitives.ts'
export * from './problem.ts'
