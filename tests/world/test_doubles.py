"""Letters that a server may send again are known, and no more come again than it has places for."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from mailsuite.testing.world.doubles import NOTED, Doubles
from mailsuite.testing.world.ledger import Leads, Ledger, Taken
from mailsuite.testing.world.site import PLACES


class Connection(SimpleNamespace):
    __hash__ = object.__hash__


class Sent:
    """Letters from a server to one recipient abroad, which were all taken."""

    def __init__(self, count: int) -> None:
        self.network: Any = SimpleNamespace(now=1000.0, trace=SimpleNamespace(note=lambda *words: None))
        self.ledger = Ledger(lambda address: Leads(frozenset((address,)), (address,)), lambda problem: None)
        self.doubles = Doubles(self.network, self.ledger)
        for number in range(1, count + 1):
            self.ledger.taken[number] = {"x@far.test": Taken.YES}
            self.ledger.letters[number] = SimpleNamespace(sender="ann@a.test")  # type: ignore[assignment]

    def carry(self, *numbers: int, peer: str = "10.0.2.1", quits: bool = True) -> None:
        end: Any = Connection(
            name="a > far",
            station=SimpleNamespace(name="a.test"),
            getPeer=lambda: SimpleNamespace(port=25, host=peer),
            getHost=lambda: SimpleNamespace(port=40_000),
        )
        for number in numbers:
            self.network.see(end, f"X-World: {number}\r\n\r\nbody\r\n.\r\n{'QUIT' if quits else 'NOOP'}\r\n".encode())
        self.network.see_end(end, None)

    def balance(self, *twice: int) -> tuple[int, int]:
        """How many came again, if it was these, and how many may."""
        self.ledger.balance(Counter({("x@far.test", number): 1 + (number in twice) for number in self.ledger.taken}))
        return self.doubles.repeated, self.doubles.allowed


def test_who_forgets_may_send_as_many_again_as_it_has_places_at_each_host() -> None:
    sent = Sent(3)
    sent.carry(1)
    sent.carry(2, 3, peer="10.0.2.2")
    sent.doubles.forgets("a.test", sent.network.now)
    assert sent.balance(1, 3) == (2, 2 * PLACES)


@pytest.mark.parametrize(("name", "later"), [("b.test", 0.0), ("a.test", NOTED + 1)])
def test_what_is_noted_is_not_forgotten(name: str, later: float) -> None:
    sent = Sent(1)
    sent.carry(1)
    sent.doubles.forgets(name, sent.network.now + later)
    assert sent.balance(1) == (0, 0)


def test_what_comes_again_as_its_connection_was_lost_does_not_count() -> None:
    sent = Sent(2)
    sent.carry(1, quits=False)
    sent.carry(2)
    sent.doubles.forgets("a.test", sent.network.now)
    assert sent.balance(1) == (0, PLACES)
