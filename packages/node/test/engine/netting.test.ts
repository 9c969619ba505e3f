/** An agreement to net what several parties owe is one settlement: docs/spec/joint.md JP-50. */

import { describe, expect, it } from 'vitest'
import type { Hex } from '../../src/engine/service.ts'
import { announcedLine, gainsOf, type NodeLine, nodeAt } from './network-rig.ts'
import { eventually } from './rig.ts'

async function signersOf({ nodes }: NodeLine): Promise<readonly Hex[]> {
  return Promise.all(nodes.map(async ({ service }) => (await service.status()).signer))
}

async function settledGains(line: NodeLine): Promise<readonly bigint[]> {
  return eventually(async () => {
    const views = await Promise.all(line.nodes.map(({ service }) => service.listChannels()))
    const pending = views.flat().some(({ lockedMine, lockedTheirs }) => lockedMine + lockedTheirs > 0n)
    return pending ? undefined : await gainsOf(line)
  }, 'every lock is gone')
}

const NO_AGREEMENT = { code: 'JOINT_FAILED' }

describe('what was agreed to once', () => {
  it('is settled once, however often it is asked; agreeing again allows one more', async () => {
    const line = await announcedLine(3)
    const [first, second, third] = [nodeAt(line, 0), nodeAt(line, 1), nodeAt(line, 2)]
    const [a = '0x', b = '0x', c = '0x'] = await signersOf(line)
    const obligations = [
      { from: a, to: c, amount: 50n },
      { from: b, to: c, amount: 5n },
    ]
    const request = { token: line.world.token, obligations }
    await second.service.agreeToNetting(request)
    await third.service.agreeToNetting(request)
    await first.service.settleNetting(request)
    expect(await settledGains(line)).toEqual([-50n, -5n, 55n])
    await expect(first.service.settleNetting(request)).rejects.toMatchObject(NO_AGREEMENT)
    expect(await settledGains(line)).toEqual([-50n, -5n, 55n])

    // One that agrees anew does not make the others pay.
    await third.service.agreeToNetting(request)
    await expect(first.service.settleNetting(request)).rejects.toMatchObject(NO_AGREEMENT)
    expect(await settledGains(line)).toEqual([-50n, -5n, 55n])
    await second.service.agreeToNetting(request)
    await first.service.settleNetting(request)
    expect(await settledGains(line)).toEqual([-100n, -10n, 110n])
  })

  it('is settled once, however many settle it at the same time', async () => {
    const line = await announcedLine(3)
    const [first, second, third] = [nodeAt(line, 0), nodeAt(line, 1), nodeAt(line, 2)]
    const [a = '0x', , c = '0x'] = await signersOf(line)
    const request = { token: line.world.token, obligations: [{ from: a, to: c, amount: 50n }] }
    await second.service.agreeToNetting(request).catch(() => undefined)
    await third.service.agreeToNetting(request)
    const attempts = await Promise.allSettled([1, 2, 3].map(() => first.service.settleNetting(request)))
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await settledGains(line)).toEqual([-50n, 0n, 50n])
  })
})
