/** Selling and buying a file over HTTP 402, paid over channels. For Node, not for browsers. */
export { type BuyOptions, buy, type Purchase, type PurchaseProgress } from './buyer.ts'
export { PaywallError, type PaywallErrorCode } from './error.ts'
export { type Goods, hashChunks, openGoods } from './goods.ts'
export type { BuyerNode } from './payer.ts'
export { type Cashier, createPaywall, nodeCashier, type PaywallOptions } from './seller.ts'
export { fetchManifest } from './seller-connection.ts'
export { type PaywallServer, type PaywallServerOptions, servePaywall } from './serve.ts'
export type { Manifest, PaymentRequired, Terms } from './wire.ts'
