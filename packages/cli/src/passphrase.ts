/**
 * Where the keystore's passphrase comes from: a file (`--passphrase-file`, TALLY_PASSPHRASE_FILE)
 * or a hidden prompt. Never an argument or an environment value: other users can read those.
 */
import { readFileSync } from 'node:fs'
import password from '@inquirer/password'
import { Failure, usage } from './failure.ts'

export const minPassphraseLength = 8

export type PassphraseOptions = { readonly passphraseFile?: string | undefined }

/** Reads the passphrase of existing keystores. */
export async function readPassphrase(options: PassphraseOptions): Promise<string> {
  return fromFile(options) ?? (await prompt('Passphrase of the keystore'))
}

/** Asks for a new passphrase, twice on a terminal. */
export async function chooseFreshPassphrase(options: PassphraseOptions): Promise<string> {
  const given = fromFile(options)
  if (given !== undefined) return checked(given, '--passphrase-file')
  const first = checked(await prompt('New passphrase for the keystore'), 'passphrase')
  if ((await prompt('The same passphrase again')) !== first)
    throw usage('passphrase', 'the two passphrases differ', 'Run the command again.', 'bad-passphrase')
  return first
}

function fromFile(options: PassphraseOptions): string | undefined {
  const path = options.passphraseFile ?? process.env.TALLY_PASSPHRASE_FILE
  if (path === undefined || path === '') return undefined
  try {
    // One line: editors end files with a newline that nobody means as part of the secret.
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (thrown) {
    throw new Failure(
      'usage',
      {
        code: 'bad-passphrase',
        field: options.passphraseFile === undefined ? 'TALLY_PASSPHRASE_FILE' : '--passphrase-file',
        message: 'the passphrase file cannot be read',
        remedy: 'Name a readable file that holds the passphrase on its first line.',
      },
      thrown,
    )
  }
}

function checked(passphrase: string, field: string): string {
  if (passphrase.length < minPassphraseLength)
    throw usage(
      field,
      'the passphrase is too short',
      `Use at least ${minPassphraseLength} characters; several words are best.`,
      'bad-passphrase',
    )
  return passphrase
}

async function prompt(message: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw usage(
      '--passphrase-file',
      'a passphrase is needed and there is no terminal to ask on',
      'Put it in a file only you can read, and give --passphrase-file or TALLY_PASSPHRASE_FILE.',
      'bad-passphrase',
    )
  try {
    return await password({ message, mask: false }, { output: process.stderr })
  } catch (thrown) {
    throw new Failure(
      'interrupted',
      { code: 'interrupted', message: 'no passphrase was given', remedy: 'Run the command again.' },
      thrown,
    )
  }
}
