export * from './ports/chain.ts'
