/** The heap of a node stays near its live data: what its start left is given back, and it does not come again. */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const heap = new URL('../src/node/heap.ts', import.meta.url).href
const mebibyte = 2 ** 20

const program = `
  import { getHeapSpaceStatistics } from 'node:v8'
  import { keepHeapSmall } from '${heap}'

  const young = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size
  let live = []
  function work() {
    for (let i = 0; i < 2_000_000; i++) {
      live.push({ i, half: [i / 2] })
      if (live.length > 100_000) live = live.slice(50_000)
    }
    return young()
  }
  const grown = work()
  live = []
  keepHeapSmall()
  const settled = young()
  console.log(JSON.stringify({ grown, settled, later: work(), exposed: typeof globalThis.gc }))
`

test('the young generation shrinks from what the start made of it, and stays there under load', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  const { grown, settled, later, exposed } = JSON.parse(stdout)
  expect(grown).toBeGreaterThan(16 * mebibyte)
  expect(settled).toBe(8 * mebibyte)
  expect(later).toBe(8 * mebibyte)
  expect(exposed).toBe('undefined')
})
