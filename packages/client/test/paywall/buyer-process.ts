/** A buyer in a process of its own, to be killed: tells its parent before and after every payment and at every chunk. */
import { buy } from '../../src/paywall/buyer.ts'
import { PRICE, paperLedger } from './paper-ledger.ts'

const [url = '', output = '', file = ''] = process.argv.slice(2)
const ledger = paperLedger({ file })
const say = (what: string) => void process.send?.(what)
await buy({
  url,
  output,
  node: {
    ...ledger.buyer,
    pay: async (payment) => {
      say('paying')
      const made = await ledger.buyer.pay(payment)
      say('paid')
      return made
    },
  },
  maxPricePerChunk: PRICE,
  chunksAhead: 2,
  onProgress: () => say('chunk'),
})
process.disconnect()
