export { type AddressBookOptions, type AddressEntry, addressBook, type InvoiceOrder } from './book.ts'
export { AddressError, type AddressErrorCode } from './error.ts'
export type { AddressRequestOptions } from './request.ts'
export {
  type InvoiceWish,
  offerFor,
  type ResolvedAddress,
  type ResolveOptions,
  requestInvoice,
  resolveAddress,
} from './resolve.ts'
export type { AddressDocument, AddressOffer } from './wire.ts'
