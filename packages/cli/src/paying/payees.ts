/**
 * From `name@host` to an invoice. Which node an address belongs to is kept after the first time: a host that later names
 * another node may have been taken over, and is not believed silently.
 */
import { readFileSync } from 'node:fs'
import type { Hex, NodeClient } from '@tallystick/client'
import {
  AddressError,
  type AddressErrorCode,
  requestInvoice,
  resolveAddress,
} from '@tallystick/client/address'
import { loadCrypto } from '@tallystick/crypto'
import { formatInvoice, type Invoice } from '@tallystick/protocol'
import { z } from 'zod'
import { writeFileAtomically } from '../atomic-file.ts'
import type { DataDirectory } from '../data-directory.ts'
import { Failure, type FailureKind } from '../failure.ts'

export type AddressOrder = {
  readonly address: string
  readonly token: Hex
  /** Base units. */
  readonly amount: bigint
  readonly comment?: string | undefined
  /** The address may belong to another node than before. */
  readonly acceptNewPayee: boolean
  /** For development: addresses at this machine, over plain HTTP. */
  readonly allowLocal: boolean
}

const payeesSchema = z.strictObject({
  version: z.literal(1),
  payees: z.record(z.string(), z.string().regex(/^0[23][0-9a-f]{64}$/)),
})

/** @throws {Failure}; nothing was paid */
export async function orderInvoice(
  api: NodeClient,
  directory: DataDirectory,
  order: AddressOrder,
): Promise<{ readonly text: string; readonly invoice: Invoice }> {
  const { address, token, amount, comment, acceptNewPayee, allowLocal } = order
  const [{ chainId, bank, registry }, { crypto }] = await Promise.all([api.status(), loadCrypto()])
  const payees = readPayees(directory)
  const expectedPayee = acceptNewPayee ? undefined : payees[address]
  try {
    const resolved = await resolveAddress(address, {
      fetch,
      ...(expectedPayee === undefined ? {} : { expectedPayee }),
      ...(allowLocal ? { allowLoopback: 'http' } : {}),
    })
    const wish = { chainId, bank, registry, token, amount, ...(comment === undefined ? {} : { comment }) }
    const nowSeconds = Math.floor(Date.now() / 1000)
    const signed = await requestInvoice(crypto, resolved, wish, nowSeconds, { fetch })
    const { payee } = resolved.document
    if (payees[address] !== payee) writePayees(directory, { ...payees, [address]: payee })
    return { text: formatInvoice(signed), invoice: signed.invoice }
  } catch (thrown) {
    throw explained(thrown)
  }
}

function readPayees({ payees: path }: DataDirectory): Readonly<Record<string, string>> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw unusable(path, thrown)
  }
  try {
    return payeesSchema.parse(JSON.parse(text)).payees
  } catch (thrown) {
    throw unusable(path, thrown)
  }
}

function writePayees({ payees: path }: DataDirectory, payees: Readonly<Record<string, string>>): void {
  writeFileAtomically(path, `${JSON.stringify({ version: 1, payees }, null, 2)}\n`)
}

function unusable(path: string, cause: unknown): Failure {
  return new Failure(
    'notReady',
    {
      code: 'bad-payees',
      field: path,
      message: 'payees.json cannot be read',
      remedy: 'Repair the file, or remove it: then addresses are believed anew the first time they are paid.',
    },
    cause,
  )
}

const kinds: Readonly<Record<AddressErrorCode, FailureKind>> = {
  'address-malformed': 'usage',
  'host-refused': 'usage',
  unreachable: 'unreachable',
  aborted: 'interrupted',
  redirected: 'refused',
  'too-large': 'refused',
  'answer-malformed': 'refused',
  'name-unknown': 'refused',
  'answer-refused': 'refused',
  'payee-changed': 'refused',
  'not-accepted': 'refused',
  'amount-out-of-range': 'refused',
  'comment-too-long': 'usage',
  'invoice-wrong': 'refused',
  'entry-invalid': 'refused',
}

function explained(thrown: unknown): unknown {
  if (!(thrown instanceof AddressError)) return thrown
  const { code, field, message } = thrown
  const remedy =
    code === 'payee-changed' ? `${thrown.remedy} If it is so, add --accept-new-payee.` : thrown.remedy
  return new Failure(kinds[code], { code, field, message, remedy }, thrown)
}
