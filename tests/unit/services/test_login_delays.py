"""How long wrong passwords make others wait is the configuration's word."""

from __future__ import annotations

import msgspec
import pytest
from twisted.internet.task import Clock

from mailsuite.config.sample import SAMPLE
from mailsuite.config.schema import Passwords, Settings
from mailsuite.net.address import client_networks
from mailsuite.net.throttle import Throttle
from mailsuite.services.parts import throttle


def built(clock: Clock, passwords: Passwords) -> Throttle:
    settings: Settings = msgspec.structs.replace(SAMPLE, passwords=passwords)
    return throttle(settings, clock, client_networks(24, 48))


def waits(throttle: Throttle, clock: Clock, addresses: list[str]) -> list[float]:
    """Before each failure of the same name."""
    found = []
    for address in addresses:
        found.append(throttle.wait(address, "tim"))
        clock.advance(found[-1])
        throttle.failed(address, "tim")
    return found


@pytest.mark.parametrize("neighbour", ["192.0.2.7", "192.0.2.200"])
def test_an_address_waits_as_long_as_it_says(neighbour: str) -> None:
    clock = Clock()
    throttle = built(clock, Passwords(first_delay=2, longest_delay=5, longest_account_delay=0))
    assert waits(throttle, clock, [neighbour, "192.0.2.1", neighbour, neighbour]) == [0, 2, 4, 5]


def test_an_account_waits_as_long_as_it_says() -> None:
    clock = Clock()
    throttle = built(clock, Passwords(first_delay=2, longest_account_delay=3))
    assert waits(throttle, clock, ["192.0.2.1", "198.51.100.1", "203.0.113.1"]) == [0, 2, 3]


def test_it_is_forgotten_when_it_says() -> None:
    clock = Clock()
    throttle = built(clock, Passwords(first_delay=10, forget_after=20))
    throttle.failed("192.0.2.1", "tim")
    clock.advance(21)
    assert throttle.wait("192.0.2.1", "tim") == 0


def test_nobody_waits_if_that_is_wanted() -> None:
    clock = Clock()
    throttle = built(clock, Passwords(first_delay=0))
    assert waits(throttle, clock, ["192.0.2.1"] * 4) == [0] * 4
