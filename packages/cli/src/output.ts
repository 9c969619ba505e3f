/**
 * Where a command's words go. Invariant: standard output carries the result and nothing else; with
 * `--json` it is exactly one JSON object on one line, success or failure. Progress, notes and logs
 * go to standard error.
 */
import type { Failure } from './failure.ts'
import { exitCodes } from './failure.ts'

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | bigint
  | undefined
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** An answer of the node as a result: its fields are all of these kinds. */
export function asJson(answer: object): { readonly [key: string]: JsonValue } {
  return answer as { readonly [key: string]: JsonValue }
}

export type Output = {
  readonly json: boolean
  /** The command's result: `value` for machines, `human` for people. Call once. */
  result(value: { readonly [key: string]: JsonValue }, human: () => string): void
  /** A sentence for people while the command runs. */
  note(sentence: string): void
  failure(failure: Failure): void
}

export type Streams = { readonly out: NodeJS.WritableStream; readonly err: NodeJS.WritableStream }

export function createOutput(
  json: boolean,
  streams: Streams = { out: process.stdout, err: process.stderr },
): Output {
  return {
    json,
    result(value, human) {
      streams.out.write(json ? `${toJsonLine(value)}\n` : withNewline(human()))
    },
    note(sentence) {
      streams.err.write(withNewline(sentence))
    },
    failure(failure) {
      const { code, field, message, remedy, facts } = failure.detail
      if (json) {
        const error = {
          kind: failure.kind,
          code,
          field,
          message,
          remedy,
          exitCode: exitCodes[failure.kind],
          ...facts,
        }
        streams.out.write(`${toJsonLine({ error })}\n`)
      } else {
        const where = field === undefined ? '' : ` (${field})`
        streams.err.write(`error: ${message}${where}\n  what to do: ${remedy}\n`)
      }
      if (process.env.TALLY_DEBUG && failure.cause !== undefined)
        streams.err.write(`${failure.cause instanceof Error ? failure.cause.stack : String(failure.cause)}\n`)
    },
  }
}

/** One line of JSON; amounts (`bigint`) become decimal strings, because JSON numbers would round them. */
export function toJsonLine(value: JsonValue): string {
  return JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? item.toString() : item))
}

/** Left-aligned columns, as wide as their widest cell. */
export function table(rows: ReadonlyArray<readonly string[]>): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, columnsOf(cell))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - columnsOf(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** How wide a terminal shows it: these scripts take two columns a character. */
function columnsOf(text: string): number {
  const wide = text.match(/[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}]/gu)
  return text.length + (wide?.length ?? 0)
}

function withNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
