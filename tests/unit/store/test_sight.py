"""When a mailbox is looked at again, by the times of its folders and what we do there ourselves."""

from __future__ import annotations

import pytest

from mailsuite.store.sight import LONGEST, TICK, Sight, Times

NOW = 1_700_000_000.0


class Box:
    """A mailbox that was looked at just after something changed in it."""

    def __init__(self) -> None:
        self.now = NOW
        self.changed = NOW - 0.1
        self.sight = Sight(lambda: self.times)
        self.look()

    @property
    def times(self) -> Times:
        return int(self.changed * 1e9), 0

    def look(self) -> None:
        self.sight.seen = self.times
        self.sight.settle(self.times, self.now)

    def change(self) -> None:
        """At our own hands."""
        with self.sight.own_change():
            self.changed = self.now

    @property
    def is_old(self) -> bool:
        return self.sight.is_old(self.times, self.now)


def test_a_look_that_came_soon_after_a_change_is_repeated_when_things_are_quiet() -> None:
    box = Box()
    box.now += TICK - 0.2
    assert not box.is_old
    box.now += 0.2
    assert box.is_old
    box.look()
    box.now += 10 * LONGEST
    assert not box.is_old


@pytest.mark.parametrize("doubted", [False, True])
def test_where_things_are_never_quiet_it_is_repeated_too(doubted: bool) -> None:
    """As in a mailbox to which mail comes every second."""
    box = Box()
    if not doubted:
        box.now += LONGEST
        box.look()
    waited = 0.0
    while not box.is_old and waited < 100:
        box.now += 1.0
        waited += 1.0
        box.change()
    assert LONGEST <= waited <= LONGEST + 1
    box.look()
    assert not box.is_old


def test_a_clock_that_is_set_back_leaves_no_doubt_for_hours() -> None:
    box = Box()
    box.now -= 3 * 3600
    assert box.is_old
    box.look()
    assert not box.is_old
    box.now += LONGEST
    assert box.is_old


def test_what_others_change_is_looked_at_at_once() -> None:
    box = Box()
    box.changed = box.now
    assert box.is_old
