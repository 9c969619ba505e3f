/**
 * Where a text with a wrong bech32m checksum is damaged. Only points: a text is never mended here, because a mended
 * invoice could be another one. Source: BIP 173 ("Checksum design": the code finds one wrong character in up to 1,023), BIP 350.
 */

/** Of BIP 350; a text of the older bech32 (BIP 173) leaves 1. */
const BECH32M = 0x2bc830a3
const BECH32 = 1
const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
/** Beyond this, several places fit and none is worth naming. */
const MAX_CANDIDATES = 4

export type Damage =
  | { readonly kind: 'none' }
  /** The checksum is one of bech32, the older code. */
  | { readonly kind: 'bech32' }
  /** Indices into `words`: one of them is wrong, or the two were swapped. */
  | { readonly kind: 'characters'; readonly at: readonly number[] }
  | { readonly kind: 'unknown' }

/** `words` are the characters after the separator, checksum included, as 0 to 31. Time grows with their number only. */
export function findDamage(prefix: string, words: readonly number[]): Damage {
  const syndrome = remainder([...expanded(prefix), ...words]) ^ BECH32M
  if (syndrome === 0) return { kind: 'none' }
  if (syndrome === (BECH32M ^ BECH32)) return { kind: 'bech32' }
  const { substituted, swapped } = candidates(words, syndrome)
  const at = substituted.length > 0 ? substituted : swapped
  return at.length > 0 && at.length <= MAX_CANDIDATES ? { kind: 'characters', at } : { kind: 'unknown' }
}

/**
 * The places where one other character, and the neighbours that if swapped back, would leave this syndrome. `errors[e]` is
 * what adding `e` to the character at `at` does to the remainder: e * x^k for the k characters after it.
 */
function candidates(words: readonly number[], syndrome: number) {
  const substituted: number[] = []
  const swapped: number[] = []
  let errors = Array.from({ length: 32 }, (_, e) => e)
  for (let at = words.length - 1; at >= 0; at -= 1) {
    const before = errors.map(multiplied)
    if (errors.includes(syndrome)) substituted.unshift(at)
    const difference = at === 0 ? 0 : (words[at] ?? 0) ^ (words[at - 1] ?? 0)
    if (((errors[difference] ?? 0) ^ (before[difference] ?? 0)) === syndrome) swapped.unshift(at - 1, at)
    errors = before
  }
  return { substituted, swapped }
}

function expanded(prefix: string): readonly number[] {
  const codes = Array.from(prefix, (character) => character.charCodeAt(0))
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)]
}

function remainder(values: readonly number[]): number {
  let check = 1
  for (const value of values) check = multiplied(check) ^ value
  return check
}

/** One step of BIP 173's polymod: times x, modulo the generator. */
function multiplied(check: number): number {
  const top = check >> 25
  let next = (check & 0x1ffffff) << 5
  for (let i = 0; i < GENERATORS.length; i += 1) if ((top >> i) & 1) next ^= GENERATORS[i] ?? 0
  return next
}
