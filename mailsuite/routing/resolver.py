"""DNS (IResolver) with dnspython's resolver over Twisted.

Absent is not failed: NXDOMAIN is ``NotFound``, no such records is an empty tuple, everything else (no answer in time,
SERVFAIL from every server, an answer that cannot be read) is ``Temporary``.  Answers are remembered for their TTL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
import dns.rrset
import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.errors import ConfigError, NotFound, Temporary
from mailsuite.interfaces import IResolver
from mailsuite.model import Mx
from mailsuite.routing.dns_backend import Reactor, TwistedBackend

#: Seconds for which an answer is used again without a look at its TTL.
JUST_NOW = 1.0


class ResolverSettings(msgspec.Struct, frozen=True):
    #: Seconds for one try with one server.
    timeout: float = 4.0
    #: Seconds for a whole look-up, with its repeats.
    lifetime: float = 15.0
    #: Answers remembered.
    cache: int = 10_000


@implementer(IResolver)
class DnsResolver:
    """Asks ``nameservers``, (IP address, port) each; without any, those of /etc/resolv.conf (ConfigError if it names
    none)."""

    def __init__(
        self,
        reactor: Reactor,
        nameservers: Sequence[tuple[str, int]] = (),
        settings: ResolverSettings | None = None,
    ) -> None:
        settings = settings or ResolverSettings()
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration as error:
            raise ConfigError(f"no name servers: {error}; set dns.nameservers") from error
        if nameservers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in nameservers]
        self._resolver.timeout = min(settings.timeout, settings.lifetime)
        self._resolver.lifetime = settings.lifetime
        self._resolver.cache = dns.resolver.LRUCache(settings.cache)
        self._backend = TwistedBackend(reactor)
        self._reactor = reactor
        self._most = settings.cache
        #: Answers of the last moment, and until when they are of it.
        self._recent: dict[tuple[str, dns.rdatatype.RdataType], tuple[float, Any]] = {}
        #: Who waits for the answer to a question that was asked already.
        self._asking: dict[tuple[str, dns.rdatatype.RdataType], list[Deferred[Any]]] = {}

    def mx(self, domain: str) -> Deferred[tuple[Mx, ...]]:
        return Deferred.fromCoroutine(self._mx(domain))

    async def _mx(self, domain: str) -> tuple[Mx, ...]:
        records = await self._ask(domain, dns.rdatatype.MX)
        return tuple(Mx(record.preference, _text(record.exchange)) for record in records)

    def addresses(self, host: str) -> Deferred[tuple[str, ...]]:
        return Deferred.fromCoroutine(self._addresses(host))

    async def _addresses(self, host: str) -> tuple[str, ...]:
        """Both families at once; one that fails does not hide the other's answer."""
        questions = [self._ask(host, kind) for kind in (dns.rdatatype.AAAA, dns.rdatatype.A)]
        found: list[str] = []
        errors: list[NotFound | Temporary] = []
        for question in questions:
            try:
                found += [record.address for record in await question]
            except (NotFound, Temporary) as error:
                errors.append(error)
        if errors and not found:
            raise next((error for error in errors if isinstance(error, Temporary)), errors[0])
        return tuple(found)

    def txt(self, name: str) -> Deferred[tuple[bytes, ...]]:
        return Deferred.fromCoroutine(self._txt(name))

    async def _txt(self, name: str) -> tuple[bytes, ...]:
        return tuple(b"".join(record.strings) for record in await self._ask(name, dns.rdatatype.TXT))

    def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> Deferred[Any]:
        """The record set, or an empty tuple.  A question is asked once, however many wait for its answer, and what was
        answered just now is taken as it was: to look into dnspython's cache costs more than the rest of a route."""
        key = (name.lower(), kind)
        until, known = self._recent.get(key, (0.0, ()))
        if self._reactor.seconds() < until:
            return succeed(known)
        answer: Deferred[Any] = Deferred()
        waiting = self._asking.setdefault(key, [])
        waiting.append(answer)
        if len(waiting) == 1:
            Deferred.fromCoroutine(self._look_up(name, kind)).addBoth(self._tell, key)
        return answer

    def _tell(self, result: object, key: tuple[str, dns.rdatatype.RdataType]) -> None:
        if not isinstance(result, Failure):
            if len(self._recent) >= self._most:
                self._recent.clear()
            self._recent[key] = (self._reactor.seconds() + JUST_NOW, result)
        for answer in self._asking.pop(key):
            answer.callback(result)

    async def _look_up(self, name: str, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset | tuple[()]:
        try:
            absolute = dns.name.from_text(name, dns.name.root)
            answer = await self._resolver.resolve(
                absolute, kind, raise_on_no_answer=False, search=False, backend=self._backend
            )
        except dns.resolver.NXDOMAIN:
            raise NotFound(f"{name} does not exist") from None
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape):
            raise NotFound(f"{name!r} is no domain name") from None
        except (dns.exception.DNSException, OSError) as error:
            raise Temporary(f"DNS look-up of {name} ({kind.name}) failed: {_short(error)}") from error
        return answer.rrset or ()


def _text(name: dns.name.Name) -> str:
    """Lower case without the final dot; the root, a null MX, is empty."""
    return name.to_text().lower().rstrip(".")


def _short(error: Exception) -> str:
    if isinstance(error, dns.resolver.LifetimeTimeout):
        return "no answer in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "no name server gave a usable answer"
    return str(error) or type(error).__name__
