/** What every chain port must keep about submissions: one transaction a key, crashes, rivals, allowances. */

import type { ChainCall, SubmissionJournal } from '@tallystick/protocol'
import type { Hex } from 'viem'
import { describe, expect, test } from 'vitest'
import { createMemoryJournal, deployBytecode, mintTestToken } from '../../src/index.ts'
import { depositOf, fundCall, nonceOf } from '../support/deposits.ts'
import { compileStrictToken } from '../support/strict-token.ts'
import { submit } from '../support/submission.ts'
import { NATIVE, type World } from '../support/world.ts'

export function submittingConformance(makeWorld: (options?: { noMining?: boolean }) => Promise<World>): void {
  describe('a submission', () => {
    test('is seen when included and resolves when final', async () => {
      const world = await makeWorld()
      const port = world.port()
      const submission = submit(port, fundCall(world, 1n), 'a')
      const { block, reverted } = await submission.until('seen')
      expect(reverted).toBe(false)
      let isDone = false
      submission.result.then(() => {
        isDone = true
      })
      await world.anvil.mine()
      const calls = world.proxy.calls.length
      await expect.poll(() => world.proxy.calls.length - calls, { timeout: 30_000 }).toBeGreaterThan(20)
      expect(isDone).toBe(false)
      await world.anvil.mine()
      const result = await submission.result
      expect(result.block).toEqual(block)
      expect(result.events).toMatchObject([{ name: 'Funded', amount: 5n, party: 0 }])
      expect(result.feePaid).toBeGreaterThan(result.gasUsed)
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('many at once are sent with nonces in a row', async () => {
      const world = await makeWorld()
      const port = world.port()
      const before = await nonceOf(world, port.account)
      const submissions = Array.from({ length: 20 }, (_, i) =>
        submit(port, fundCall(world, BigInt(i)), `many ${i}`),
      )
      await Promise.all(submissions.map((submission) => submission.until('seen')))
      await world.anvil.mine(2)
      const results = await Promise.all(submissions.map(({ result }) => result))
      expect(new Set(results.map(({ transactionHash }) => transactionHash)).size).toBe(20)
      expect(await nonceOf(world, port.account)).toBe(before + 20)
    })

    test('with the same key is the same one, at the same time, later, and after a restart', async () => {
      const world = await makeWorld()
      const journal = createMemoryJournal()
      const first = world.port({ journal })
      const [a, b] = [submit(first, fundCall(world, 1n), 'same'), submit(first, fundCall(world, 1n), 'same')]
      await Promise.all([a.until('seen'), b.until('seen')])
      await world.anvil.mine(2)
      const result = await a.result
      expect(await b.result).toEqual(result)
      expect(await submit(first, fundCall(world, 1n), 'same').result).toEqual(result)
      await first.stop()
      const second = world.port({ journal })
      expect(await submit(second, fundCall(world, 1n), 'same').result).toEqual(result)
      expect(await depositOf(world, 1n)).toBe(5n)
      await expect(submit(second, fundCall(world, 1n, 6n), 'same').result).rejects.toMatchObject({
        code: 'invalid_argument',
        field: 'key',
      })
    })

    test('that the contract refuses says why, leaves no trace, and its key can be used again', async () => {
      const world = await makeWorld()
      const port = world.port()
      const before = await nonceOf(world, port.account)
      const { owner, ...rest } = world.params(1n, NATIVE)
      const nobody = { ...rest, owner: [owner[0], NATIVE] as const }
      await expect(
        submit(port, { kind: 'fund', params: nobody, party: 0, amount: 5n }, 'k').result,
      ).rejects.toMatchObject({
        code: 'refused_by_contract',
        field: 'owner[1]',
        contractError: { name: 'ZeroAddress' },
        consequence: 'fix',
      })
      expect(await nonceOf(world, port.account)).toBe(before)
      const again = submit(port, fundCall(world, 1n), 'k')
      await again.until('seen')
      await world.anvil.mine(2)
      await again.result
      expect(await nonceOf(world, port.account)).toBe(before + 1)
    })

    test('with a value that does not fit its type names the call', async () => {
      const world = await makeWorld()
      const port = world.port()
      for (const amount of [-1n, 1n << 128n]) {
        await expect(submit(port, fundCall(world, 1n, amount), 'k').result).rejects.toMatchObject({
          code: 'invalid_argument',
          field: 'call.fund',
        })
      }
      const short: ChainCall = {
        kind: 'withdraw',
        params: world.params(1n),
        party: 0,
        total: 1n,
        validUntil: 1n,
        signatures: ['0x12', '0x34'],
      }
      await expect(port.simulate(short)).rejects.toMatchObject({
        code: 'invalid_argument',
        field: 'signature',
      })
    })

    test('that is included and reverts says so at once and rejects when final', async () => {
      const world = await makeWorld()
      const journal = createMemoryJournal()
      const port = world.port({ journal })
      const preimage: Hex = `0x${'07'.repeat(32)}`
      const closed = world.params(3n, NATIVE)
      const opened = submit(port, { kind: 'fund', params: closed, party: 0, amount: 9n }, 'open')
      await opened.until('seen')
      await world.anvil.setAutomine(false)
      // Two closes of one channel: both pass simulation, the second reverts.
      const close = submit(port, { kind: 'closeBlind', params: closed, party: 0 }, 'close')
      await close.until('sent')
      const other = world.port({ privateKey: world.owners[1].privateKey })
      const second = submit(other, { kind: 'closeBlind', params: closed, party: 1 }, 'close too')
      await second.until('sent')
      const harmless = submit(port, { kind: 'resolve', resolutions: [{ kind: 'hash', preimage }] }, 'reveal')
      await harmless.until('sent')
      await world.anvil.mine()
      const seen = await Promise.all([close.until('seen'), second.until('seen')])
      expect(seen.map(({ reverted }) => reverted).toSorted()).toEqual([false, true])
      await world.anvil.mine(2)
      await harmless.result
      const outcomes = await Promise.allSettled([close.result, second.result])
      const rejected = outcomes.find(({ status }) => status === 'rejected')
      expect(rejected).toMatchObject({
        reason: { code: 'reverted', contractError: { name: 'WrongStatus' }, consequence: 'final' },
      })
      const [loser, key, party] =
        outcomes[0].status === 'rejected' ? [port, 'close', 0] : [other, 'close too', 1]
      // It did nothing and never will, so the same intention may be tried again under its key.
      const again = submit(loser, { kind: 'closeBlind', params: closed, party: party === 0 ? 0 : 1 }, key)
      await expect(again.result).rejects.toMatchObject({ code: 'refused_by_contract' })
      const useful = submit(loser, fundCall(world, 4n), key)
      await useful.until('sent')
      await world.anvil.mine(3)
      expect((await useful.result).events).toMatchObject([{ name: 'Funded' }])
    })

    test('that its caller gives up is not lost: the same key finds it again', async () => {
      const world = await makeWorld()
      const port = world.port()
      await world.anvil.setAutomine(false)
      const controller = new AbortController()
      const first = submit(port, fundCall(world, 1n), 'k', controller.signal)
      await first.until('sent')
      controller.abort()
      await expect(first.result).rejects.toMatchObject({ code: 'aborted' })
      await world.anvil.mine(4)
      await submit(port, fundCall(world, 1n), 'k').result
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('that is given up before it is signed never happens', async () => {
      const world = await makeWorld()
      const port = world.port()
      const before = await nonceOf(world, port.account)
      world.proxy.onCall(() => 'drop')
      const controller = new AbortController()
      const waiting = submit(port, fundCall(world, 1n), 'k', controller.signal)
      expect(await waiting.until('waiting')).toMatchObject({ error: { code: 'rpc_unavailable' } })
      controller.abort()
      await expect(waiting.result).rejects.toMatchObject({ code: 'aborted' })
      world.proxy.onCall(() => 'pass')
      const other = submit(port, fundCall(world, 2n), 'other')
      await other.until('seen')
      expect(await nonceOf(world, port.account)).toBe(before + 1)
      expect(await depositOf(world, 1n)).toBe(0n)
    })
  })

  describe('crashes and rivals', () => {
    test('signed, journalled and never sent: the next life sends the same bytes', async () => {
      const world = await makeWorld()
      const journal = createMemoryJournal()
      const first = world.port({ journal })
      const sent: unknown[] = []
      world.proxy.onCall(({ method, params }) => {
        if (method !== 'eth_sendRawTransaction') return 'pass'
        sent.push(params[0])
        return 'drop'
      })
      await submit(first, fundCall(world, 1n), 'k').until('waiting')
      await first.stop()
      expect(await depositOf(world, 1n)).toBe(0n)
      world.proxy.onCall(({ method, params }) => {
        if (method === 'eth_sendRawTransaction') sent.push(params[0])
        return 'pass'
      })
      // Nobody asks for it: a signed transaction goes on by itself, because its nonce blocks all later ones.
      const second = world.port({ journal })
      await expect.poll(() => depositOf(world, 1n), { timeout: 30_000 }).toBe(5n)
      await world.anvil.mine(2)
      await submit(second, fundCall(world, 1n), 'k').result
      expect(new Set(sent).size).toBe(1)
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('what the journal refuses is never sent', async () => {
      const world = await makeWorld()
      const failure = new Error('disk full')
      const journal: SubmissionJournal = { load: async () => [], save: () => Promise.reject(failure) }
      const port = world.port({ journal })
      await expect(submit(port, fundCall(world, 1n), 'k').result).rejects.toBe(failure)
      expect(world.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')).toEqual([])
    })

    test('killed before its inclusion was noticed: the next life finds it and pays nothing twice', async () => {
      const world = await makeWorld({ noMining: true })
      const journal = createMemoryJournal()
      const first = world.port({ journal })
      await submit(first, fundCall(world, 1n), 'k').until('sent')
      await first.stop()
      await world.anvil.mine(4)
      const second = world.port({ journal })
      const before = await nonceOf(world, second.account)
      await submit(second, fundCall(world, 1n), 'k').result
      expect(await nonceOf(world, second.account)).toBe(before)
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('the same account used elsewhere takes the nonce: sent again with another, and only once', async () => {
      const world = await makeWorld({ noMining: true })
      const port = world.port()
      const submission = submit(port, fundCall(world, 1n), 'k')
      const { transactionHash, nonce } = await submission.until('sent')
      await world.anvil.request('anvil_dropTransaction', [transactionHash])
      world.proxy.onCall(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'))
      const rival = world.port({ rpcUrl: world.anvil.rpcUrl })
      const transfer = submit(
        rival,
        { kind: 'transfer', token: NATIVE, to: world.stranger.address, amount: 1n },
        'r',
      )
      expect((await transfer.until('sent')).nonce).toBe(nonce)
      await world.anvil.mine(3)
      world.proxy.onCall(() => 'pass')
      const second = await submission.until('sent', (progress) => progress.nonce > nonce)
      expect(second.nonce).toBe(nonce + 1)
      await world.anvil.mine(3)
      await submission.result
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('a deposit whose nonce was taken waits until that is final before it gets another', async () => {
      const world = await makeWorld({ noMining: true })
      const port = world.port({ finality: { kind: 'depth', blocks: 8 } })
      const submission = submit(port, fundCall(world, 1n), 'k')
      const { transactionHash, nonce } = await submission.until('sent')
      await world.anvil.request('anvil_dropTransaction', [transactionHash])
      world.proxy.onCall(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'))
      const rival = world.port({ rpcUrl: world.anvil.rpcUrl })
      submit(rival, { kind: 'transfer', token: NATIVE, to: world.stranger.address, amount: 1n }, 'r')
      await expect
        .poll(() => world.anvil.request('txpool_status'), { timeout: 30_000 })
        .toMatchObject({ pending: '0x1' })
      await world.anvil.mine(7)
      world.proxy.onCall(() => 'pass')
      const calls = world.proxy.calls.length
      await expect.poll(() => world.proxy.calls.length - calls, { timeout: 30_000 }).toBeGreaterThan(30)
      expect(submission.progress.filter(({ stage }) => stage === 'sent')).toHaveLength(1)
      await world.anvil.mine(2)
      const second = await submission.until('sent', (progress) => progress.nonce > nonce)
      expect(second.nonce).toBe(nonce + 1)
    })

    test('an endpoint that has no receipts is no proof that a deposit was not included: it is not made again', async () => {
      const world = await makeWorld({ noMining: true })
      const port = world.port()
      const submission = submit(port, fundCall(world, 1n), 'k')
      await submission.until('sent')
      world.proxy.onResult(({ method }, result) => (method === 'eth_getTransactionReceipt' ? null : result))
      await world.anvil.mine(6)
      const calls = world.proxy.calls.length
      await expect.poll(() => world.proxy.calls.length - calls, { timeout: 30_000 }).toBeGreaterThan(40)
      await world.anvil.mine(2)
      expect(submission.progress.map(({ stage }) => stage)).toEqual(['sent'])
      world.proxy.onResult(undefined)
      await submission.result
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('the endpoint is away from before the call until after: it is only later', async () => {
      const world = await makeWorld()
      const port = world.port()
      world.proxy.onCall(() => 'drop')
      const submission = submit(port, fundCall(world, 1n), 'k')
      await submission.until('waiting')
      world.proxy.onCall(() => 'pass')
      await submission.until('seen')
      world.proxy.onCall(() => ({ body: 'nonsense' }))
      await submission.until('waiting', ({ error }) => error.code === 'rpc_garbage')
      await world.anvil.mine(2)
      world.proxy.onCall(() => 'pass')
      await submission.result
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('stopping the port ends what waits', async () => {
      const world = await makeWorld({ noMining: true })
      const port = world.port()
      const submission = submit(port, fundCall(world, 1n), 'k')
      await submission.until('sent')
      await port.stop()
      await expect(submission.result).rejects.toMatchObject({ code: 'stopped' })
      await expect(port.submit(fundCall(world, 2n), { key: 'l' })).rejects.toMatchObject({ code: 'stopped' })
    })
  })

  describe('allowances', () => {
    test('are exactly what the deposit takes, and nothing is left', async () => {
      const world = await makeWorld()
      const port = world.port()
      const deposits = [1n, 2n, 3n].map((salt) =>
        submit(port, fundCall(world, salt, 100n + salt, world.token), `k${salt}`),
      )
      await Promise.all(deposits.map((submission) => submission.until('seen')))
      expect(await port.allowance(world.token, port.account, 'head')).toBe(0n)
      expect(await depositOf(world, 3n, world.token)).toBe(103n)
      await world.anvil.mine(2)
      await Promise.all(deposits.map(({ result }) => result))
    })

    test('that suffice already are used as they are', async () => {
      const world = await makeWorld()
      const port = world.port()
      await submit(port, { kind: 'approve', token: world.token, amount: 1_000n }, 'mine').until('seen')
      const before = await nonceOf(world, port.account)
      await submit(port, fundCall(world, 1n, 400n, world.token), 'k').until('seen')
      expect(await nonceOf(world, port.account)).toBe(before + 1)
      expect(await port.allowance(world.token, port.account, 'head')).toBe(600n)
    })

    test('more than the account has: refused with the sum that is missing, and no allowance is given', async () => {
      const world = await makeWorld()
      const port = world.port()
      await expect(
        submit(port, fundCall(world, 1n, 1_000_001n, world.token), 'k').result,
      ).rejects.toMatchObject({
        code: 'insufficient_token_funds',
        remedy: expect.stringContaining('at least 1 base units'),
      })
      expect(await port.allowance(world.token, port.account, 'head')).toBe(0n)
    })

    test('a token that answers nothing and changes an allowance only through zero', async () => {
      const world = await makeWorld()
      const port = world.port()
      const deploy = { rpcUrl: world.anvil.rpcUrl, privateKey: world.stranger.privateKey }
      const token = await deployBytecode(deploy, compileStrictToken())
      await mintTestToken(deploy, token, port.account, 1_000n)
      await submit(port, { kind: 'approve', token, amount: 10n }, 'too little').until('seen')
      await submit(port, fundCall(world, 1n, 400n, token), 'k').until('seen')
      expect(await depositOf(world, 1n, token)).toBe(400n)
      expect(await port.allowance(token, port.account, 'head')).toBe(0n)
      expect(await port.token(token)).toMatchObject({ name: 'Strict[31m', symbol: 'STR', decimals: 6 })
    })

    test('something that is no token: typed', async () => {
      const world = await makeWorld()
      const port = world.port()
      for (const address of [world.stranger.address, world.registry]) {
        await expect(submit(port, fundCall(world, 1n, 1n, address), 'k').result).rejects.toMatchObject({
          code: 'not_a_token',
          field: 'token',
        })
        await expect(port.token(address)).rejects.toMatchObject({ code: 'not_a_token' })
      }
      expect(await port.token(world.token)).toMatchObject({
        name: 'Tallystick Test Token',
        symbol: 'TEST',
        decimals: 0,
      })
    })
  })
}
