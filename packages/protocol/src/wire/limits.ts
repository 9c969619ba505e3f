/** Limits of the wire. */

/** Longest message in bytes: the longest update with room to spare. A longer frame is refused before it is read. */
export const MAX_MESSAGE_BYTES = 1_048_576
/** Longest text field, ASCII characters. */
export const MAX_TEXT = 64
