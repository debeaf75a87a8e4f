"""DNS (IResolver) with dnspython's resolver over Twisted.

Absent is not failed: NXDOMAIN is ``NotFound``, no such records is an empty tuple, everything else (no answer in time,
SERVFAIL from every server, an answer that cannot be read) is ``Temporary``.  Answers are remembered for their TTL
(``routing.cache``).  Whether they are signed is for a validating name server to say (the AD bit, RFC 4035 §3.2.3), and
is believed only where ``ResolverSettings.believe`` says so: between us and that server anybody could set a bit.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.rdatatype
import dns.resolver
import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.errors import ConfigError, NotFound, Temporary
from mailsuite.interfaces import IResolver
from mailsuite.model import Mx, Tlsa
from mailsuite.routing.cache import Answer, AnswerCache, Believe, Question
from mailsuite.routing.dns_backend import Nameserver, Reactor, TwistedBackend


class ResolverSettings(msgspec.Struct, frozen=True):
    #: Seconds for one try with one server.
    timeout: float = 4.0
    #: Seconds for a whole look-up, with its repeats.
    lifetime: float = 15.0
    #: Answers remembered.
    cache: int = 10_000
    believe: Believe = Believe.LOCAL


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
        servers = nameservers or [(str(server), self._resolver.port) for server in self._resolver.nameservers]
        self._resolver.nameservers = [Nameserver(host, port) for host, port in servers]
        self._resolver.timeout = min(settings.timeout, settings.lifetime)
        self._resolver.lifetime = settings.lifetime
        self._resolver.set_flags(dns.flags.RD | dns.flags.AD)  # RFC 6840 §5.7: tell us whether you have validated it
        self._resolver.use_edns(0)
        self._believe = settings.believe
        self._backend = TwistedBackend(reactor)
        self._cache = AnswerCache(settings.cache, reactor.seconds)
        #: Who waits for the answer to a question that was asked already.
        self._asking: dict[Question, list[Deferred[Answer]]] = {}

    def mx(self, domain: str) -> Deferred[tuple[Mx, ...]]:
        return Deferred.fromCoroutine(self._mx(domain))

    async def _mx(self, domain: str) -> tuple[Mx, ...]:
        records = await self._records(domain, "MX")
        return tuple(Mx(record.preference, _text(record.exchange)) for record in records)

    def addresses(self, host: str) -> Deferred[tuple[str, ...]]:
        return Deferred.fromCoroutine(self._addresses(host))

    async def _addresses(self, host: str) -> tuple[str, ...]:
        """Both families at once; one that fails does not hide the other's answer."""
        questions = [self._ask(host, kind) for kind in ("AAAA", "A")]
        found: list[str] = []
        errors: list[NotFound | Temporary] = []
        for question in questions:
            try:
                found += [record.address for record in _existing(host, await question)]
            except (NotFound, Temporary) as error:
                errors.append(error)
        if errors and not found:
            raise next((error for error in errors if isinstance(error, Temporary)), errors[0])
        return tuple(found)

    def txt(self, name: str) -> Deferred[tuple[bytes, ...]]:
        return Deferred.fromCoroutine(self._txt(name))

    async def _txt(self, name: str) -> tuple[bytes, ...]:
        return tuple(b"".join(record.strings) for record in await self._records(name, "TXT"))

    def tlsa(self, name: str) -> Deferred[tuple[Tlsa, ...]]:
        return Deferred.fromCoroutine(self._tlsa(name))

    async def _tlsa(self, name: str) -> tuple[Tlsa, ...]:
        records = await self._records(name, "TLSA")
        return tuple(Tlsa(one.usage, one.selector, one.mtype, one.cert) for one in records)

    def canonical(self, name: str, kind: str) -> Deferred[str]:
        return Deferred.fromCoroutine(self._canonical(name, kind))

    async def _canonical(self, name: str, kind: str) -> str:
        answer = await self._ask(name, kind)
        _existing(name, answer)
        return answer.name

    def is_secure(self, name: str, kind: str) -> Deferred[bool]:
        return Deferred.fromCoroutine(self._is_secure(name, kind))

    async def _is_secure(self, name: str, kind: str) -> bool:
        return (await self._ask(name, kind)).secure

    async def _records(self, name: str, kind: str) -> tuple[Any, ...]:
        return _existing(name, await self._ask(name, kind))

    def _ask(self, name: str, kind: str) -> Deferred[Answer]:
        """A question is asked once, however many wait for its answer."""
        key = (name.lower(), kind)
        known = self._cache.get(key)
        if known is not None:
            return succeed(known)
        answer: Deferred[Answer] = Deferred()
        waiting = self._asking.setdefault(key, [])
        waiting.append(answer)
        if len(waiting) == 1:
            Deferred.fromCoroutine(self._look_up(*key)).addBoth(self._tell, key)
        return answer

    def _tell(self, result: tuple[Answer, float] | Failure, key: Question) -> None:
        waiting = self._asking.pop(key)
        if not isinstance(result, Failure):
            self._cache.keep(key, *result)
        for one in waiting:
            one.callback(result if isinstance(result, Failure) else result[0])

    async def _look_up(self, name: str, kind: str) -> tuple[Answer, float]:
        """The answer and its TTL."""
        try:
            absolute = dns.name.from_text(name, dns.name.root)
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape):
            raise NotFound(f"{name!r} is no domain name") from None
        try:
            found = await self._resolver.resolve(
                absolute, kind, raise_on_no_answer=False, search=False, backend=self._backend
            )
        except dns.resolver.NXDOMAIN as error:
            return _absence(absolute, error)
        except (dns.exception.DNSException, OSError) as error:
            raise Temporary(f"DNS look-up of {name} ({kind}) failed: {_short(error)}") from error
        secure = bool(found.response.flags & dns.flags.AD) and self._believes(found.nameserver)
        answer = Answer(tuple(found.rrset or ()), secure=secure, name=_text(found.canonical_name))
        return answer, found.chaining_result.minimum_ttl

    def _believes(self, server: str | None) -> bool:
        if self._believe is Believe.LOCAL:
            return server is not None and ipaddress.ip_address(server.partition("%")[0]).is_loopback
        return self._believe is Believe.ALL


def _absence(name: dns.name.Name, error: dns.resolver.NXDOMAIN) -> tuple[Answer, float]:
    """RFC 2308 §5: known for as long as the zone's SOA says.  Nobody asks whether it is signed."""
    return Answer((), exists=False), error.response(name).resolve_chaining().minimum_ttl


def _existing(name: str, answer: Answer) -> tuple[Any, ...]:
    if not answer.exists:
        raise NotFound(f"{name} does not exist")
    return answer.records


def _text(name: dns.name.Name) -> str:
    """Lower case without the final dot; the root, a null MX, is empty."""
    return name.to_text().lower().rstrip(".")


def _short(error: Exception) -> str:
    if isinstance(error, dns.resolver.LifetimeTimeout):
        return "no answer in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "no name server gave a usable answer"
    return str(error) or type(error).__name__
