import { encodeErrorResult, stringToHex, toFunctionSelector } from 'viem'
import { expect, test } from 'vitest'
import { bankAbi, errorAbi, registryAbi } from '../src/abi.ts'
import { isRevert, knownContractErrors, revertError } from '../src/contract-errors.ts'

/** Made by OpenZeppelin's code in ways that no call of ours can reach. */
const UNREACHABLE = [
  'InvalidShortString',
  'StringTooLong',
  'SafeERC20FailedOperation',
  'ECDSAInvalidSignature',
]

test('every error of the contracts has a field and a remedy', () => {
  const names = [...bankAbi, ...registryAbi].flatMap((entry) =>
    entry.type === 'error' ? [entry.name as string] : [],
  )
  const missing = names.filter((name) => !knownContractErrors().includes(name) && !UNREACHABLE.includes(name))
  expect(missing).toEqual([])
})

test('no entry is of an error that nobody makes', () => {
  const names = new Set(errorAbi.map((entry) => entry.name as string))
  expect(knownContractErrors().filter((name) => !names.has(name))).toEqual([])
})

test('the field comes from the error itself where it names one', () => {
  const field = stringToHex('validUntil', { size: 32 })
  const data = encodeErrorResult({ abi: bankAbi, errorName: 'Expired', args: [field, 17n] })
  const error = revertError('withdraw', { code: 3, message: 'execution reverted', data })
  expect(error).toMatchObject({
    code: 'refused_by_contract',
    field: 'validUntil',
    consequence: 'fix',
    contractError: { name: 'Expired', args: [field, 17n] },
  })
  expect(error.message).toBe('withdraw is refused: Expired(validUntil, 17)')
})

test('nodes that wrap the data, and reasons nobody knows', () => {
  const data = encodeErrorResult({ abi: bankAbi, errorName: 'ZeroAmount', args: [] })
  expect(revertError('fund', { code: -32015, message: 'VM error', data: { data } })).toMatchObject({
    field: 'amount',
  })
  const plain = revertError('fund', { code: 3, message: 'execution reverted', data: '0x' })
  expect(plain).toMatchObject({ code: 'refused_by_contract', contractError: undefined })
  const unknown = toFunctionSelector('Nobody()')
  expect(revertError('fund', { code: 3, message: 'x', data: unknown }).contractError).toBeUndefined()
  expect(isRevert({ code: -32000, message: 'header not found', data: undefined })).toBe(false)
  expect(isRevert({ code: -32000, message: 'execution reverted', data: undefined })).toBe(true)
})
