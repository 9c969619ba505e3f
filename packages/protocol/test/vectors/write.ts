/**
 * Rewrites `vectors/*.json` from the core: `npm run vectors -w @tallystick/protocol`, under Node 24. Run it only after a deliberate
 * change of the protocol, and read the difference: both TypeScript and Solidity are held to these files.
 */

import { writeFileSync } from 'node:fs'
import { VECTOR_FILES, vectorText, vectorUrl } from './files.ts'

for (const name of VECTOR_FILES) writeFileSync(vectorUrl(name), vectorText(name))
