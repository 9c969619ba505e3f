// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TestToken} from "../support/TestToken.sol";

/// Tokens that do what some real tokens do, and worse. Each is an honest ERC-20 until it is told to misbehave.

/// Keeps a part of every transfer.
contract FeeToken is TestToken {
    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, value);
        super._update(from, to, value - 1);
        super._update(from, address(0xFEE), 1);
    }
}

/// Refuses to pay an account on its list, as the large stablecoins can.
contract BlacklistToken is TestToken {
    mapping(address => bool) public listed;

    error Blacklisted(address account);

    function list(address account, bool on) external {
        listed[account] = on;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (listed[to]) revert Blacklisted(to);
        super._update(from, to, value);
    }
}

/// Moves nothing and answers false.
contract SilentToken is TestToken {
    bool public refuses;

    function refuse(bool on) external {
        refuses = on;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        return refuses ? false : super.transfer(to, value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        return refuses ? false : super.transferFrom(from, to, value);
    }
}

/// Moves the money, then answers false: a bank that believed the answer alone would pay twice.
contract TwoFacedToken is TestToken {
    bool public lies;

    function lie(bool on) external {
        lies = on;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        return super.transfer(to, value) && !lies;
    }
}

/// Claims to have moved money that it did not move.
contract ConjuringToken is TestToken {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }
}

/// Calls the receiver's or sender's hook around each transfer, as ERC-777 does.
contract HookToken is TestToken {
    address public hook;
    bytes public hookCall;
    bool public hookSucceeded;

    function setHook(address target, bytes calldata call_) external {
        hook = target;
        hookCall = call_;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (hook == address(0) || from == address(0)) return;
        (hookSucceeded,) = hook.call(hookCall);
    }
}

/// Burns all the gas it is given when it should pay out.
contract GasBurningToken is TestToken {
    bool public burns;

    function burnGas(bool on) external {
        burns = on;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (burns) {
            while (true) {}
        }
        return super.transfer(to, value);
    }
}

/// Reverts with as much data as it can.
contract BombToken is TestToken {
    bool public bombs;

    function bomb(bool on) external {
        bombs = on;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (bombs) {
            assembly {
                revert(0, 100000)
            }
        }
        return super.transfer(to, value);
    }
}
