"""What exchanges addresses, as the configuration says: in mail that comes in (IRewriting), and in what leaves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.config.addresses import Headers
from mailsuite.config.schema import Settings
from mailsuite.directory import address_map
from mailsuite.directory.address_map import AddressMap
from mailsuite.directory.database import Database
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.rewriting import Masquerade, Rewriting, Rule
from mailsuite.errors import MailError
from mailsuite.interfaces import IOffload, IRewrites, IRewriting
from mailsuite.model import Client
from mailsuite.unchanged import UNCHANGED
from mailsuite.watched import Watched

#: A table as it is now.
Table: TypeAlias = Callable[[], AddressMap | Deferred[AddressMap]]

_WHOSE: dict[Headers, Callable[[Client], bool]] = {
    Headers.OURS: lambda client: client.trusted or bool(client.account),
    Headers.ALL: lambda client: True,
    Headers.NONE: lambda client: False,
}


def rewriting(settings: Settings, offload: IOffload, seconds: Callable[[], float]) -> IRewriting:
    """That of mail that comes in."""
    own = settings.rewriting
    if not (own.canonical or own.sender_canonical or own.recipient_canonical or own.masquerade):
        return UNCHANGED
    return WatchedRewriting(settings, offload, seconds)


def generic(settings: Settings, offload: IOffload, seconds: Callable[[], float]) -> Table | None:
    """The table for mail that leaves, if there is one."""
    path = settings.rewriting.generic
    return _watched(settings, path, offload, seconds, outwards=True).get if path else None


@implementer(IRewriting)
class WatchedRewriting:
    """By the tables of the configuration, each as it is now."""

    def __init__(self, settings: Settings, offload: IOffload, seconds: Callable[[], float]) -> None:
        own = settings.rewriting
        #: The files that are asked about senders and recipients, in that order.
        self._senders = [path for path in (own.sender_canonical, own.canonical) if path]
        self._recipients = [path for path in (own.recipient_canonical, own.canonical) if path]
        self._tables = {
            path: _watched(settings, path, offload, seconds) for path in (*self._senders, *self._recipients)
        }
        masked = Masquerade(own.masquerade, own.masquerade_exceptions)
        self._masquerade: tuple[Rule, ...] = (masked,) if own.masquerade else ()
        self._ours = _WHOSE[own.headers]
        self._known: list[AddressMap] = []
        self._rewriting = Rewriting(masquerade=self._masquerade, is_ours=self._ours)

    def now(self) -> IRewrites | Deferred[IRewrites]:
        found = [table.get() for table in self._tables.values()]
        ready = [one for one in found if isinstance(one, AddressMap)]
        return self._by(ready) if len(ready) == len(found) else Deferred.fromCoroutine(self._later(found))

    async def _later(self, found: Sequence[AddressMap | Deferred[AddressMap]]) -> IRewrites:
        return self._by([await one if isinstance(one, Deferred) else one for one in found])

    def _by(self, maps: list[AddressMap]) -> IRewrites:
        """The same as before where no table has changed."""
        if len(maps) != len(self._known) or any(one is not old for one, old in zip(maps, self._known, strict=True)):
            known = dict(zip(self._tables, maps, strict=True))
            senders, recipients = [known[path] for path in self._senders], [known[path] for path in self._recipients]
            self._known, self._rewriting = maps, Rewriting(senders, recipients, self._masquerade, self._ours)
        return self._rewriting


def _watched(
    settings: Settings, path: str, offload: IOffload, seconds: Callable[[], float], outwards: bool = False
) -> Watched[AddressMap]:
    def read(text: str) -> AddressMap:
        return address_map.parse(text, path, _origins(settings), generic=outwards)

    return Watched(path, read, offload, seconds)


def _origins(settings: Settings) -> list[str]:
    """Where names without a domain are at home: our names, the default domain first.  Blocking."""
    default = settings.default_domain
    if not default:
        with contextlib.suppress(MailError), contextlib.closing(Database(settings.paths.directory)) as database:
            default = Lookups(database).default_domain()
    return list(dict.fromkeys([default or settings.hostname, settings.hostname, *settings.local_domains]))
