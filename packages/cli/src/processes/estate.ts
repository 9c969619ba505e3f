/**
 * Everything the demo has started or created, so that all of it can be ended: child processes by
 * their ids, directories by their paths, in the reverse order of creation.
 *
 * Invariant: whatever is in the estate is gone after `end()`, and also after the death of this
 * process at any instruction (the janitor then does it).
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JanitorMessage } from './janitor.ts'

export type Estate = {
  /** Spawns a child in a process group of its own: Ctrl-C reaches us alone, and we end things in order. */
  start(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess
  /** Takes on a child that somebody else spawned. */
  adopt(child: ChildProcess): void
  directory(prefix: string): string
  /** Takes a directory out of the estate: it stays. */
  keep(path: string): void
  onEnd(action: () => Promise<void> | void): void
  /** Ends one child: SIGTERM, then SIGKILL when it does not listen. */
  stop(child: ChildProcess): Promise<void>
  end(): Promise<void>
}

const graceMs = 10_000

export function createEstate(): Estate {
  const janitor = spawn(process.execPath, [fileURLToPath(new URL('./janitor.ts', import.meta.url))], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  janitor.stdin.on('error', () => {})
  const endings: Array<() => Promise<void> | void> = []
  let ended: Promise<void> | undefined

  const tell = (message: JanitorMessage) => janitor.stdin.write(`${JSON.stringify(message)}\n`)

  function adopt(child: ChildProcess): void {
    const { pid } = child
    if (pid === undefined) return
    if (ended !== undefined) {
      child.kill('SIGKILL')
      return
    }
    tell({ type: 'started', pid })
    child.once('exit', () => tell({ type: 'ended', pid }))
    endings.push(() => stopChild(child))
  }

  async function endAll(): Promise<void> {
    for (const action of endings.toReversed()) await action()
    const closed = once(janitor, 'exit')
    janitor.stdin.end()
    await closed
  }

  const kept = new Set<string>()
  return {
    adopt,
    start(command, args, options = {}) {
      if (ended !== undefined) throw new Error('the demo is ending: nothing more is started')
      const child = spawn(command, args, { ...options, detached: true })
      adopt(child)
      return child
    },
    directory(prefix) {
      const path = mkdtempSync(join(tmpdir(), prefix))
      tell({ type: 'directory', path })
      endings.push(() => {
        if (!kept.has(path)) rmSync(path, { recursive: true, force: true })
      })
      return path
    },
    keep(path) {
      kept.add(path)
      tell({ type: 'kept', path })
    },
    onEnd(action) {
      endings.push(action)
    },
    stop: stopChild,
    end() {
      ended ??= endAll()
      return ended
    },
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  // A process that is frozen (SIGSTOP) hears of it only when it goes on.
  child.kill('SIGCONT')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  try {
    await exited
  } finally {
    clearTimeout(timer)
  }
}
