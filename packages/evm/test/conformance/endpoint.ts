/** What every chain port must keep when its endpoint is lost, comes back, lags, lies, or is of another chain. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlockRef, ChainFact } from '@tallystick/protocol'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startAnvil } from '../../src/anvil.ts'
import { deposit, isLost, isSeen, salts } from '../support/deposits.ts'
import { record } from '../support/recorder.ts'
import type { Fate } from '../support/rpc-proxy.ts'
import { NATIVE, type World } from '../support/world.ts'

export function endpointConformance(makeWorld: (options?: { statePath?: string }) => Promise<World>): void {
  describe('the endpoint', () => {
    test('is lost and comes back: a typed status, and nothing is missed', async () => {
      const world = await makeWorld()
      const funder = world.port({ rpcUrl: world.anvil.rpcUrl })
      const port = world.port()
      const recorder = record(port)
      await recorder.until('life', (fact) => fact.kind === 'health' && fact.health.state === 'live')
      world.proxy.onCall(() => 'drop')
      const lost = await recorder.until('loss', isLost)
      expect(lost).toMatchObject({
        health: { error: { code: 'rpc_unavailable', field: 'rpcUrl', consequence: 'retry' } },
      })
      expect(port.health().state).toBe('lost')
      for (const salt of [1n, 2n]) await deposit(funder, world, salt)
      await world.anvil.mine(3)
      world.proxy.onCall(() => 'pass')
      await recorder.when('both deposits', () => recorder.finalEvents().length === 2)
      expect(salts(recorder.finalEvents())).toEqual([1n, 2n])
      const isLiveAgain = (facts: readonly ChainFact[]) => {
        const last = facts.findLast(({ kind }) => kind === 'health')
        return last?.kind === 'health' && last.health.state === 'live'
      }
      await recorder.when('life again', isLiveAgain)
    })

    test('is a node that is stopped and started again from its files: nothing is missed', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'tallystick-test-'))
      onTestFinished(() => rmSync(directory, { recursive: true }))
      const statePath = join(directory, 'state.json')
      const world = await makeWorld({ statePath })
      const port = world.port()
      const recorder = record(port)
      await deposit(port, world, 1n)
      await recorder.until('the deposit', isSeen)
      await world.anvil.stop()
      await recorder.until('loss', isLost)
      const again = await startAnvil({ statePath })
      onTestFinished(() => again.stop())
      world.proxy.pointAt(again.rpcUrl)
      await deposit(world.port(), world, 2n)
      await again.mine(2)
      await recorder.when('both deposits', () => recorder.finalEvents().length === 2)
      expect(salts(recorder.finalEvents())).toEqual([1n, 2n])
      expect(recorder.facts.some(({ kind }) => kind === 'rewound')).toBe(false)
    })

    test('that does not answer at all is lost after the time-out', async () => {
      const world = await makeWorld()
      const port = world.port({ requestTimeoutMs: 200 })
      const recorder = record(port)
      await recorder.until('life', (fact) => fact.kind === 'health' && fact.health.state === 'live')
      world.proxy.onCall(() => 'hang')
      expect(await recorder.until('loss', isLost)).toMatchObject({
        health: { error: { code: 'rpc_unavailable' } },
      })
    })

    test('that does not answer holds up nobody who stops: what is asked of it ends', async () => {
      const world = await makeWorld()
      const port = world.port({ requestTimeoutMs: 3_600_000 })
      await expect(port.balance(world.token, NATIVE, 'head')).resolves.toBe(0n)
      const asked = new Promise((resolve) =>
        world.proxy.onCall(() => {
          resolve(undefined)
          return 'hang'
        }),
      )
      const answer = port.balance(world.token, NATIVE, 'head')
      const ended = expect(answer).rejects.toMatchObject({ code: 'stopped' })
      await asked
      await port.stop()
      await ended
    })

    test.each<[string, Fate]>([
      ['no JSON', { body: '<html>502 Bad Gateway</html>' }],
      ['nothing', { body: '' }],
      ['null', { body: 'null' }],
      ['an empty object', { body: '{}' }],
      ['a list', { body: '[]' }],
      ['a number', { body: '{"jsonrpc":"2.0","id":1,"result":17}' }],
      ['a wrong shape', { result: { number: 'x', hash: 5, parentHash: null, timestamp: [] } }],
      ['an error without a message', { body: '{"jsonrpc":"2.0","id":1,"error":{}}' }],
      ['an error of another type', { body: '{"jsonrpc":"2.0","id":1,"error":"no"}' }],
    ])('that answers %s: typed, the process stays up, nothing is missed', async (_, fate) => {
      const world = await makeWorld()
      const port = world.port()
      const recorder = record(port)
      await recorder.until('life', (fact) => fact.kind === 'health' && fact.health.state === 'live')
      world.proxy.onCall(() => fate)
      const lost = await recorder.until('loss', isLost)
      if (lost.kind !== 'health' || lost.health.state !== 'lost') throw new Error('not lost')
      expect(['rpc_garbage', 'rpc_unavailable']).toContain(lost.health.error.code)
      expect(lost.health.error.remedy).not.toBe('')
      await deposit(world.port({ rpcUrl: world.anvil.rpcUrl }), world, 1n)
      await world.anvil.mine(2)
      world.proxy.onCall(() => 'pass')
      await recorder.when('the deposit', () => recorder.finalEvents().length === 1)
    })

    test.each<[string, (logs: Record<string, unknown>[]) => unknown]>([
      ['of another contract', (logs) => logs.map((log) => ({ ...log, address: NATIVE }))],
      ['of another block', (logs) => logs.map((log) => ({ ...log, blockHash: `0x${'11'.repeat(32)}` }))],
      ['that do not decode', (logs) => logs.map((log) => ({ ...log, data: '0x00' }))],
      ['without topics', (logs) => logs.map((log) => ({ ...log, topics: [] }))],
      ['twice', (logs) => [...logs, ...logs]],
      ['as nonsense', () => 'none'],
    ])('that gives logs %s is not believed', async (_, change) => {
      const world = await makeWorld()
      const port = world.port()
      const recorder = record(port)
      await recorder.until('life', (fact) => fact.kind === 'health' && fact.health.state === 'live')
      world.proxy.onResult(({ method }, result) => {
        const isTold = method === 'eth_getLogs' && (result as unknown[]).length > 0
        return isTold ? change(result as Record<string, unknown>[]) : result
      })
      await deposit(world.port({ rpcUrl: world.anvil.rpcUrl }), world, 1n)
      await world.anvil.mine(2)
      expect(await recorder.until('loss', isLost)).toMatchObject({
        health: { error: { code: 'rpc_garbage' } },
      })
      expect(recorder.facts.some(isSeen)).toBe(false)
      world.proxy.onResult(undefined)
      await recorder.when('the deposit', () => recorder.finalEvents().length === 1)
      expect(salts(recorder.finalEvents())).toEqual([1n])
    })

    test('that answers reads with nonsense, and questions that make no sense: typed', async () => {
      const world = await makeWorld()
      const port = world.port()
      const id: `0x${string}` = `0x${'01'.repeat(32)}`
      await expect(port.channel('0x01', 'head')).rejects.toMatchObject({ code: 'invalid_argument' })
      await expect(port.balance(world.token, '0x', 'head')).rejects.toMatchObject({
        code: 'invalid_argument',
      })
      const gone: BlockRef = { number: 1n, hash: id, timestampSeconds: 0n }
      await expect(port.channel(id, gone)).rejects.toMatchObject({ code: 'state_unavailable' })
      for (const nonsense of [17, null, 'x', {}, []]) {
        world.proxy.onResult(({ method }, result) => (method === 'eth_call' ? nonsense : result))
        await expect(port.channel(id, 'head')).rejects.toMatchObject({ code: 'rpc_garbage' })
        await expect(port.resolvedAt(id, 'final')).rejects.toMatchObject({ code: 'rpc_garbage' })
      }
      world.proxy.onCall(() => 'drop')
      await expect(port.claimable(NATIVE, NATIVE, 'head')).rejects.toMatchObject({ code: 'rpc_unavailable' })
    })

    test('that shows a chain without links is not believed', async () => {
      const world = await makeWorld()
      const port = world.port()
      const recorder = record(port)
      await recorder.until('life', (fact) => fact.kind === 'health' && fact.health.state === 'live')
      world.proxy.onResult(({ method }, result) =>
        method === 'eth_getBlockByNumber'
          ? { ...(result as object), parentHash: `0x${'22'.repeat(32)}` }
          : result,
      )
      await deposit(world.port({ rpcUrl: world.anvil.rpcUrl }), world, 1n)
      expect(await recorder.until('loss', isLost)).toMatchObject({
        health: { error: { code: 'state_unavailable' } },
      })
      expect(recorder.facts.some(isSeen)).toBe(false)
      world.proxy.onResult(undefined)
      await world.anvil.mine(2)
      await recorder.when('the deposit', () => recorder.finalEvents().length === 1)
    })

    test('of another chain, or without our contracts: wrong, with what to correct, until it is put right', async () => {
      const world = await makeWorld()
      const port = world.port()
      world.proxy.onResult(({ method }, result) => (method === 'eth_chainId' ? '0x1' : result))
      const recorder = record(port)
      const wrong = await recorder.until('the wrong chain', ({ kind }) => kind === 'health')
      expect(wrong).toMatchObject({
        health: { state: 'wrong', error: { code: 'wrong_chain', field: 'rpcUrl' } },
      })
      world.proxy.onResult(({ method }, result) => (method === 'eth_getCode' ? '0x' : result))
      await expect(port.verify()).rejects.toMatchObject({ code: 'wrong_contract', field: 'bank' })
      const [ours, theirs] = ['Tallystick', 'Tollystick'].map((name) => Buffer.from(name).toString('hex'))
      world.proxy.onResult((_, result) =>
        typeof result === 'string' ? result.replace(ours ?? '', theirs ?? '') : result,
      )
      await expect(port.verify()).rejects.toMatchObject({ code: 'wrong_contract' })
      world.proxy.onResult(undefined)
      await recorder.until('life', (fact) => fact.kind === 'health' && fact.health.state === 'live')
      const swapped = world.port({ bank: world.registry, registry: world.bank })
      await expect(swapped.verify()).rejects.toMatchObject({ code: 'wrong_contract' })
      const token = world.port({ bank: world.token })
      await expect(token.verify()).rejects.toMatchObject({ code: 'wrong_contract', field: 'bank' })
    })
  })
}
