/**
 * Progress of long work, on standard error: a bar on a terminal, a plain line now and then
 * elsewhere (so that logs of a build stay readable), nothing with `--json`.
 */
import { Presets, SingleBar } from 'cli-progress'

export type Progress = {
  /** `done` of `total` units of work; `detail` is a short word on where it stands. */
  update(done: number, total: number, detail?: string): void
  /** Idempotent. */
  stop(): void
}

const plainLines = 10

export function createProgress(label: string, { json }: { readonly json: boolean }): Progress {
  if (json) return { update() {}, stop() {} }
  return process.stderr.isTTY ? bar(label) : lines(label)
}

function bar(label: string): Progress {
  const single = new SingleBar(
    {
      format: `${label} [{bar}] {value}/{total} {detail}`,
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: false,
      // Ctrl-C is handled once, by whoever owns the work.
      gracefulExit: false,
    },
    Presets.legacy,
  )
  return {
    update(done, total, detail = '') {
      if (!single.isActive) single.start(total, done, { detail })
      single.update(done, { detail })
    },
    stop() {
      single.stop()
    },
  }
}

function lines(label: string): Progress {
  let shown = 0
  return {
    update(done, total, detail = '') {
      const parts = Math.floor((done * plainLines) / total)
      if (parts <= shown) return
      shown = parts
      process.stderr.write(`${label} ${done}/${total} ${detail}`.trimEnd().concat('\n'))
    },
    stop() {},
  }
}
