/** Sizes of the deployed bytecode, of the artifacts that forge makes (EIP-170 bounds them). */

import { forgeBuild } from '../../scripts/forge.ts'

/** EIP-170. */
export const MAX_RUNTIME_BYTES = 24_576

export function bytecodeSizes(): Record<string, number> {
  const names = ['VirtualBank', 'ConditionRegistry'] as const
  const artifactOf = forgeBuild(names.map((name) => `contracts/src/${name}.sol`))
  return Object.fromEntries(
    names.map((name) => [name, (artifactOf(name).deployedBytecode.object.length - 2) / 2]),
  )
}
