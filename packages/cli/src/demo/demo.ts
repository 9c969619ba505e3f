/**
 * The demo: a private chain, two node processes, a sale, a lie, and a verdict. Whatever it starts
 * belongs to the estate and ends with it: at the end, on a failure, on Ctrl-C.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Failure } from '../failure.ts'
import type { Output } from '../output.ts'
import type { Estate } from '../processes/estate.ts'
import { createEstate } from '../processes/estate.ts'
import { playCheat } from './cheat-act.ts'
import { createChecks } from './checks.ts'
import { startNetwork } from './network.ts'
import { createParty } from './party.ts'
import { demoJson, demoTable } from './report.ts'
import { playSale } from './sale-act.ts'
import { writeSampleFile } from './sample-file.ts'
import type { Stage } from './stage.ts'
import { inTokens } from './stage.ts'

export type DemoOptions = {
  readonly output: Output
  readonly file?: string
  readonly sampleBytes: number
  readonly chunks: number
  readonly keep: boolean
  /** Leave the network up at the end until a signal comes. */
  readonly stays: boolean
}

/** Resolves with whether every number agrees with the chain, once everything has ended. */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const estate = createEstate()
  const { interrupted, release } = watchSignals()
  try {
    const { stage, agrees } = await Promise.race([play(estate, options), interrupted])
    if (options.stays) await stay(stage, options.output, interrupted)
    return agrees
  } finally {
    await estate.end()
    release()
  }
}

async function play(estate: Estate, options: DemoOptions): Promise<{ stage: Stage; agrees: boolean }> {
  const { output } = options
  const startedMs = performance.now()
  const stage = await setTheStage(estate, options)
  const file = options.file ?? (await makeFile(stage, options.sampleBytes))
  const sale = await playSale(stage, { file, chunks: options.chunks })
  const cheat = await playCheat(stage)
  const { network, checks } = stage
  const result = { network, sale, cheat, checks, seconds: (performance.now() - startedMs) / 1000 }
  output.result(demoJson(result), () => demoTable(result))
  if (options.keep) output.note(`Directories and logs are kept in ${stage.home}`)
  return { stage, agrees: checks.agree }
}

async function stay({ seller, buyer }: Stage, output: Output, interrupted: Promise<never>): Promise<void> {
  await buyer.start()
  const at = (directory: string) => `npm run tally -- --data-dir ${directory}`
  output.note(
    `The network stays up. In another terminal, try:\n  ${at(seller.directory)} status\n  ${at(buyer.directory)} channel list\nCtrl-C here ends it all.`,
  )
  await interrupted.catch(() => {})
}

async function setTheStage(estate: Estate, options: DemoOptions): Promise<Stage> {
  const { output } = options
  const say = (sentence: string) => {
    if (!output.json) output.note(sentence)
  }
  const home = estate.directory('tally-demo-')
  if (options.keep) estate.keep(home)
  say('Starting a private Ethereum chain, and deploying the bank, the registry and a token.')
  const network = await startNetwork(estate)
  say('Making two parties: each has a data directory, three keys, and a node process of its own.')
  const passphrase = randomBytes(16).toString('hex')
  const [seller, buyer] = await Promise.all([
    createParty(estate, network, 'seller', home, passphrase),
    createParty(estate, network, 'buyer', home, passphrase),
  ])
  const fortune = BigInt(options.chunks + 100) * network.unit
  await network.endow(seller.account, network.unit)
  await network.endow(buyer.account, fortune)
  const [sellerAddress] = await Promise.all([seller.start(), buyer.start()])
  say(`The buyer has ${inTokens(fortune, network)}, the seller ${inTokens(network.unit, network)}.`)
  return {
    estate,
    network,
    seller,
    buyer,
    sellerAddress,
    home,
    checks: createChecks(),
    json: output.json,
    say,
  }
}

async function makeFile(stage: Stage, bytes: number): Promise<string> {
  const path = join(stage.home, 'sample.bin')
  stage.say(`Making a file of ${bytes} bytes to sell.`)
  await writeSampleFile(path, bytes)
  return path
}

/** A signal may come twice (from the terminal, and forwarded by npm): ending is begun once. */
function watchSignals(): { interrupted: Promise<never>; release: () => void } {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  const onSignal = () =>
    reject(
      new Failure('interrupted', {
        code: 'interrupted',
        message: 'the demo was interrupted',
        remedy: 'Everything it started has been ended. Run it again when you like.',
      }),
    )
  for (const name of names) process.on(name, onSignal)
  return {
    interrupted: promise,
    release: () => {
      for (const name of names) process.removeListener(name, onSignal)
    },
  }
}
