import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const owner = fileURLToPath(new URL('./programs/estate-owner.ts', import.meta.url))
type Estate = { readonly directory: string; readonly pids: readonly number[] }

async function startOwner(): Promise<{ child: ChildProcess; estate: Estate }> {
  const child = spawn(process.execPath, [owner], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return { child, estate: JSON.parse(String(line)) }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function gone({ directory, pids }: Estate): Promise<boolean> {
  const deadlineMs = Date.now() + 30_000
  while (pids.some(isAlive) || existsSync(directory)) {
    if (Date.now() > deadlineMs) return false
    await pause(50)
  }
  return true
}

describe('the estate leaves nothing behind', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('when its owner gets %s', async (signal) => {
    const { child, estate } = await startOwner()
    expect(estate.pids.every(isAlive)).toBe(true)
    expect(existsSync(estate.directory)).toBe(true)
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
    expect(await gone(estate)).toBe(true)
  })
})
