"""net.guests: who makes room when all places are taken."""

from __future__ import annotations

import pytest
import smtp_world
from twisted.internet.task import Clock

from mailsuite.net.guests import PATIENCE, Guests
from mailsuite.offload import Inline
from mailsuite.testing.transport import FakeTransport


class Stranger:
    def __init__(self, silence: float = 0.0, logged_in: str = "", busy: bool = False) -> None:
        self.silence, self.logged_in, self.busy = silence, logged_in, busy
        self.was_cut = False

    def cut(self) -> None:
        self.was_cut = True


def gone(guests: Guests, *strangers: Stranger) -> list[int]:
    """The numbers of those who have to go, in their order, until nobody has to."""
    order: list[int] = []
    while guests.make_room():
        order += [n for n, each in enumerate(strangers) if each.was_cut and n not in order]
    return order


def test_who_said_nothing_goes_first_the_longest_silent_before_others() -> None:
    strangers = [Stranger(9), Stranger(8), Stranger(7), Stranger(6)]
    guests = Guests()
    for each in strangers:
        guests.arrived(each)
    guests.spoke(strangers[0])
    assert gone(guests, *strangers) == [1, 2, 3, 0]


@pytest.mark.parametrize(
    ("stranger", "goes"),
    [
        (Stranger(PATIENCE), True),
        (Stranger(PATIENCE - 0.1), False),
        (Stranger(99, logged_in="ann@here.test"), False),
        (Stranger(99, busy=True), False),
    ],
)
def test_who_is_at_work_stays(stranger: Stranger, goes: bool) -> None:
    guests = Guests()
    guests.arrived(stranger)
    guests.spoke(stranger)
    assert (gone(guests, stranger) == [0]) is goes


def test_who_speaks_again_goes_last_and_who_left_is_forgotten() -> None:
    strangers = [Stranger(9), Stranger(9), Stranger(9)]
    guests = Guests()
    for each in strangers:
        guests.arrived(each)
        guests.spoke(each)
    guests.spoke(strangers[0])
    guests.left(strangers[1])
    assert gone(guests, *strangers) == [2, 0]


class Street:
    """SMTP connections to a server with room for two."""

    def __init__(self) -> None:
        options = {"connections": "2", "trusted": "192.0.2.9"}
        self.world = smtp_world.build(options, Clock(), Inline())

    def connect(self, address: str = "192.0.2.1") -> FakeTransport:
        transport = FakeTransport(address)
        transport.connect(self.world.buildProtocol(transport.getPeer()))
        return transport


def settle(*transports: FakeTransport) -> None:
    for transport in transports:
        while transport.settle():
            pass


def test_a_newcomer_takes_the_place_of_the_silent() -> None:
    street = Street()
    first, second = street.connect(), street.connect("192.0.2.2")
    settle(first, second)
    first.feed(b"EHLO one.test\r\n")
    settle(first)
    third = street.connect("192.0.2.3")
    settle(first, second, third)
    assert (first.connected, second.connected, third.connected) == (True, False, True)
    assert third.take().startswith(b"220")


def test_a_newcomer_is_told_where_nobody_is_silent() -> None:
    street = Street()
    first, second = street.connect(), street.connect("192.0.2.2")
    for each in (first, second):
        each.feed(b"EHLO one.test\r\n")
    settle(first, second)
    third = street.connect("192.0.2.3")
    settle(third)
    assert third.take().startswith(b"421")
    assert first.connected
    assert second.connected


def test_trusted_clients_make_room_for_nobody() -> None:
    street = Street()
    trusted = [street.connect("192.0.2.9") for _ in range(2)]
    third = street.connect()
    settle(*trusted, third)
    assert third.take().startswith(b"421")
    assert all(each.connected for each in trusted)
