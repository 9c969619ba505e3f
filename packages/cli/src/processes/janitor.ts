/**
 * A small process that outlives the demo by a moment: when the demo's end of the pipe closes, for
 * whatever reason (kill -9 included), it ends the processes and removes the directories it was told
 * of. Run by `estate.ts`; reads one JSON message a line.
 */
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'

export type JanitorMessage =
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'ended'; readonly pid: number }
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'kept'; readonly path: string }

const graceMs = 5_000
const pids = new Set<number>()
const directories = new Set<string>()

function take(message: JanitorMessage): void {
  switch (message.type) {
    case 'started':
      pids.add(message.pid)
      break
    case 'ended':
      pids.delete(message.pid)
      break
    case 'directory':
      directories.add(message.path)
      break
    case 'kept':
      directories.delete(message.path)
      break
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name)
    return true
  } catch {
    return false
  }
}

async function clear(): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGTERM')
  // A process that is frozen (SIGSTOP) hears of it only when it goes on.
  for (const pid of pids) signal(pid, 'SIGCONT')
  const deadline = Date.now() + graceMs
  while ([...pids].some((pid) => signal(pid, 0)) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 50))
  for (const pid of pids) signal(pid, 'SIGKILL')
  for (const path of directories)
    rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {})
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => take(JSON.parse(line)))
lines.on('close', () => void clear())
