/** Pages of a list that is whole in memory, newest first: a cursor is the name of the last one given. */
import { RequestError } from './problem.ts'

const DEFAULT_ROWS = 100

export interface PageQuery {
  readonly cursor?: string
  readonly limit?: number
}

/**
 * The wanted ones after the cursor. The cursor is looked for among all, so that a page goes on where the one before it
 * ended, also when that one is not wanted any more.
 * @throws {RequestError} `INVALID_REQUEST` for a cursor of no row
 */
export function pageOf<T>(
  all: readonly T[],
  nameOf: (row: T) => string,
  isWanted: (row: T) => boolean,
  { cursor, limit = DEFAULT_ROWS }: PageQuery,
): { readonly rows: readonly T[]; readonly next: string | undefined } {
  const last = cursor === undefined ? -1 : all.findIndex((row) => nameOf(row) === cursor)
  if (cursor !== undefined && last === -1)
    throw new RequestError('INVALID_REQUEST', { field: 'cursor', detail: 'It is not from this list.' })
  const wanted = all.slice(last + 1).filter(isWanted)
  const rows = wanted.slice(0, limit)
  const end = rows.at(-1)
  return { rows, next: end === undefined || wanted.length === rows.length ? undefined : nameOf(end) }
}
