import { describe, expect, it } from 'vitest'
import { table } from '../src/output.ts'

describe('a table', () => {
  it('has its columns as wide as a terminal shows their widest cells', () => {
    const rows = [
      ['A', 'one'],
      ['甲', 'two'],
      ['甲乙', 'three'],
    ]
    expect(table(rows).split('\n')).toEqual(['A     one', '甲    two', '甲乙  three'])
  })
})
