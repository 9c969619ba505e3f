/** Work that outlives a request: it can be polled, awaited, and shows in the events. */
import { z } from 'zod'
import { ChannelView } from './channel.ts'
import { ChannelId, TimeMs, TimeoutMsText } from './primitives.ts'
import { Problem } from './problem.ts'

export const OperationId = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .meta({ description: 'Operation id', example: 'a0'.repeat(16) })

export const Operation = z
  .object({
    operationId: OperationId,
    kind: z.enum(['open', 'topup', 'withdraw', 'close']),
    /** Absent while an opening channel has no id yet. */
    channelId: ChannelId.optional(),
    state: z.enum(['running', 'done', 'failed']),
    startedAtMs: TimeMs,
    endedAtMs: TimeMs.optional(),
    /** The channel when the operation was done; absent after a restart of the node. */
    channel: ChannelView.optional(),
    /** Why it failed. */
    problem: Problem.optional(),
  })
  .meta({ id: 'Operation' })
export type Operation = z.output<typeof Operation>

export const OperationQuery = z.strictObject({ timeoutMs: TimeoutMsText.exactOptional() })

export const OperationList = z
  .object({ operations: z.array(Operation).readonly() })
  .meta({ id: 'OperationList' })
