/** Child processes of the store tests: started, read line by line, killed; none outlives its test. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface StoreProcess {
  /** Every line it has printed so far; all of them once `kill` has resolved. */
  readonly lines: readonly string[]
  /** Resolves with line number `count` once it is there; undefined when the process ends before. */
  line(count: number): Promise<string | undefined>
  /** SIGKILL; resolves when the process is gone and all it printed was read. */
  kill(): Promise<void>
}

/** The adapter as a child can load it. */
export interface AdapterModule {
  /** `file:` URL of the module and the name of its open function. */
  readonly url: string
  readonly open: string
}

const running = new Set<StoreProcess>()

/** For `afterEach`: also after a failed test nothing goes on running. */
export async function killStoreProcesses(): Promise<void> {
  await Promise.all([...running].map((one) => one.kill()))
}

export function startStoreProcess(
  adapter: AdapterModule,
  directory: string,
  mode: 'commit' | 'hold',
): StoreProcess {
  const program = fileURLToPath(new URL('./child.ts', import.meta.url))
  const child = spawn(process.execPath, [program, adapter.url, adapter.open, directory, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  const ended = new Promise<void>((resolve) => reader.once('close', resolve))
  const waiting = new Map<number, () => void>()
  reader.on('line', (line) => {
    lines.push(line)
    waiting.get(lines.length)?.()
  })

  const started: StoreProcess = {
    lines,
    async line(count) {
      const printed = new Promise<void>((resolve) => waiting.set(count, resolve))
      if (lines.length < count) await Promise.race([printed, ended])
      return lines[count - 1]
    },
    async kill() {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        await exited
      }
      await ended
      running.delete(started)
    },
  }
  running.add(started)
  return started
}
