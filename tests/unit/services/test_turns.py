"""Turns by name: so many at once, in order, and nothing is kept of names that nobody holds."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from mailsuite.services.turns import Turns


def start(turns: Turns, *names: str, end: Deferred[None] | None = None) -> tuple[list[str], Deferred[None]]:
    """Hold these until the Deferred ``end`` fires; the list says that it began."""
    began: list[str] = []
    end = end or Deferred()

    async def hold() -> None:
        async with turns.of(names):
            began.append("began")
            await end

    Deferred.fromCoroutine(hold())
    return began, end


def test_so_many_of_a_name_at_once_in_the_order_they_came() -> None:
    turns = Turns(2)
    holders = [start(turns, "a") for _ in range(4)]
    assert [bool(began) for began, _ in holders] == [True, True, False, False]
    holders[1][1].callback(None)
    assert [bool(began) for began, _ in holders] == [True, True, True, False]


def test_names_do_not_wait_for_other_names() -> None:
    turns = Turns(1)
    start(turns, "a")
    assert start(turns, "b")[0]


def test_a_name_given_twice_is_one_turn() -> None:
    assert start(Turns(1), "a", "a")[0]


def test_no_order_of_names_locks_up() -> None:
    turns = Turns(1)
    first, end_first = start(turns, "b", "a")
    second, end_second = start(turns, "a", "b")
    assert first
    assert not second
    end_first.callback(None)
    assert second
    end_second.callback(None)
    assert turns.names == frozenset()


def test_nothing_is_kept_of_names_that_nobody_holds() -> None:
    turns = Turns(1)
    _, end = start(turns, "a")
    _, end_waiting = start(turns, "a")
    end.callback(None)
    assert turns.names == {"a"}
    end_waiting.callback(None)
    assert turns.names == frozenset()


def test_holders_that_end_at_once_follow_each_other() -> None:
    turns = Turns(1)
    _, end = start(turns, "a")
    waiting = [start(turns, "a", end=succeed(None))[0] for _ in range(3)]
    end.callback(None)
    assert all(waiting)
    assert turns.names == frozenset()
