/**
 * `config.json` of a data directory: versioned, checked whole on every read, and never holding a
 * secret. A wrong field is refused by its name; an unknown field too, because a misspelt limit
 * that is silently ignored costs money.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { parseAmount } from './arguments.ts'
import { Failure } from './failure.ts'

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'must be 0x followed by 40 hexadecimal digits')
  .transform((text) => text.toLowerCase() as `0x${string}`)

const amount = z.string().transform((text, context) => {
  try {
    return parseAmount(text, 'amount')
  } catch (thrown) {
    context.addIssue({
      code: 'custom',
      message: thrown instanceof Failure ? thrown.message : 'is not an amount',
    })
    return z.NEVER
  }
})

const port = z.int().min(0).max(65_535)

/** MIN_LOCK_PERIOD and MAX_LOCK_PERIOD of the bank, in seconds (docs/spec). */
export const lockPeriodBoundsSeconds = { min: 600, max: 7_776_000 } as const

export const configSchema = z.strictObject({
  version: z.literal(1),
  chain: z.strictObject({
    rpcUrl: z.url({ protocol: /^https?$/ }),
    chainId: z.int().positive(),
    bank: address,
    registry: address,
    /** Where this node's history starts: none of its channels can be older. */
    fromBlock: z.int().min(0),
    /** When a block counts: the chain's own word for it, or so many blocks on top (0 trusts every block). */
    finality: z.union([z.enum(['finalized', 'safe']), z.int().min(0).max(10_000)]),
    pollIntervalMs: z.int().min(20).max(600_000),
  }),
  /** Default token of new channels; the zero address is the chain's native coin. */
  token: address,
  /** Where peers connect. Port 0: any free one, written to `node.json` while the node runs. */
  listen: z.strictObject({ host: z.string().min(1), port }),
  /** Where the CLI and applications connect. Loopback unless you know why not. */
  api: z.strictObject({ host: z.string().min(1), port }),
  limits: z.strictObject({
    /** Of the channels this node opens. */
    lockPeriodSeconds: z.int().min(lockPeriodBoundsSeconds.min).max(lockPeriodBoundsSeconds.max),
    /** T of docs/spec: time to get a transaction included, plus finality, plus clock skew. */
    safetyMarginSeconds: z.int().min(1).max(86_400),
    /** The smallest payment accepted, in base units; without it any. */
    minPaymentAmount: amount.optional(),
    /** The smallest lock accepted, in base units: at least what claiming it on chain costs. */
    minLockAmount: amount,
    /** What this node deposits at most when a peer asks it to open a channel jointly, by token; others: nothing. */
    maxJointDeposit: z.record(address, amount),
    /** The same in all channels with one peer together; without it four times `maxJointDeposit`. */
    maxJointDepositOfPeer: z.record(address, amount).optional(),
    /** The same in all channels together; without it sixteen times `maxJointDeposit`. */
    maxJointDepositTotal: z.record(address, amount).optional(),
  }),
  /** Carrying payments of others, and paying over them. What is absent is as by default. */
  network: z
    .strictObject({
      /** Channels are told to everybody, where the peer wants it too: others can then pay over them. */
      announceChannels: z.boolean(),
      /** For people, told to everybody with the node's address. */
      alias: z.string().regex(/^[ -~]{0,32}$/, 'must be at most 32 printable ASCII characters'),
      /** From now to the expiry of the locks of own payments: how long a stalled payment can hold money. */
      lockTimeSeconds: z.int().min(1).max(2_592_000),
      /** Beyond T: what a lock must leave before it is carried onward, or its preimage shown. */
      forwardMarginSeconds: z.int().min(1).max(86_400),
    })
    .partial()
    .optional(),
})

export type Config = z.output<typeof configSchema>
export type ConfigFile = z.input<typeof configSchema>

export function readConfig(path: string): Config {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (thrown) {
    throw new Failure(
      'notReady',
      {
        code: 'no-config',
        field: path,
        message: 'there is no readable config.json here',
        remedy: 'Create a data directory with `tally init`, or name an existing one with --data-dir.',
      },
      thrown,
    )
  }
  return parseConfig(text, path)
}

export function parseConfig(text: string, path: string): Config {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (thrown) {
    throw new Failure('usage', badConfig(path, 'is not JSON', 'Repair the file'), thrown)
  }
  const parsed = configSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = issue?.path.join('.') || path
  throw new Failure('usage', badConfig(field, issue?.message ?? 'is wrong', 'Correct this field'))
}

function badConfig(field: string, what: string, remedy: string) {
  return {
    code: 'bad-config',
    field,
    message: `config.json: ${what}`,
    remedy: `${remedy}, then run the command again.`,
  }
}
