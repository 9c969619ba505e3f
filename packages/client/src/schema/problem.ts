/** Errors of the HTTP API: RFC 9457 problem details, with what is wrong and what to do. */
import { z } from 'zod'

export const Problem = z
  .object({
    type: z
      .string()
      .meta({ description: 'URI reference that names the kind', example: 'about:blank#INVALID_AMOUNT' }),
    title: z.string().meta({ description: 'What is wrong, the same sentence for every occurrence' }),
    status: z.int(),
    code: z.string().meta({ description: 'Stable name for programs', example: 'INVALID_AMOUNT' }),
    field: z.string().optional().meta({ description: 'The input at fault', example: 'amount' }),
    detail: z.string().optional().meta({ description: 'What is known of this occurrence' }),
    remedy: z.string().meta({ description: 'What to do' }),
  })
  .meta({ id: 'Problem' })
export type Problem = z.output<typeof Problem>
