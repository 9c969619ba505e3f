/**
 * Hosts: DNS names, IPv4 and IPv6 addresses, each with one text (IV-30 to IV-32). ASCII only: a name in another script comes as
 * punycode (`xn--`) and is shown as that, so no two hosts look alike. A name whose last label is a number is refused,
 * because URL parsers read it as an IPv4 address.
 * Source: RFC 1123 section 2.1 (names), RFC 5952 (IPv6 text), WHATWG URL "ends in a number".
 */

export type Host =
  | { readonly kind: 'name'; readonly text: string }
  /** 4 bytes. */
  | { readonly kind: 'ipv4'; readonly text: string; readonly bytes: Uint8Array }
  /** 16 bytes; `text` is without brackets. */
  | { readonly kind: 'ipv6'; readonly text: string; readonly bytes: Uint8Array }

export const MAX_HOST_CHARACTERS = 253

/** The host in its one form (names in lower case), or what is wrong with it, as text. IPv6 without brackets. */
export function parseHost(text: string): Host | string {
  if (!/^[\x21-\x7e]*$/.test(text)) return 'not ASCII: write an international name as punycode, xn--...'
  const lower = text.toLowerCase()
  if (lower.includes(':')) return parseIpv6(lower)
  if (/^[0-9.]+$/.test(lower)) return parseIpv4(lower)
  return parseName(lower)
}

/** As it stands in a URI: IPv6 in brackets. */
export function hostInUri(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

export function ipv4Text(bytes: Uint8Array): string {
  return Array.from(bytes).join('.')
}

/** RFC 5952: no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
export function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  let [start, length] = [0, 1]
  for (let i = 0; i < 8; i += 1) {
    let end = i
    while (end < 8 && groups[end] === 0) end += 1
    if (end - i > length) [start, length] = [i, end - i]
  }
  const text = (some: readonly number[]) => some.map((group) => group.toString(16)).join(':')
  if (length < 2) return text(groups)
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

/** True for ::ffff:0:0/96, which has an IPv4 text. */
export function isMappedIpv4(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
}

function parseName(lower: string): Host | string {
  if (lower.length > MAX_HOST_CHARACTERS) return `over ${MAX_HOST_CHARACTERS} characters`
  const labels = lower.split('.')
  for (const label of labels)
    if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
      return 'each label is 1 to 63 letters, digits and hyphens, with no hyphen at its ends'
  if (/^(?:[0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) return 'the last label is a number'
  return { kind: 'name', text: lower }
}

function parseIpv4(text: string): Host | string {
  const parts = text.split('.')
  if (
    parts.length !== 4 ||
    !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)
  )
    return 'an IPv4 address has four numbers from 0 to 255 without leading zeros'
  return { kind: 'ipv4', text, bytes: Uint8Array.from(parts, Number) }
}

function parseIpv6(text: string): Host | string {
  const wrong = 'not an IPv6 address of hexadecimal groups'
  const halves = text.split('::')
  if (halves.length > 2) return wrong
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const groups = [...(head ?? []), ...(tail ?? [])]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return wrong
  // "::" stands for at least one group.
  if (halves.length === 2 ? groups.length > 7 : groups.length !== 8) return wrong
  const filled = [...(head ?? []), ...new Array<string>(8 - groups.length).fill('0'), ...(tail ?? [])]
  const bytes = new Uint8Array(16)
  for (const [i, group] of filled.entries()) {
    const value = Number.parseInt(group, 16)
    bytes[2 * i] = value >> 8
    bytes[2 * i + 1] = value & 0xff
  }
  if (isMappedIpv4(bytes)) return 'an IPv4 address inside IPv6: write the IPv4 address'
  return { kind: 'ipv6', text: ipv6Text(bytes), bytes }
}
