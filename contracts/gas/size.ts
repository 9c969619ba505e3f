/** Sizes of the deployed bytecode, read from the artifacts that forge left (EIP-170 bounds them). */

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { forgeBuild } from '../../scripts/forge.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** EIP-170. */
export const MAX_RUNTIME_BYTES = 24_576

export function bytecodeSizes(): Record<string, number> {
  const names = ['VirtualBank', 'ConditionRegistry'] as const
  const sources = names.map((name) => `contracts/src/${name}.sol`)
  forgeBuild(sources)
  return Object.fromEntries(names.map((name) => [name, runtimeBytes(name)]))
}

function runtimeBytes(name: string): number {
  const path = join(root, 'contracts', 'out', `${name}.sol`, `${name}.json`)
  const { deployedBytecode } = JSON.parse(readFileSync(path, 'utf8'))
  return (deployedBytecode.object.length - 2) / 2
}
