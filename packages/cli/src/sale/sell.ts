/** A file on sale: its chunks behind HTTP 402, paid to this data directory's node. */
import type { Hex, NodeClient } from '@tallystick/client'
import type { Goods } from '@tallystick/client/paywall'
import { nodeCashier, nodeInvoices, openGoods, servePaywall } from '@tallystick/client/paywall'
import { parseEndpoint } from '../arguments.ts'
import { Failure } from '../failure.ts'
import { explainSale } from './failures.ts'

export type SellOptions = {
  readonly api: NodeClient
  readonly file: string
  readonly chunks: number
  /** Base units of `token`. */
  readonly pricePerChunk: bigint
  readonly token: Hex
  readonly host: string
  readonly port: number
  /** Made when missing; losing it loses what buyers have paid and not fetched yet. */
  readonly keyFile: string
}

export type Sale = { readonly uri: string; readonly goods: Goods; close(): Promise<void> }

/** @throws {Failure} */
export async function startSale(options: SellOptions): Promise<Sale> {
  const { api, file, chunks, pricePerChunk, token, host, port, keyFile } = options
  const { chainId, bank, address, nodeId } = await api.status()
  if (address === undefined)
    throw new Failure('notReady', {
      code: 'not-listening',
      field: 'listen',
      message: 'the node does not listen, so no buyer can reach it',
      remedy: 'Set `listen` in config.json and start the node again.',
    })
  const seller = { nodeId, ...parseEndpoint(address.slice(address.indexOf('@') + 1), 'listen') }
  try {
    const goods = await openGoods(file, chunks)
    const cashier = nodeCashier(api, token)
    const server = await servePaywall({
      goods,
      pricePerChunk,
      token,
      chainId,
      bank,
      seller,
      cashier,
      invoices: nodeInvoices(api, token),
      keyFile,
      host,
      port,
    })
    return { uri: server.url, goods, close: () => server.close() }
  } catch (thrown) {
    throw explainSale(explainBinding(thrown, host, port))
  }
}

function explainBinding(thrown: unknown, host: string, port: number): unknown {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  if (!['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND'].includes(code)) return thrown
  return new Failure(
    'usage',
    {
      code: 'cannot-listen',
      field: '--port',
      message: `${host}:${port} cannot be served (${code})`,
      remedy: 'Give another --port (0: any free one) or --host.',
    },
    thrown,
  )
}
