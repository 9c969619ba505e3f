/** What the demo claims, each claim beside what the chain (or the disk) says. */

export type Check = {
  readonly claim: string
  readonly claimed: string
  readonly found: string
  readonly agrees: boolean
}

export type Checks = {
  /** Records that `claimed`, which our side says, is also what `found` says. */
  compare(claim: string, claimed: bigint | number | string, found: bigint | number | string): void
  readonly all: readonly Check[]
  readonly agree: boolean
}

export function createChecks(): Checks {
  const all: Check[] = []
  return {
    compare(claim, claimed, found) {
      all.push({
        claim,
        claimed: String(claimed),
        found: String(found),
        agrees: String(claimed) === String(found),
      })
    },
    all,
    get agree() {
      return all.length > 0 && all.every(({ agrees }) => agrees)
    },
  }
}
