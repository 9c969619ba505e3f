/**
 * The self-signed certificate TLS needs. It names nobody and is made anew in memory at every start: identity is proved
 * over the session's keying material (identity.ts), and nothing looks at the certificate.
 */
import 'reflect-metadata'
import { X509CertificateGenerator } from '@peculiar/x509'

export interface TlsCredentials {
  readonly certPem: string
  readonly keyPem: string
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export async function createTlsCredentials(): Promise<TlsCredentials> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=tallystick',
    // Nobody checks the dates; fixed ones tell nothing about the node.
    notBefore: new Date(Date.UTC(2020, 0, 1)),
    notAfter: new Date(Date.UTC(2120, 0, 1)),
    keys,
    signingAlgorithm: ALGORITHM,
  })
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  const lines = key.match(/.{1,64}/g) ?? []
  return {
    certPem: certificate.toString('pem'),
    keyPem: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`,
  }
}
