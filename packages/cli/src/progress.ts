/**
 * Progress of long work, on standard error: a bar on a terminal, a plain line now and then
 * elsewhere (so that logs of a build stay readable), nothing with `--json`.
 */
import { Presets, SingleBar } from 'cli-progress'

export type Progress = {
  /** `done` counts units of work so far; `detail` is a short word on the current one. */
  update(done: number, detail?: string): void
  stop(): void
}

const plainLines = 10

export function createProgress(label: string, total: number, options: { json: boolean }): Progress {
  if (options.json) return { update() {}, stop() {} }
  return process.stderr.isTTY ? bar(label, total) : lines(label, total)
}

function bar(label: string, total: number): Progress {
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
  single.start(total, 0, { detail: '' })
  return {
    update(done, detail = '') {
      single.update(done, { detail })
    },
    stop() {
      single.stop()
    },
  }
}

function lines(label: string, total: number): Progress {
  let shownTenths = 0
  return {
    update(done, detail = '') {
      const tenths = Math.floor((done * plainLines) / total)
      if (tenths <= shownTenths) return
      shownTenths = tenths
      process.stderr.write(`${label} ${done}/${total} ${detail}`.trimEnd().concat('\n'))
    },
    stop() {},
  }
}
