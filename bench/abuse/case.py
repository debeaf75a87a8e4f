"""The table of cases: what is done to the server, and the bound that has to hold."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

#: Octets that the server may take while it is abused, and seconds that a polite client may wait for an answer.
MOST_MEMORY = 200 * 1024 * 1024
LONGEST_WAIT = 1.0


class Aim(msgspec.Struct, frozen=True):
    """What an attacker knows: the server's ports by service name, an account of his own and one of somebody else.

    ``scale`` is the size of the bomb, 1 for what the cases say.  ``store`` is the folder of all mail, for
    cases that look whether something was written where nothing should be."""

    ports: dict[str, int]
    account: str
    password: str
    victim: str
    store: str
    scale: float = 1.0

    def sized(self, count: int) -> int:
        """``count`` at this scale, at least 1."""
        return max(1, int(count * self.scale))


Attack = Callable[[Aim], str]


class Skipped(Exception):
    """The case cannot be had here; its words say why."""


class Case(msgspec.Struct, frozen=True):
    """``bound`` names what keeps the server alive; ``attack`` returns in a few words what it met, or raises
    AssertionError."""

    name: str
    bound: str
    attack: Attack


TABLE: dict[str, Case] = {}


def abuse(bound: str) -> Callable[[Attack], Attack]:
    """Puts a function into the table; its docstring says what it does."""

    def add(attack: Attack) -> Attack:
        TABLE[attack.__name__] = Case(attack.__name__, bound, attack)
        return attack

    return add
