export { bankAbi, registryAbi, tokenAbi } from './abi.ts'
export { NO_CONTENT } from './calls.ts'
export {
  type Deployment,
  type DeployOptions,
  deployBytecode,
  deployContracts,
  deployTestToken,
  mintTestToken,
} from './deploy.ts'
export { DEFAULT_FEE_CAPS, type FeeCaps } from './fees.ts'
export type { Finality } from './finality.ts'
export { createEvmChain, type EvmChainConfig } from './port.ts'
export {
  type ChannelHistory,
  closingCommitment,
  foldEvent,
  foldLocks,
  NO_HISTORY,
  settlementCommitment,
} from './records.ts'
export { createMemoryJournal } from './submit/record.ts'
