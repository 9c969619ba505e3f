/** A token in the manner of Tether: no return values, and an allowance changes only through zero. Compiled here. */

import { createRequire } from 'node:module'
import type { Abi, Hex } from 'viem'

const SOURCE = `
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;
contract StrictToken {
  bytes32 public constant name = "Strict\\u001b[31m";
  bytes32 public constant symbol = "STR";
  uint8 public constant decimals = 6;
  mapping(address => uint256) public balanceOf;
  mapping(address => mapping(address => uint256)) public allowance;
  function mint(address to, uint256 amount) external { balanceOf[to] += amount; }
  function approve(address spender, uint256 amount) external {
    require(amount == 0 || allowance[msg.sender][spender] == 0, "set it to zero first");
    allowance[msg.sender][spender] = amount;
  }
  function transfer(address to, uint256 amount) external { _move(msg.sender, to, amount); }
  function transferFrom(address from, address to, uint256 amount) external {
    allowance[from][msg.sender] -= amount;
    _move(from, to, amount);
  }
  function _move(address from, address to, uint256 amount) private {
    balanceOf[from] -= amount;
    balanceOf[to] += amount;
  }
}`

interface Solc {
  compile(input: string): string
}

interface Output {
  readonly contracts?: Record<string, Record<string, { abi: Abi; evm: { bytecode: { object: string } } }>>
}

export function compileStrictToken(): { readonly abi: Abi; readonly bytecode: Hex } {
  const require = createRequire(import.meta.url)
  const solc = require('solc') as Solc
  const input = {
    language: 'Solidity',
    sources: { 'StrictToken.sol': { content: SOURCE } },
    settings: { evmVersion: 'cancun', outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } } },
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as Output
  const contract = output.contracts?.['StrictToken.sol']?.StrictToken
  if (contract === undefined) throw new Error(`StrictToken does not compile: ${JSON.stringify(output)}`)
  return { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` }
}
