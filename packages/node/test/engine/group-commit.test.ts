/** The loop: what is released, when, and what never is. */

import { describe, expect, it } from 'vitest'
import { GroupCommit } from '../../src/engine/group-commit.ts'

interface Group {
  readonly inputs: string[]
}

function loopWith(limits = { maxGroupWeight: 1_000, maxSourceWeight: 100 }) {
  const committed: (readonly string[])[] = []
  const released: string[] = []
  const failures: unknown[] = []
  const flushes: { resolve: () => void; reject: (error: Error) => void }[] = []
  const loop = new GroupCommit<string, Group>(
    {
      open: () => ({ inputs: [] }),
      apply(group, input) {
        if (input === 'bug') throw new Error('bug')
        group.inputs.push(input)
      },
      seal: () => {},
      changed: ({ inputs }) => inputs.some((input) => !input.startsWith('read')),
      commit(group) {
        committed.push([...group.inputs])
        return new Promise((resolve, reject) => flushes.push({ resolve, reject }))
      },
      release: (group) => void released.push(...group.inputs),
      failed: (error) => void failures.push(error),
    },
    limits,
  )
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return { loop, committed, released, failures, flushes, turn }
}

describe('the group commit loop', () => {
  it('releases nothing before its commit is durable', async () => {
    const { loop, released, flushes, turn } = loopWith()
    loop.post('a', 'pay', 1)
    await turn()
    expect(released).toEqual([])
    flushes[0]?.resolve()
    await turn()
    expect(released).toEqual(['pay'])
  })

  it('gathers the next group while a commit is in flight, and keeps the order', async () => {
    const { loop, committed, released, flushes, turn } = loopWith()
    loop.post('a', '1', 1)
    await turn()
    for (const input of ['2', '3', '4']) loop.post('a', input, 1)
    await turn()
    expect(committed).toEqual([['1']])
    flushes[0]?.resolve()
    await turn()
    expect(committed).toEqual([['1'], ['2', '3', '4']])
    expect(released).toEqual(['1'])
    flushes[1]?.resolve()
    await turn()
    expect(released).toEqual(['1', '2', '3', '4'])
  })

  it('does not let a read overtake the commit before it', async () => {
    const { loop, released, flushes, turn } = loopWith()
    loop.post('a', 'pay', 1)
    await turn()
    loop.post('a', 'read', 1)
    await turn()
    expect(released).toEqual([])
    flushes[0]?.resolve()
    await turn()
    expect(released).toEqual(['pay', 'read'])
  })

  it('stops for good when a commit fails: nothing of it or after it is released', async () => {
    const { loop, released, failures, flushes, turn } = loopWith()
    loop.post('a', 'pay', 1)
    await turn()
    loop.post('a', 'more', 1)
    flushes[0]?.reject(new Error('disk full'))
    await turn()
    loop.post('a', 'later', 1)
    await turn()
    expect(released).toEqual([])
    expect(failures).toEqual([new Error('disk full')])
    expect(loop.stopped).toBe(true)
    await loop.settled()
  })

  it('stops for good at a bug, without committing what was gathered', async () => {
    const { loop, committed, failures, turn } = loopWith()
    loop.post('a', 'pay', 1)
    loop.post('a', 'bug', 1)
    await turn()
    expect(committed).toEqual([])
    expect(failures).toHaveLength(1)
  })

  it('gives sources turns: a flood delays itself, not the others', async () => {
    const { loop, committed, turn } = loopWith({ maxGroupWeight: 10, maxSourceWeight: 100 })
    for (let i = 0; i < 50; i += 1) loop.post('flood', `flood ${i}`, 1)
    loop.post('quiet', 'pay', 1)
    await turn()
    expect(committed[0]).toHaveLength(10)
    expect(committed[0]).toContain('pay')
  })

  it('tells a source to pause when it has too much waiting, and when it may go on', async () => {
    const { loop, flushes, turn } = loopWith({ maxGroupWeight: 10, maxSourceWeight: 20 })
    let room = 0
    const answers: boolean[] = []
    const onRoom = () => {
      room += 1
    }
    for (let i = 0; i < 25; i += 1) answers.push(loop.post('a', `${i}`, 1, onRoom))
    expect(answers.filter((more) => !more)).toHaveLength(5)
    await turn()
    expect(room).toBe(0)
    flushes[0]?.resolve()
    await turn()
    expect(room).toBe(1)
  })
})
