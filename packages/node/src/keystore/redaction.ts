/**
 * The last line of defence: what a log never shows, whoever passes it to the logger by mistake. Keys are held in
 * closures and never reach a log by themselves.
 */

const SECRET_FIELDS = [
  'passphrase',
  'newPassphrase',
  'password',
  'privateKey',
  'privateKeys',
  'secret',
  'preimage',
  'apiToken',
  'authorization',
  'Authorization',
]

/** For pino's `redact`: these fields at the top, and one, two and three levels below. */
export const LOG_REDACTION: { readonly paths: string[]; readonly censor: string } = {
  paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`, `*.*.*.${field}`]),
  censor: '[secret]',
}
