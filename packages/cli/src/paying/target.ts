/** What a person gives to pay to: a channel, a peer, an invoice or an address, told apart by its form. */
import type { Hex } from '@tallystick/client'
import { loadCrypto } from '@tallystick/crypto'
import {
  type Asked,
  formatInvoice,
  formatTarget,
  type Invoice,
  type InvoiceFault,
  parseTarget,
  toHex,
} from '@tallystick/protocol'
import { type Failure, usage } from '../failure.ts'

/** What a `tally:` URI asks for besides. */
type Wanted = { readonly token: Hex | undefined; readonly amount: bigint | undefined }

export type PayTarget =
  | { readonly kind: 'channel'; readonly channelId: Hex }
  | ({ readonly kind: 'peer'; readonly nodeId: string } & Wanted)
  | { readonly kind: 'invoice'; readonly text: string; readonly invoice: Invoice }
  | ({ readonly kind: 'address'; readonly address: string } & Wanted)

/** @throws {Failure} that names `to` and what is wrong with it */
export async function readTarget(text: string): Promise<PayTarget> {
  if (/^0x[0-9a-fA-F]{64}$/.test(text))
    return { kind: 'channel', channelId: text.toLowerCase() as `0x${string}` }
  const nodeId = /^(0[23][0-9a-f]{64})(?:@[^?]*)?$/i.exec(text)?.[1]
  if (nodeId !== undefined)
    return { kind: 'peer', nodeId: nodeId.toLowerCase(), token: undefined, amount: undefined }
  const { crypto } = await loadCrypto()
  const read = parseTarget(crypto, text)
  if (!read.ok) throw badTarget(read)
  const { target } = read
  switch (target.kind) {
    case 'invoice':
      return { kind: 'invoice', text: formatInvoice(target.signed), invoice: target.signed.invoice }
    case 'node':
      return { kind: 'peer', nodeId: target.nodeId, ...wantedOf(target) }
    case 'address': {
      const address = formatTarget({ ...target, token: undefined, amount: undefined })
      return { kind: 'address', address, ...wantedOf(target) }
    }
  }
}

function wantedOf({ token, amount }: Asked): Wanted {
  return { token: token && toHex(token), amount }
}

function badTarget({ code, field, detail, remedy }: InvoiceFault): Failure {
  if (code !== 'target-unknown')
    return usage(
      'to',
      field === 'text' ? detail : `${field}: ${detail}`,
      `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.`,
      code,
    )
  return usage(
    'to',
    'this is nothing that can be paid',
    'Give an invoice (tally1...), an address (name@host), a node id (66 digits), nodeId@host:port, a tally: URI, or a channel id (0x and 64 digits).',
    'bad-target',
  )
}
