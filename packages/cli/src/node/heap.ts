/**
 * A node runs for months beside other programs. Left alone, V8 lets the heap of a process with little live data grow to
 * several times that before it collects (measured: 436 MB resident for 60 MB live); these flags make it collect sooner.
 */
import { setFlagsFromString } from 'node:v8'

/** Call before anything large is loaded. */
export function keepHeapSmall(): void {
  // The old generation is collected when it has grown by a fifth, not by a multiple.
  setFlagsFromString('--heap-growing-percent=20')
  // The young generation stays as small as it begins.
  setFlagsFromString('--semi-space-growth-factor=1')
}
