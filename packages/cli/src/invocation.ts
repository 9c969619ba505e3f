/** What every command starts from: its options, where it writes, which data directory it means. */
import type { Command } from 'commander'
import type { DataDirectory } from './data-directory.ts'
import { dataDirectory, defaultDataDirectory } from './data-directory.ts'
import type { Output } from './output.ts'
import { createOutput } from './output.ts'

export type Invocation<Options> = {
  readonly output: Output
  readonly directory: DataDirectory
  readonly options: Options
  /** Positional arguments in the order the command declares them. */
  readonly args: readonly string[]
}

type GlobalOptions = { readonly json?: true; readonly dataDir?: string }

/** Adapts a command's function to commander. `Options` mirrors the option declarations beside it. */
export function action<Options extends object = object>(
  run: (invocation: Invocation<Options>) => Promise<void>,
): (...received: unknown[]) => Promise<void> {
  return async (...received) => {
    const command = received.at(-1) as Command
    const options = command.optsWithGlobals<Options & GlobalOptions>()
    await run({
      options,
      args: command.processedArgs.filter((arg): arg is string => typeof arg === 'string'),
      output: createOutput(options.json === true),
      directory: dataDirectory(options.dataDir ?? defaultDataDirectory()),
    })
  }
}

/** The examples of a command's `--help`. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`
}
