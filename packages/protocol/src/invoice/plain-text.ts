/** Text that a stranger writes and people read: one line, and nothing that acts on a terminal or turns other text (IV-8). */

import { utf8 } from '@scure/base'

/** Control characters, line and paragraph separators, and what changes the direction of text that follows. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u

/** What is wrong with `text`, or undefined. */
export function plainTextFault(text: string, maxBytes: number): string | undefined {
  const found = UNPRINTABLE.exec(text)
  if (found !== null) {
    const point = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
    return `character U+${point} at ${found.index} is not for one line of plain text`
  }
  // No lone surrogate is left, so this cannot throw.
  return utf8.decode(text).length > maxBytes ? `over ${maxBytes} bytes of UTF-8` : undefined
}
