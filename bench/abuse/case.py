"""The table of cases: what is done to the server, and the bound that has to hold."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bench.abuse.sent import Sent

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

    def sized(self, count: int, least: int) -> int:
        """``count`` at this scale, but never less than makes it the abuse that the case is about."""
        return max(least, int(count * self.scale))


Attack = Callable[[Aim], str]


class Skipped(Exception):
    """The case cannot be had here; its words say why."""


class Case(msgspec.Struct, frozen=True):
    """``bound`` names what keeps the server alive; ``attack`` returns in a few words what it met, or raises
    AssertionError.  Whoever has sent less than ``least`` has not done what the case is about, at whatever scale."""

    name: str
    bound: str
    attack: Attack
    least: Sent


TABLE: dict[str, Case] = {}


def abuse(bound: str, connections: int = 1, octets: int = 0) -> Callable[[Attack], Attack]:
    """Puts a function into the table; its docstring says what it does.  ``connections`` and ``octets`` are the least
    that it sends, if the server takes them, at the smallest scale."""

    def add(attack: Attack) -> Attack:
        TABLE[attack.__name__] = Case(attack.__name__, bound, attack, Sent(connections, octets))
        return attack

    return add
