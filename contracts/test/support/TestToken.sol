// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A plain ERC-20 that anyone may mint: for tests and the demo, worth nothing
contract TestToken is ERC20 {
    constructor() ERC20("Tallystick Test Token", "TEST") {}

    /// @notice Not divisible: one token is one base unit, so that the demo's numbers read as they are.
    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
