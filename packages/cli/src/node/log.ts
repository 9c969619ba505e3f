/** The node's log: JSON lines on standard error or in a file, with everything secret struck out. */
import { LOG_REDACTION } from '@tallystick/node'
import type { Logger } from 'pino'
import { destination, pino } from 'pino'
import { usage } from '../failure.ts'

export const logLevels: readonly string[] = ['debug', 'info', 'warn', 'error', 'silent']

export function createLog(level: string, file: string | undefined): Logger {
  if (!logLevels.includes(level))
    throw usage(
      '--log-level',
      `there is no level ${JSON.stringify(level.slice(0, 20))}`,
      `Give one of ${logLevels.join(', ')}.`,
    )
  return pino({ level, redact: { ...LOG_REDACTION, paths: [...LOG_REDACTION.paths] } }, openLog(file))
}

function openLog(file: string | undefined) {
  try {
    // Synchronous: what led to a crash must be in the log.
    return destination({ dest: file ?? 2, sync: true, append: true, mkdir: false })
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    throw usage(
      '--log-file',
      `the log cannot be written: ${reason}`,
      'Name a file in a directory that exists.',
    )
  }
}
