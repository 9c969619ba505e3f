/**
 * A `tally:` URI as a QR code for the terminal. Invoices go in upper case, because QR codes have a dense alphabet for
 * that (IV-24): a usual one is then narrower than 80 columns. Source: ISO/IEC 18004.
 */
import encodeQR from 'qr'

export interface TerminalQr {
  readonly text: string
  /** What it needs; in a narrower terminal lines would wrap, and no camera could read it. */
  readonly columns: number
}

export interface QrOptions {
  /** True: black on white, whatever the terminal's colours. False: no escape codes, for light text on a dark ground. */
  readonly inColour: boolean
}

/** Light modules around the code: readers need them to find it. */
const BORDER_MODULES = 4
const BLACK_ON_WHITE = '\u001b[30;107m'
const RESET = '\u001b[0m'
/** By what is drawn: neither half, the upper, the lower, both. */
const HALVES = [' ', '▀', '▄', '█'] as const

/** `uri` begins with `tally:`; at most 4,296 characters of an invoice, else 2,953 (@throws Error beyond that). */
export function terminalQr(uri: string, { inColour }: QrOptions): TerminalQr {
  const content = /^tally:tally1/i.test(uri) ? uri.toUpperCase() : uri
  const modules = encodeQR(content, 'raw', { ecc: 'low', border: BORDER_MODULES })
  // In colour the dark modules are drawn, else the light ones, in the terminal's light text.
  const drawn = (y: number, x: number) => (modules[y]?.[x] ?? false) === inColour
  const columns = modules[0]?.length ?? 0
  const lines: string[] = []
  for (let y = 0; y < modules.length; y += 2) {
    let line = ''
    for (let x = 0; x < columns; x += 1) line += HALVES[(drawn(y, x) ? 1 : 0) + (drawn(y + 1, x) ? 2 : 0)]
    lines.push(inColour ? `${BLACK_ON_WHITE}${line}${RESET}` : line)
  }
  return { text: `${lines.join('\n')}\n`, columns }
}
