"""Routes of the last moment: many messages for one domain share what was found out for the first.

Finding a route asks for several DNS answers, each remembered by its TTL, and puts them together, which costs as much as
a tenth of what a relayed message does.  Promises: nothing is older than ``MOMENT``; a failure is not remembered, so
whoever asks again has it looked up again.  RFC 5321 §5.1: hosts of equal preference take turns from moment to moment.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from mailsuite.interfaces import IRouter
from mailsuite.model import NULL_SENDER, Address, Hop

#: Seconds for which a route is good, and how many are remembered at most.
MOMENT = 1.0
REMEMBERED = 1000


class _Found(msgspec.Struct, frozen=True):
    hops: tuple[Hop, ...]
    at: float


@implementer(IRouter)
class RecentRouter:
    """``usual`` goes by the domain alone; ``seconds`` is any clock."""

    def __init__(self, usual: IRouter, seconds: Callable[[], float]) -> None:
        self._usual = usual
        self._seconds = seconds
        self._known: dict[str, _Found] = {}

    def route(self, domain: str, sender: Address = NULL_SENDER, released: bool = False) -> Deferred[tuple[Hop, ...]]:
        known = self._known.get(domain)
        if known is not None and 0 <= self._seconds() - known.at < MOMENT:
            return succeed(known.hops)
        return self._usual.route(domain, sender, released).addCallback(self._note, domain)

    def by_hand(self, via: str) -> Deferred[tuple[Hop, ...]]:
        return self._usual.by_hand(via)

    def _note(self, hops: tuple[Hop, ...], domain: str) -> tuple[Hop, ...]:
        self._known.pop(domain, None)
        self._known[domain] = _Found(hops, self._seconds())
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return hops
