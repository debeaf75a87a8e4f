"""The MX algorithm of RFC 5321 §5.1 and RFC 7505, as functions of records, own names and chance.  Pure.

Lowest preference first, random among equals; where this host itself is among the exchanges, it and everything that is
not better is dropped, or mail would go round in circles.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence

from mailsuite.errors import NoRoute
from mailsuite.model import Hop, Mx

#: Exchanges and addresses that are tried in one attempt; more is a mistake or an attack (Postfix: 5 addresses).
EXCHANGE_LIMIT = 10
ADDRESS_LIMIT = 10


def is_null(records: Sequence[Mx]) -> bool:
    """RFC 7505 §3: the domain says that it takes no mail."""
    return len(records) == 1 and not records[0].exchange


def in_order(domain: str, records: Sequence[Mx], own_names: Collection[str], rng: random.Random) -> tuple[Mx, ...]:
    """The exchanges to try.  Raises NoRoute 5.1.10 for a null MX, 5.4.6 if this host is the best of them."""
    if is_null(records):
        raise NoRoute("5.1.10", f"{domain} does not accept mail (null MX)")
    usable = [record for record in records if record.exchange]
    rng.shuffle(usable)
    usable.sort(key=lambda record: record.preference)
    own = [record.preference for record in usable if record.exchange in own_names]
    return better_than(domain, usable, min(own, default=None))[:EXCHANGE_LIMIT]


def better_than(domain: str, records: Sequence[Mx], own: int | None) -> tuple[Mx, ...]:
    """RFC 5321 §5.1: what is left when this host was found with preference ``own``.  Raises NoRoute 5.4.6."""
    left = tuple(record for record in records if own is None or record.preference < own)
    if own is not None and not left:
        raise NoRoute("5.4.6", f"mail for {domain} loops back to myself")
    return left


def without_self(domain: str, found: Sequence[tuple[Mx, Hop]], owns: Callable[[str], bool]) -> tuple[Hop, ...]:
    """The same where this host hides behind another name with an address that it ``owns``; ``found`` is in order."""
    own = [record.preference for record, hop in found if any(map(owns, hop.addresses))]
    left = better_than(domain, [record for record, _ in found], min(own, default=None))
    return tuple(hop for _, hop in found[: len(left)])


def some_of_each(addresses: Sequence[str]) -> tuple[str, ...]:
    """At most ``ADDRESS_LIMIT`` in their order, of both families where there are two: RFC 5321 §5.2, a host with many
    IPv6 addresses is reached by IPv4 all the same."""
    rare = min((":", "."), key=lambda mark: sum(mark in one for one in addresses))
    spared = [one for one in addresses if rare in one][: ADDRESS_LIMIT // 2]
    others = [one for one in addresses if rare not in one][: ADDRESS_LIMIT - len(spared)]
    return tuple(one for one in addresses if one in spared or one in others)
