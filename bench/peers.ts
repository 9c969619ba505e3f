/**
 * Peers measured in the same run: one voucher created and verified with each peer's own functions,
 * as a seller that charges per call does it off chain, with nothing stored.
 */
import { BATCH_SETTLEMENT_ADDRESS, BATCH_SETTLEMENT_DOMAIN, voucherTypes } from '@x402/evm'
import { signVoucher } from '@x402/evm/batch-settlement/client'
import { Session } from 'mppx/tempo'
import { createClient, http, verifyTypedData } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

const chainId = 8453
const channelId = `0x${'7a'.repeat(32)}` as const

/** Creates and verifies the voucher for `cumulative`; throws when the peer refuses it. */
export type Peer = { name: string; createAndVerify: (cumulative: bigint) => Promise<void> }

function x402(): Peer {
  const account = privateKeyToAccount(generatePrivateKey())
  return {
    name: 'peer.x402',
    async createAndVerify(cumulative) {
      const voucher = await signVoucher(account, channelId, cumulative.toString(), `eip155:${chainId}`)
      // What the seller's server does for each voucher (verifyVoucherLocally in @x402/evm 2.27.0).
      const valid = await verifyTypedData({
        address: account.address,
        domain: { ...BATCH_SETTLEMENT_DOMAIN, chainId, verifyingContract: BATCH_SETTLEMENT_ADDRESS },
        types: voucherTypes,
        primaryType: 'Voucher',
        message: { channelId, maxClaimableAmount: cumulative },
        signature: voucher.signature,
      })
      if (!valid) throw new Error('x402 refused its own voucher')
    },
  }
}

function mppx(): Peer {
  const account = privateKeyToAccount(generatePrivateKey())
  const { signVoucher, verifyVoucher } = Session.Precompile.Voucher
  const escrow = BATCH_SETTLEMENT_ADDRESS
  // Local signing only: the client is an argument of the peer's function and nothing is ever sent.
  const client = createClient({ account, transport: http('http://127.0.0.1:1') })
  return {
    name: 'peer.mppx',
    async createAndVerify(cumulativeAmount) {
      const voucher = { channelId, cumulativeAmount }
      const signature = await signVoucher(client, account, voucher, escrow, chainId)
      if (!verifyVoucher(escrow, chainId, { ...voucher, signature }, account.address)) {
        throw new Error('mppx refused its own voucher')
      }
    },
  }
}

export const peers: readonly Peer[] = [mppx(), x402()]
