import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startAnvil } from '../src/anvil.ts'

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('starts on a port of its own, mines, travels in time, and is gone after stop', async () => {
  const [a, b] = await Promise.all([startAnvil(), startAnvil({ chainId: 5 })])
  expect(a.rpcUrl).not.toBe(b.rpcUrl)
  expect(await b.request('eth_chainId')).toBe('0x5')
  await a.mine(3)
  expect(await a.request('eth_blockNumber')).toBe('0x3')
  const before = (await a.request('eth_getBlockByNumber', ['latest', false])) as { timestamp: string }
  await a.increaseTime(1000)
  const after = (await a.request('eth_getBlockByNumber', ['latest', false])) as { timestamp: string }
  expect(Number(after.timestamp) - Number(before.timestamp)).toBeGreaterThanOrEqual(1000)
  const funded = await a.request('eth_getBalance', [a.accounts[9]?.address, 'latest'])
  expect(BigInt(funded as string)).toBe(10_000n * 10n ** 18n)
  await Promise.all([a.stop(), b.kill()])
  expect(isAlive(a.pid)).toBe(false)
  expect(isAlive(b.pid)).toBe(false)
  await a.stop()
})

test('the state file carries the chain over a restart', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-test-'))
  const statePath = join(directory, 'state.json')
  const first = await startAnvil({ statePath })
  await first.mine(7)
  await first.stop()
  expect(existsSync(statePath)).toBe(true)
  const second = await startAnvil({ statePath })
  expect(await second.request('eth_blockNumber')).toBe('0x7')
  await second.stop()
  rmSync(directory, { recursive: true })
})

test('a process that is killed leaves no anvil and no files behind', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-test-'))
  const module = fileURLToPath(new URL('../src/anvil.ts', import.meta.url))
  const program = `import { startAnvil } from ${JSON.stringify(module)}
    const anvil = await startAnvil(); console.log(anvil.pid); setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: parent.stdout }), 'line')
  const pid = Number(line)
  expect(isAlive(pid)).toBe(true)
  expect(readdirSync(directory)).toHaveLength(1)
  parent.kill('SIGKILL')
  await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false)
  await expect.poll(() => readdirSync(directory), { timeout: 20_000 }).toEqual([])
  rmSync(directory, { recursive: true })
})

test('says what is wrong when anvil does not start', async () => {
  await expect(startAnvil({ mnemonic: 'not a mnemonic' })).rejects.toThrow(/anvil ended/)
})
