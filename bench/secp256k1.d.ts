/** The two calls that are measured; the package has no types of its own. */
declare module 'secp256k1' {
  const secp256k1: {
    ecdsaSign(digest: Uint8Array, privateKey: Uint8Array): { signature: Uint8Array; recid: number }
    ecdsaRecover(signature: Uint8Array, recid: number, digest: Uint8Array, compressed: boolean): Uint8Array
  }
  export default secp256k1
}
