// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IConditionRegistry} from "./interfaces/IConditionRegistry.sol";
import {Disputes} from "./bank/Disputes.sol";
import {Escrow} from "./bank/Escrow.sol";
import {LockClaims} from "./bank/LockClaims.sol";

/// @title The virtual bank
/// @notice Escrow and court for two-party channels (see IVirtualBank). Deliberately absent: owner, admin key, upgrade,
/// pause, fees, `receive`, and any way for one channel's money to pay another's.
contract VirtualBank is Escrow, Disputes, LockClaims {
    constructor(IConditionRegistry registry_) LockClaims(registry_) {}
}
