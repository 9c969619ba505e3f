/**
 * The demo: a private chain, two node processes, a sale, a lie, and a verdict; then four processes, and a sale between two
 * that do not know each other. Whatever it starts belongs to the estate and ends with it: at the end, on a failure, on
 * Ctrl-C.
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
import type { Party } from './party.ts'
import { createParty } from './party.ts'
import { demoJson, demoTable } from './report.ts'
import { playSale } from './sale-act.ts'
import { writeSampleFile } from './sample-file.ts'
import type { Stage } from './stage.ts'
import { inTokens } from './stage.ts'
import { playStrangers } from './strangers-act.ts'
import { setStrangers } from './strangers-stage.ts'

export type DemoOptions = {
  readonly output: Output
  readonly file?: string
  readonly sampleBytes: number
  readonly chunks: number
  /** Which acts are played: 1 sale, 2 lie, 3 network. */
  readonly acts: ReadonlySet<number>
  /** Pieces that the third act buys the file in. */
  readonly networkChunks: number
  readonly keep: boolean
  /** Leave the network up at the end until a signal comes. */
  readonly stays: boolean
}

/** Resolves with whether every number agrees with the chain, once everything has ended. */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const estate = createEstate()
  const { interrupted, release } = watchSignals()
  try {
    const { left, agrees } = await Promise.race([play(estate, options), interrupted])
    if (options.stays) await stay(left, options.output, interrupted)
    return agrees
  } finally {
    await estate.end()
    release()
  }
}

type Shared = Pick<Stage, 'estate' | 'home' | 'checks' | 'json' | 'say'>
/** Nodes that are up at the end, for the viewer to try. */
type Left = { readonly seller: Party; readonly buyer: Party }

async function play(estate: Estate, options: DemoOptions): Promise<{ left: Left; agrees: boolean }> {
  const { output, acts } = options
  const startedMs = performance.now()
  const shared = prepare(estate, options)
  const file = options.file ?? (await makeFile(shared, options.sampleBytes))
  const pair = acts.has(1) || acts.has(2) ? await playPair(shared, options, file) : undefined
  const four = acts.has(3) ? await playFour(shared, options, file) : undefined
  const left = pair?.left ?? four?.left
  if (left === undefined) throw new Error('no act was played')
  const { checks } = shared
  const seconds = (performance.now() - startedMs) / 1000
  const result = { pair: pair?.result, four: four?.result, checks, seconds }
  output.result(demoJson(result), () => demoTable(result))
  if (options.keep) output.note(`Directories and logs are kept in ${shared.home}`)
  return { left, agrees: checks.agree }
}

/** First and second act. */
async function playPair(shared: Shared, { chunks, acts, stays }: DemoOptions, file: string) {
  const stage = await setTheStage(shared, chunks)
  const { network, seller, buyer } = stage
  const sale = acts.has(1) ? await playSale(stage, { file, chunks }) : undefined
  const cheat = acts.has(2) ? await playCheat(stage) : undefined
  if (stays && acts.has(2)) await buyer.start()
  return { result: { network, sale, cheat }, left: { seller, buyer } }
}

async function playFour(shared: Shared, { networkChunks: chunks }: DemoOptions, file: string) {
  const stage = await setStrangers(shared, chunks)
  const { network, parties } = stage
  const strangers = await playStrangers(stage, { file, chunks })
  return { result: { network, strangers }, left: { seller: parties.D, buyer: parties.A } }
}

async function stay({ seller, buyer }: Left, output: Output, interrupted: Promise<never>): Promise<void> {
  const at = (directory: string) => `npm run tally -- --data-dir ${directory}`
  output.note(
    `The network stays up. In another terminal, try:\n  ${at(seller.directory)} status\n  ${at(buyer.directory)} channel list\nCtrl-C here ends it all.`,
  )
  await interrupted.catch(() => {})
}

function prepare(estate: Estate, { output, keep }: DemoOptions): Shared {
  const home = estate.directory('tally-demo-')
  if (keep) estate.keep(home)
  const say = (sentence: string) => {
    if (!output.json) output.note(sentence)
  }
  return { estate, home, checks: createChecks(), json: output.json, say }
}

async function setTheStage(shared: Shared, chunks: number): Promise<Stage> {
  const { estate, home, say } = shared
  say('Starting a private Ethereum chain, and deploying the bank, the registry and a token.')
  const network = await startNetwork(estate)
  say('Making two parties: each has a data directory, three keys, and a node process of its own.')
  const passphrase = randomBytes(16).toString('hex')
  const [seller, buyer] = await Promise.all([
    createParty(estate, network, 'seller', home, passphrase),
    createParty(estate, network, 'buyer', home, passphrase),
  ])
  const fortune = BigInt(chunks + 100) * network.unit
  await network.endow(seller.account, network.unit)
  await network.endow(buyer.account, fortune)
  const [sellerAddress] = await Promise.all([seller.start(), buyer.start()])
  say(`The buyer has ${inTokens(fortune, network)}, the seller ${inTokens(network.unit, network)}.`)
  return { ...shared, network, seller, buyer, sellerAddress }
}

async function makeFile({ home, say }: Shared, bytes: number): Promise<string> {
  const path = join(home, 'sample.bin')
  say(`Making a file of ${bytes} bytes to sell.`)
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
