"""What is asked of TLS at each next hop (IRouter around another one): by the administrator's table, by DANE, by
MTA-STS.

The table goes first, and is the last word.  DANE (RFC 7672) counts where the name server vouches for the domain's MX
records, the host's addresses and its TLSA records; a host whose TLSA records cannot be had is not used (§2.1.2).  A
host with DANE needs no other proof (RFC 8461 §2); the others are held to the domain's MTA-STS policy, if it has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.errors import InvalidName, Temporary
from mailsuite.interfaces import IResolver, IRouter
from mailsuite.model import NULL_SENDER, Address, Hop, Security, TlsLevel
from mailsuite.routing.dane import by_tlsa
from mailsuite.routing.mta_sts import NO_POLICY, Mode, Policy
from mailsuite.routing.names import ascii_domain
from mailsuite.routing.patterns import is_in

#: The MTA-STS policy of a domain, one that asks for nothing if it has none.
PolicyOf: TypeAlias = Callable[[str], Deferred[Policy]]


def no_policy(domain: str) -> Deferred[Policy]:
    """Where MTA-STS is not asked for."""
    return succeed(NO_POLICY)


class TlsRule(msgspec.Struct, frozen=True):
    """``security`` for mail to these domains: ``example.org``, with those below it ``.example.org``; lower case."""

    domains: tuple[str, ...]
    security: Security


@implementer(IRouter)
class SecuredRouter:
    """``usual`` finds the hops; ``dane``: whether TLSA records are asked for."""

    log = Logger()

    def __init__(
        self, usual: IRouter, resolver: IResolver, rules: Sequence[TlsRule], dane: bool, policy_of: PolicyOf
    ) -> None:
        self._usual = usual
        self._resolver = resolver
        self._rules = rules
        self._dane = dane
        self._policy_of = policy_of

    def by_hand(self, via: str) -> Deferred[tuple[Hop, ...]]:
        return self._usual.by_hand(via)

    def route(self, domain: str, sender: Address = NULL_SENDER, released: bool = False) -> Deferred[tuple[Hop, ...]]:
        return Deferred.fromCoroutine(self._route(domain, sender, released))

    async def _route(self, domain: str, sender: Address, released: bool) -> tuple[Hop, ...]:
        hops = await self._usual.route(domain, sender, released)
        try:
            name = ascii_domain(domain)
        except InvalidName:
            return hops
        for rule in self._rules:
            if any(is_in(name, pattern) for pattern in rule.domains):
                # A certificate for a name that the administrator chose does not hang on what DNS says of the host.
                named = bool(rule.security.names)
                return tuple(
                    msgspec.structs.replace(hop, certain=hop.certain or named, security=rule.security) for hop in hops
                )
        if name.startswith("["):
            return hops
        return await self._by_mta_sts(name, await self._by_dane(name, hops))

    # -- DANE ------------------------------------------------------------------------------------------------------

    async def _by_dane(self, domain: str, hops: tuple[Hop, ...]) -> tuple[Hop, ...]:
        if not self._dane or not await self._resolver.is_secure(domain, "MX"):
            return hops
        found: list[Hop] = []
        unsure: Temporary | None = None
        for hop in hops:
            try:
                security = await by_tlsa(self._resolver, domain, hop)
            except Temporary as error:
                unsure = unsure or error
                continue
            found.append(msgspec.structs.replace(hop, certain=True, security=security))
        if not found and unsure is not None:
            raise unsure
        return tuple(found)

    # -- MTA-STS ---------------------------------------------------------------------------------------------------

    async def _by_mta_sts(self, domain: str, hops: tuple[Hop, ...]) -> tuple[Hop, ...]:
        policy = await self._policy_of(domain)
        if policy.mode is Mode.NONE:
            return hops
        wanted = Security(TlsLevel.VERIFY, source="MTA-STS", by_recipient=True)
        found = []
        for hop in hops:
            if hop.security.tlsa:  # RFC 8461 §2: nothing overrides DANE
                found.append(hop)
            elif policy.mode is Mode.TESTING:
                if not policy.covers(hop.host):
                    self.log.warn("MTA-STS policy of {domain} (testing) has no {host}", domain=domain, host=hop.host)
                found.append(hop)
            elif policy.covers(hop.host):  # RFC 8461 §4.1
                found.append(msgspec.structs.replace(hop, certain=True, security=wanted))
        if not found:
            hosts = ", ".join(hop.host for hop in hops)
            raise Temporary(f"the MTA-STS policy of {domain} has none of its mail servers ({hosts})")
        return tuple(found)
