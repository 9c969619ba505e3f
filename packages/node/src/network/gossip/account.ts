/** A token bucket: a budget that refills with time. Pure: the time comes in. */

export interface Rate {
  /** The level that it starts at and never exceeds. */
  readonly most: number
  readonly perSecond: number
}

export interface Account {
  level: number
  atMs: number
}

export function openAccount(rate: Rate, nowMs: number): Account {
  return { level: rate.most, atMs: nowMs }
}

/** What is there now. A clock that went back adds nothing. */
export function levelOf(account: Account, rate: Rate, nowMs: number): number {
  const passedMs = Math.max(0, nowMs - account.atMs)
  account.level = Math.min(rate.most, account.level + (passedMs / 1_000) * rate.perSecond)
  account.atMs = nowMs
  return account.level
}

/** Takes `cost` when it is there, all or nothing. */
export function take(account: Account, rate: Rate, cost: number, nowMs: number): boolean {
  if (levelOf(account, rate, nowMs) < cost) return false
  account.level -= cost
  return true
}

/** Takes `cost`, below zero where it is not there. */
export function charge(account: Account, rate: Rate, cost: number, nowMs: number): void {
  levelOf(account, rate, nowMs)
  account.level -= cost
}

export function giveBack(account: Account, rate: Rate, cost: number): void {
  account.level = Math.min(rate.most, account.level + cost)
}
