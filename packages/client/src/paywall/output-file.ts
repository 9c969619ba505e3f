/** The bought file's last steps: verified as a whole, named without replacing anything, durable. */
import { access, link, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PaywallError } from './error.ts'
import { hashChunks } from './goods.ts'
import type { PurchaseState } from './purchase-state.ts'
import { syncDirectory } from './purchase-state.ts'
import type { Manifest } from './wire.ts'

/** Is the whole file there under its own name? @throws {PaywallError} `output-exists` when another one is. */
export async function isHere(output: string, manifest: Manifest): Promise<boolean> {
  if (!(await exists(output))) return false
  const { sha256 } = await hashChunks(output, manifest.chunkBytes)
  if (sha256 === manifest.sha256) return true
  throw outputExists(output)
}

/** Makes the part file as long as the whole, and trusts the disk as little as the seller: what an earlier run kept is hashed again. */
export async function dropDamaged(state: PurchaseState, manifest: Manifest): Promise<void> {
  await state.part.truncate(manifest.sizeBytes)
  if (state.have.size === 0) return
  const { chunks } = await hashChunks(state.partPath, manifest.chunkBytes)
  for (const index of state.have) if (chunks[index] !== manifest.chunks[index]) state.lose(index)
}

/** Checks the whole, names it, and forgets the purchase. @throws {PaywallError} `file-corrupt`, `output-exists` */
export async function finish(output: string, manifest: Manifest, state: PurchaseState): Promise<void> {
  const { sha256 } = await hashChunks(state.partPath, manifest.chunkBytes)
  if (sha256 !== manifest.sha256)
    throw new PaywallError(
      'file-corrupt',
      'manifest.sha256',
      `Every chunk is as the manifest says, but the whole file is ${sha256} and not ${manifest.sha256}.`,
      `The seller's manifest contradicts itself; the bytes are in ${state.partPath}.`,
    )
  await publish(state.partPath, output)
  await syncDirectory(dirname(output))
  await state.remove()
  await syncDirectory(dirname(output))
}

/** Gives the file its name without ever replacing another one. */
async function publish(partPath: string, output: string): Promise<void> {
  try {
    await link(partPath, output)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EEXIST') throw outputExists(output)
    // File systems without hard links: the check and the renaming are not one step there.
    if (await exists(output)) throw outputExists(output)
    await rename(partPath, output)
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function outputExists(output: string): PaywallError {
  return new PaywallError(
    'output-exists',
    'output',
    `${output} exists already.`,
    'Choose another name, or move that file away; a download that was under way goes on.',
  )
}
