"""The transport table: by sender and recipient domain, another way than the usual one (IRouter).

The first rule that holds decides; where none does, mail goes the usual way.  What is discarded goes to a hop of its
own, ``DISCARDED``, and never leaves this server.  Mail that somebody has released passes rules that keep it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailsuite.errors import NoRoute, OnHold
from mailsuite.interfaces import IResolver, IRouter
from mailsuite.model import NULL_SENDER, Address, Hop
from mailsuite.routing.patterns import is_from, is_in
from mailsuite.routing.router import fixed

#: The name of the transport that takes mail and keeps nothing.
DISCARD = "discard"
DISCARDED = Hop("discarded here", (), transport=DISCARD)


class Usual(msgspec.Struct, frozen=True):
    """An exception from the rules below it."""


class ToHost(msgspec.Struct, frozen=True):
    """To this host, spoken to as ``transport`` says."""

    host: str
    port: int
    transport: str


class Refusal(msgspec.Struct, frozen=True):
    """Back to the sender; ``status`` is of class 5, RFC 3463."""

    status: str
    text: str


class Keep(msgspec.Struct, frozen=True):
    """On hold, until somebody releases it; ``text`` says why."""

    text: str


class Discard(msgspec.Struct, frozen=True):
    """Nowhere; nobody is told."""


Way: TypeAlias = Usual | ToHost | Refusal | Keep | Discard


class Rule(msgspec.Struct, frozen=True):
    """Domains and senders as ``routing.patterns`` makes them; none of a kind means any."""

    way: Way
    domains: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()

    def holds(self, domain: str, sender: Address) -> bool:
        return (not self.domains or any(is_in(domain, one) for one in self.domains)) and (
            not self.senders or any(is_from(sender, one) for one in self.senders)
        )


@implementer(IRouter)
class TransportRouter:
    """``usual`` is the way of whatever no rule is about."""

    def __init__(self, rules: Sequence[Rule], resolver: IResolver, usual: IRouter) -> None:
        self._rules = rules
        self._resolver = resolver
        self._usual = usual

    def route(self, domain: str, sender: Address = NULL_SENDER, released: bool = False) -> Deferred[tuple[Hop, ...]]:
        name = domain.lower()
        for rule in self._rules:
            if rule.holds(name, sender) and not (released and isinstance(rule.way, Keep)):
                return self._by(rule.way, domain, sender)
        return self._usual.route(domain, sender)

    def by_hand(self, via: str) -> Deferred[tuple[Hop, ...]]:
        return self._usual.by_hand(via)

    def _by(self, way: Way, domain: str, sender: Address) -> Deferred[tuple[Hop, ...]]:
        match way:
            case ToHost(host=host, port=port, transport=transport):
                return Deferred.fromCoroutine(fixed(self._resolver, host, port, transport))
            case Refusal(status=status, text=text):
                return fail(NoRoute(status, text))
            case Keep(text=text):
                return fail(OnHold(text))
            case Discard():
                return succeed((DISCARDED,))
        return self._usual.route(domain, sender)
