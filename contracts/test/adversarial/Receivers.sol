// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVirtualBank} from "../../src/interfaces/IVirtualBank.sol";

/// Owners of native channels that misbehave when they are paid.

contract RevertingReceiver {
    bool public open;

    error NotWanted();

    function accept(bool on) external {
        open = on;
    }

    function take(IVirtualBank bank, address token, address to) external returns (uint256) {
        return bank.takeClaimable(token, to);
    }

    receive() external payable {
        if (!open) revert NotWanted();
    }
}

contract GasBurningReceiver {
    receive() external payable {
        while (true) {}
    }
}

/// Answers with a megabyte, so that whoever copies it pays for it.
contract BombingReceiver {
    receive() external payable {
        assembly {
            return(0, 1000000)
        }
    }
}

/// Calls the bank again while it is being paid.
contract ReentrantReceiver {
    address private immutable target;
    bytes private call_;
    bool public tried;
    bool public succeeded;

    constructor(address target_) {
        target = target_;
    }

    function prepare(bytes calldata again) external {
        call_ = again;
    }

    receive() external payable {
        (succeeded,) = target.call(call_);
        tried = true;
    }
}
