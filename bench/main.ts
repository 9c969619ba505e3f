/**
 * `npm run bench [-- --json] [--only name,name]`: every figure beside the limits of the same machine
 * and beside its peers, all measured in this one run. Installs the peers on first use, here, so that
 * the product never does.
 */
import { installPeers } from './install.ts'
import type { Figure } from './measure.ts'

const args = process.argv.slice(2)
const json = args.includes('--json')
const only = args[args.indexOf('--only') + 1]?.split(',')
const wanted = (name: string) => !args.includes('--only') || only?.includes(name) === true

installPeers()
// Imported only now: the peers may just have been installed.
const { figures } = await import('./figures.ts')

const width = 12
for await (const figure of figures(wanted))
  process.stdout.write(json ? `${JSON.stringify(figure)}\n` : `${line(figure)}\n`)
process.exit(0)

function line({ name, unit, median, ratios, note }: Figure): string {
  const beside = Object.entries(ratios ?? {}).map(([what, ratio]) => `${ratio} of ${what}`)
  const rest = [...beside, ...(note === undefined ? [] : [note])].join('; ')
  return `${name.padEnd(width)} ${median.toLocaleString('en').padStart(width)} ${unit.padEnd(width)} ${rest}`.trimEnd()
}
