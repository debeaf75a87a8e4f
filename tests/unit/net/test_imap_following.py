"""``net.imap_following``: who fetches message after message waits for few jobs, and holds little."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail

from mailsuite.errors import Expunged, Temporary
from mailsuite.imap.view import View
from mailsuite.model import Vanished
from mailsuite.net.imap_following import AHEAD, Allowance, Following
from mailsuite.testing.memory_store import MemoryStores
from mailsuite.testing.results import result_of, unfired

ANN = "ann@example.org"


class World:
    """A mailbox of 40 messages of 100 octets, and what was asked of it."""

    def __init__(self, octets: int = 1 << 20) -> None:
        stores = MemoryStores()
        for number in range(1, 41):
            stores.deliver(ANN, b"%3d" % number * 33 + b"\n")
        self.mailbox: Any = result_of(result_of(stores.open(ANN)).open("INBOX"))
        self.view = View(result_of(self.mailbox.snapshot(True)))
        self.allowance = Allowance(octets)
        self.following = Following(self.allowance)
        self.asked: list[list[int]] = []
        octets_of = self.mailbox.octets

        def noted(uids: list[int], most: int) -> Deferred[Any]:
            self.asked.append(uids)
            return octets_of(uids, most)

        self.mailbox.octets = noted

    def read(self, uids: Iterable[int]) -> None:
        for uid in uids:
            text = result_of(Deferred.fromCoroutine(self.following.octets(self.mailbox, self.view, uid)))
            assert text == self.mailbox.messages[uid].octets


@pytest.fixture
def world() -> World:
    return World()


def test_in_order_many_are_read_in_one_job(world: World) -> None:
    world.read(range(1, 41))
    assert [asked[0] for asked in world.asked] == [1, 2, 2 + AHEAD, 2 + 2 * AHEAD]
    assert world.allowance.left == 1 << 20


def test_the_next_are_read_while_some_are_left(world: World) -> None:
    world.read(range(1, 2 + AHEAD // 2))
    assert len(world.asked) == 3
    held: Deferred[Any] = Deferred()
    octets_of = world.mailbox.octets
    world.mailbox.octets = lambda *asked: octets_of(*asked).addCallback(lambda texts: held.addCallback(lambda _: texts))
    world.read(range(2 + AHEAD // 2, 2 + 2 * AHEAD))
    assert len(world.asked) == 4, "the last of those that were read are at hand"
    waiting = Deferred.fromCoroutine(world.following.octets(world.mailbox, world.view, 2 + 2 * AHEAD))
    assert unfired(waiting)
    held.callback(None)
    assert result_of(waiting) == world.mailbox.messages[2 + 2 * AHEAD].octets
    assert len(world.asked) == 4


def test_what_is_being_read_for_somebody_who_does_something_else_is_let_go(world: World) -> None:
    world.read(range(1, 1 + AHEAD // 2))
    held: list[Deferred[Any]] = []
    octets_of = world.mailbox.octets
    world.mailbox.octets = lambda *_: held.append(Deferred()) or held[0]
    world.read([1 + AHEAD // 2])
    world.following.clear()
    assert held[0].called
    world.mailbox.octets = octets_of
    assert world.allowance.left == 1 << 20
    world.read([30])
    assert world.asked[-1] == [30]


def test_what_could_not_be_read_along_is_read_when_it_is_asked_for(world: World) -> None:
    world.read(range(1, 1 + AHEAD // 2))
    octets_of = world.mailbox.octets
    world.mailbox.octets = lambda *_: fail(Temporary("the disk is tired"))
    world.read([1 + AHEAD // 2])
    world.mailbox.octets = octets_of
    world.read(range(2 + AHEAD // 2, 30))


@pytest.mark.parametrize("uids", [[5, 3, 9, 9, 2], [40, 39, 38], [40, 40]])
def test_in_another_order_none_is_read_along(world: World, uids: list[int]) -> None:
    world.read(uids)
    assert all(len(asked) == 1 for asked in world.asked)
    assert len(world.asked) == len(uids)


def test_whoever_does_something_else_holds_nothing(world: World) -> None:
    world.read([1, 2])
    assert world.allowance.left < 1 << 20
    world.following.clear()
    assert world.allowance.left == 1 << 20
    world.read([3])
    assert world.asked[-1] == [3]


def test_all_sessions_together_hold_no_more_than_is_allowed() -> None:
    world = World(octets=250)
    world.read([1, 2])
    assert world.allowance.left == 250 - 2 * len(world.mailbox.messages[3].octets)
    world.read(range(3, 41))
    assert world.allowance.left == 250


def test_what_the_client_does_not_know_of_is_not_read(world: World) -> None:
    world.view.apply([Vanished((4,), 99)])
    world.view.tell(True, False)
    del world.mailbox.messages[5]
    world.read([1, 2, 3])
    gone = result_of(Deferred.fromCoroutine(world.following.octets(world.mailbox, world.view, 5)))
    assert isinstance(gone, Expunged)
    assert 4 not in world.asked[1]
