/** The heap of a node stays near its live data: what its start left is given back, and load brings back only so much. */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const heap = new URL('../src/node/heap.ts', import.meta.url).href
const mebibyte = 2 ** 20

const program = `
  import { getHeapSpaceStatistics } from 'node:v8'
  import { runInNewContext } from 'node:vm'
  import { keepHeapSmall } from '${heap}'

  const young = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size
  let live = []
  /** The least size of the last turns: in between, pages wait to be sorted out. */
  async function work() {
    const sizes = []
    for (let turn = 0; turn < 400; turn++) {
      for (let i = 0; i < 5_000; i++) {
        live.push({ i, half: [i / 2] })
        if (live.length > 400_000) live = live.slice(200_000)
      }
      await new Promise(setImmediate)
      sizes.push(young())
    }
    return Math.min(...sizes.slice(-100))
  }
  const before = await work()
  live = []
  keepHeapSmall()
  const settled = young()
  const after = await work()
  console.log(JSON.stringify({ before, settled, after, exposed: runInNewContext('typeof gc') }))
  process.exit(0)
`

test('the young generation shrinks from what the start made of it, and grows again only so far', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  const { before, settled, after, exposed } = JSON.parse(stdout)
  expect(before).toBeGreaterThan(32 * mebibyte)
  expect(settled).toBeLessThanOrEqual(2 * mebibyte)
  expect(after).toBeGreaterThanOrEqual(8 * mebibyte)
  // One doubling more when two collections fall into one turn.
  expect(after).toBeLessThanOrEqual(32 * mebibyte)
  expect(exposed).toBe('undefined')
})
