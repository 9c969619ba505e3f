/** Signals that end a command. A signal may come twice (from the terminal, and forwarded by npm): ending begins once. */

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Resolves with the first signal that comes after this call. */
export function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of names) process.on(name, resolve)
  })
}
