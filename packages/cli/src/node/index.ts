/** The node's composition root alone, for programs that run a node in their own process. */
export { readConfig } from '../config.ts'
export { dataDirectory } from '../data-directory.ts'
export { keepHeapSmall } from './heap.ts'
export { startNode } from './start.ts'
