"""Next hops (IRouter): by MX records, or one smarthost for everything.

``MxRouter`` looks up the exchanges of a domain and the addresses of each.  What DNS says for sure decides for ever
(``NoRoute``); what it could not say is ``Temporary``.  An exchange whose addresses cannot be had is passed over as long
as another one is left.
"""

from __future__ import annotations

import ipaddress
import random

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.errors import InvalidName, NoRoute, NotFound, Temporary
from mailsuite.interfaces import IResolver, IRouter
from mailsuite.model import NULL_SENDER, Address, Hop, Mx
from mailsuite.routing.mx import in_order, some_of_each, without_self
from mailsuite.routing.names import ascii_domain, is_address, literal_address


class Identity(msgspec.Struct, frozen=True):
    """Who this host is: mail must not be sent to any of these.  Names lower case, addresses in canonical text."""

    names: frozenset[str]
    addresses: frozenset[str] = frozenset()
    #: Whether mail sent to a loopback address, or to none (``0.0.0.0``), would come back to this server.
    loopback: bool = False

    def owns(self, address: str) -> bool:
        """Whether who connects to this IP address finds this server; ``::ffff:192.0.2.1`` is ``192.0.2.1``."""
        ip = ipaddress.ip_address(address)
        ip = getattr(ip, "ipv4_mapped", None) or ip
        return str(ip) in self.addresses or (self.loopback and (ip.is_loopback or ip.is_unspecified))


_SMTP = 25


@implementer(IRouter)
class MxRouter:
    """By the domain's MX records; ``port`` is that of the hops."""

    def __init__(
        self, resolver: IResolver, identity: Identity, rng: random.Random | None = None, port: int = 25
    ) -> None:
        self._resolver = resolver
        self._identity = identity
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._port = port

    def route(self, domain: str, sender: Address = NULL_SENDER, released: bool = False) -> Deferred[tuple[Hop, ...]]:
        return Deferred.fromCoroutine(self._route(domain))

    async def _route(self, domain: str) -> tuple[Hop, ...]:
        try:
            address = literal_address(domain)
            name = domain if address else ascii_domain(domain)
        except InvalidName as error:
            raise NoRoute("5.1.2", str(error)) from None
        if address:
            return self._literal(domain, address)
        try:
            records = await self._resolver.mx(name)
        except NotFound:
            raise NoRoute("5.1.2", f"the domain {name} does not exist") from None
        if not records:  # RFC 5321 §5.1: the domain itself is its exchange
            records = (Mx(0, name),)
            implicit = True
        else:
            implicit = False
        ordered = in_order(name, records, self._identity.names, self._rng)
        return await self._hops(name, ordered, implicit)

    def by_hand(self, via: str) -> Deferred[tuple[Hop, ...]]:
        return Deferred.fromCoroutine(by_hand(self._resolver, via, self._port))

    def _literal(self, domain: str, address: str) -> tuple[Hop, ...]:
        if self._identity.owns(address):
            raise NoRoute("5.4.6", f"mail for {domain} loops back to myself")
        return (Hop(domain, (address,), self._port),)

    async def _hops(self, domain: str, exchanges: tuple[Mx, ...], implicit: bool) -> tuple[Hop, ...]:
        found: list[tuple[Mx, Hop]] = []
        unsure: Temporary | None = None
        lookups = [self._resolver.addresses(exchange.exchange) for exchange in exchanges]
        for exchange, lookup in zip(exchanges, lookups, strict=True):
            try:
                addresses = some_of_each(await lookup)
            except NotFound:
                continue
            except Temporary as error:
                unsure = unsure or error
                continue
            if addresses:
                found.append((exchange, Hop(exchange.exchange, addresses, self._port, certain=implicit)))
        return self._chosen(domain, found, unsure, implicit)

    def _chosen(
        self, domain: str, found: list[tuple[Mx, Hop]], unsure: Temporary | None, implicit: bool
    ) -> tuple[Hop, ...]:
        """``unsure``: an exchange that may turn out to have addresses, so nothing is final without it."""
        try:
            if found:
                return without_self(domain, found, self._identity.owns)
            if implicit:
                raise NoRoute("5.1.2", f"the domain {domain} has no mail server (neither MX nor address records)")
            raise NoRoute("5.4.4", f"no mail server of {domain} has an address")
        except NoRoute as error:
            raise unsure or error from None


@implementer(IRouter)
class SmarthostRouter:
    """One host (a name or an IP address) for every domain; its MX records are not asked for."""

    def __init__(self, resolver: IResolver, host: str, port: int, transport: str = "") -> None:
        self._resolver = resolver
        self._transport = transport
        self._host = host
        self._port = port

    def route(self, domain: str, sender: Address = NULL_SENDER, released: bool = False) -> Deferred[tuple[Hop, ...]]:
        return Deferred.fromCoroutine(self._route())

    def by_hand(self, via: str) -> Deferred[tuple[Hop, ...]]:
        return Deferred.fromCoroutine(by_hand(self._resolver, via, _SMTP))

    async def _route(self) -> tuple[Hop, ...]:
        return await fixed(self._resolver, self._host, self._port, self._transport)


async def by_hand(resolver: IResolver, via: str, port: int) -> tuple[Hop, ...]:
    """The hops of ``HOST`` or ``HOST:PORT``; ``port`` if it names none."""
    host, colon, number = via.rpartition(":")
    if not colon or not number.isdecimal():
        host, number = via, str(port)
    return await fixed(resolver, host.strip("[]"), int(number))


async def fixed(resolver: IResolver, host: str, port: int, transport: str = "") -> tuple[Hop, ...]:
    """One host.  Never NoRoute: one that cannot be found is our own mistake, which somebody may put right."""
    if is_address(host):
        return (Hop(host, (host,), port, certain=True, transport=transport),)
    try:
        name = ascii_domain(host)
        addresses = await resolver.addresses(name)
    except (NotFound, InvalidName):
        addresses = ()
    if not addresses:
        raise Temporary(f"the host {host} has no address")
    return (Hop(name, some_of_each(addresses), port, certain=True, transport=transport),)
