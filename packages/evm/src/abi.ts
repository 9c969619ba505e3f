/** The compiled contracts under short names, and the ERC-20 functions used. */

import { parseAbi } from 'viem'
import { conditionRegistryAbi, virtualBankAbi } from './contracts.generated.ts'

export const bankAbi = virtualBankAbi
export const registryAbi = conditionRegistryAbi

/** EIP-20 with the errors of ERC-6093, which most tokens of today revert with. */
export const tokenAbi = parseAbi([
  'function name() view returns (string)',
  'function symbol() view returns (string)',
  'function decimals() view returns (uint8)',
  'function balanceOf(address) view returns (uint256)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function approve(address spender, uint256 amount) returns (bool)',
  'function transfer(address to, uint256 amount) returns (bool)',
  'error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)',
  'error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)',
  'error ERC20InvalidReceiver(address receiver)',
])

/** Every custom error that one of our calls can come back with. */
export const errorAbi = [...bankAbi, ...registryAbi, ...tokenAbi].filter((entry) => entry.type === 'error')
