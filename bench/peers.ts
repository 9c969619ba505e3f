/**
 * The peers: creating and verifying one voucher with the functions of `mppx` and `@x402/evm`
 * themselves, in memory, with no chain and no storage. Where a package has a slower path around the
 * same functions (chain reads, HTTP headers), it is left out: the peers are measured at their best.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { signVoucher as signX402Voucher } from '@x402/evm/batch-settlement/client'
import { Session } from 'mppx/tempo'
import { createClient, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const account = privateKeyToAccount(`0x${'11'.repeat(32)}`)
const channelId = `0x${'ab'.repeat(32)}` as const

export function mppxVoucher(): (cumulative: number) => Promise<void> {
  const { Voucher, Constants } = Session.Precompile
  const chainId = 4217
  // Never asked anything: the account signs locally.
  const client = createClient({ transport: http('http://127.0.0.1:9') })
  return async (cumulative) => {
    const voucher = { channelId, cumulativeAmount: Constants.uint96(BigInt(cumulative)) }
    const escrow = Constants.tip20ChannelEscrow
    const signature = await Voucher.signVoucher(client, account, voucher, escrow, chainId)
    if (!Voucher.verifyVoucher(escrow, chainId, { ...voucher, signature }, account.address))
      throw new Error('mppx refused its own voucher')
  }
}

type X402Verify = (
  signer: object,
  voucher: {
    channelId: string
    maxClaimableAmount: string
    payerAuthorizer: string
    payer: string
    signature: string
  },
  chainId: number,
) => Promise<boolean>

export async function x402Voucher(): Promise<(cumulative: number) => Promise<void>> {
  const verify = await x402Verify()
  const chainId = 84_532
  return async (cumulative) => {
    const voucher = await signX402Voucher(account, channelId, String(cumulative), `eip155:${chainId}`)
    const payer = { payerAuthorizer: account.address, payer: account.address }
    if (!(await verify({}, { ...voucher, ...payer }, chainId)))
      throw new Error('x402 refused its own voucher')
  }
}

/**
 * The voucher check inside the facilitator's `verify`, without the chain reads that `verify` adds. The
 * package bundles it into a file whose name is a hash, so it is found by what it exports.
 */
async function x402Verify(): Promise<X402Verify> {
  const name = 'verifyBatchSettlementVoucherTypedData'
  const entry = fileURLToPath(import.meta.resolve('@x402/evm'))
  const directory = dirname(entry)
  const file = readdirSync(directory).find(
    (candidate) =>
      candidate.endsWith('.mjs') &&
      /export \{[^}]*\}/g.exec(readFileSync(join(directory, candidate), 'utf8'))?.[0].includes(name),
  )
  if (file === undefined) throw new Error(`@x402/evm no longer has ${name}`)
  return (await import(join(directory, file)))[name]
}
