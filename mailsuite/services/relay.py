"""Sending to other servers: name servers, next hops, connections, attempts, as the configuration says."""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from mailsuite.config.interfaces import Interface
from mailsuite.config.networks import is_address, nameserver
from mailsuite.config.option import TlsMode
from mailsuite.config.place import Systemd, Tcp, place_of
from mailsuite.config.relay import RelayTls, TlsPolicy, Transport
from mailsuite.config.relay import Way as ConfiguredWay
from mailsuite.config.retry import Retry
from mailsuite.config.retry import Schedule as ConfiguredSchedule
from mailsuite.config.schema import EVERYWHERE, Service, Settings
from mailsuite.directory.names import canonical_domain
from mailsuite.interfaces import IOffload, IResolver, IRouter, ITLSContexts
from mailsuite.model import Envelope, Security, TlsLevel
from mailsuite.net.smtp_client import Courier
from mailsuite.net.smtp_client_settings import CourierSettings, Tls, tcp_endpoints
from mailsuite.queue.reports import ReportSettings
from mailsuite.queue.runner import RunnerSettings
from mailsuite.queue.schedule import Rule as RetryRule
from mailsuite.queue.schedule import Schedule, Schedules, Timetable
from mailsuite.routing.names import ascii_domain
from mailsuite.routing.patterns import domain_pattern, is_from, is_in, sender_pattern
from mailsuite.routing.resolver import DnsResolver, ResolverSettings
from mailsuite.routing.router import Identity, MxRouter, SmarthostRouter
from mailsuite.routing.security import PolicyOf, SecuredRouter, TlsRule, no_policy
from mailsuite.routing.transports import Discard, Keep, Refusal, Rule, ToHost, TransportRouter, Usual, Way
from mailsuite.services.couriers import Couriers
from mailsuite.services.generic import GenericCourier
from mailsuite.services.rewriting import Table
from mailsuite.smtp.client_events import ClientLimits, Login

_SMTP = 25
#: The name of the smarthost among the transports.
SMARTHOST = "smarthost"
_STATUS = re.compile(r"(5\.[0-9]{1,3}\.[0-9]{1,3})\s+(.*)", re.DOTALL)


def resolver(settings: Settings, reactor: Any) -> DnsResolver:
    """Raises ConfigError if no name servers are known."""
    servers = [nameserver(text) for text in settings.dns.nameservers]
    return DnsResolver(reactor, servers, ResolverSettings(lifetime=settings.dns.timeout, believe=settings.dns.believe))


def itself(router: IRouter) -> IRouter:
    """Every message has its route found for itself."""
    return router


def router(
    settings: Settings,
    resolver: IResolver,
    interfaces: Sequence[Interface],
    policy_of: PolicyOf = no_policy,
    chance: random.Random | None = None,
    shared: Callable[[IRouter], IRouter] = itself,
) -> IRouter:
    """By the transport table; else by MX records, with the TLS that ``policy_of`` and others ask for, or to the
    smarthost.  ``chance`` orders hosts of equal preference; ``shared`` is put before what asks DNS for each message."""
    smarthost = settings.smarthost
    usual: IRouter
    if smarthost.host:
        usual = SmarthostRouter(resolver, smarthost.host, smarthost.port, SMARTHOST)
    else:
        by_mx = MxRouter(resolver, identity(settings, interfaces), chance, settings.relay.port)
        dane = settings.relay.dane and settings.relay.tls is not RelayTls.NEVER
        tls_rules = [_tls_rule(one) for one in settings.tls_policies]
        usual = shared(SecuredRouter(by_mx, resolver, tls_rules, dane, policy_of))
    rules = [rule_of(index, one) for index, one in enumerate(settings.transports)]
    return TransportRouter(rules, resolver, usual) if rules else usual


def _tls_rule(one: TlsPolicy) -> TlsRule:
    security = Security(TlsLevel(one.tls.value), tuple(map(ascii_domain, one.names)), source="[[tls_policy]]")
    return TlsRule(tuple(map(domain_pattern, one.domains)), security)


def client_certificate(settings: Settings) -> tuple[str, str] | tuple[()]:
    """The files with our certificate and key for other servers, if there is one."""
    own = settings.relay
    return (own.client_certificate, own.client_key) if own.client_certificate else ()


def rule_of(index: int, one: Transport) -> Rule:
    return Rule(_way(index, one), tuple(map(domain_pattern, one.domains)), tuple(map(sender_pattern, one.senders)))


def _way(index: int, one: Transport) -> Way:
    if one.way in (ConfiguredWay.HOST, ConfiguredWay.LMTP):
        return ToHost(one.host, one.port, f"transport {index}")
    if one.way is ConfiguredWay.ERROR:
        found = _STATUS.match(one.text)
        status, text = (found[1], found[2]) if found else ("5.7.1", one.text)
        return Refusal(status, text or "mail for this address is not sent from here")
    if one.way is ConfiguredWay.HOLD:
        return Keep(one.text or f"on hold by [[transport]] no. {index + 1}")
    return Discard() if one.way is ConfiguredWay.DISCARD else Usual()


def identity(settings: Settings, interfaces: Sequence[Interface]) -> Identity:
    """Our names, and the addresses at which a relayed message would come back to us: those that the settings name, and
    those where we listen for SMTP on the port that we send to.  All of loopback is ours on port 25 and on every port we
    listen on: a message for ``u@[127.0.0.2]`` has no business on another port of this machine, except in tests with a
    server of their own."""
    names, addresses = _own_hosts(settings)
    port = settings.relay.port
    for listener in settings.listeners:
        where = place_of(listener.address, listener.port)
        if listener.service is not Service.SMTP:
            continue
        if isinstance(where, Tcp) and where.port == port:
            addresses.update(_listening(where.address, interfaces))
        elif isinstance(where, Systemd):  # only systemd knows where: better too much is ours than too little
            addresses.update(_listening(EVERYWHERE, interfaces))
    loopback = port == _SMTP or any(listener.port == port for listener in settings.listeners)
    return Identity(frozenset(names), frozenset(addresses), loopback)


def _own_hosts(settings: Settings) -> tuple[set[str], set[str]]:
    """Names and addresses."""
    hosts = settings.relay.own_hosts
    names = {canonical_domain(host) for host in (settings.hostname, *hosts) if not is_address(host)}
    return names, {str(ipaddress.ip_address(host)) for host in hosts if is_address(host)}


def _listening(address: str, interfaces: Sequence[Interface]) -> set[str]:
    """The addresses that a listening address stands for."""
    if address != EVERYWHERE:
        wanted = ipaddress.ip_address(address)
        if not wanted.is_unspecified:
            return {str(wanted)}
        interfaces = [interface for interface in interfaces if interface.version == wanted.version]
    return {str(interface.ip) for interface in interfaces}


def courier(
    settings: Settings, tls: ITLSContexts, reactor: Any, offload: IOffload, generic: Table | None = None
) -> Couriers:
    """One for each login and policy; ``generic`` is for all that speak SMTP.  Raises OSError if a password cannot be
    read."""
    relay = settings.relay
    endpoints = tcp_endpoints(reactor, relay.connect_timeout, relay.bind_address)
    chosen = {"": _by_mx(settings)}
    if settings.smarthost.host:
        chosen[SMARTHOST] = _smarthost(settings)
    chosen |= {f"transport {index}": _transport(settings, one) for index, one in enumerate(settings.transports)}
    made = {name: (how, Courier(how, endpoints, tls, reactor, offload)) for name, how in chosen.items()}
    return Couriers(
        {
            name: one if how.lmtp or generic is None else GenericCourier(generic, one)
            for name, (how, one) in made.items()
        }
    )


def _transport(settings: Settings, own: Transport) -> CourierSettings:
    return CourierSettings(
        settings.hostname,
        tls=Tls(own.tls.value),
        implicit_tls=own.implicit_tls,
        login=Login(own.user, _first_line(own.password_file)) if own.user else None,
        login_in_clear=own.tls is RelayTls.NEVER,
        connect_timeout=settings.relay.connect_timeout,
        limits=_limits(settings),
        lmtp=own.way is ConfiguredWay.LMTP,
    )


def _by_mx(settings: Settings) -> CourierSettings:
    relay = settings.relay
    limits = _limits(settings)
    return CourierSettings(
        settings.hostname,
        Tls(relay.tls.value),
        waivable=relay.tls_may_be_waived,
        connect_timeout=relay.connect_timeout,
        limits=limits,
    )


def _limits(settings: Settings) -> ClientLimits:
    return ClientLimits(without=frozenset(word.upper() for word in settings.relay.ignored_extensions))


def _smarthost(settings: Settings) -> CourierSettings:
    own = settings.smarthost
    return CourierSettings(
        settings.hostname,
        tls=Tls.NEVER if own.tls is TlsMode.NONE else Tls.VERIFY,
        implicit_tls=own.tls is TlsMode.IMPLICIT,
        login=Login(own.user, _first_line(own.password_file)) if own.user else None,
        login_in_clear=own.tls is TlsMode.NONE,
        connect_timeout=settings.relay.connect_timeout,
        limits=_limits(settings),
    )


def _first_line(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.readline().rstrip("\r\n")


def schedules(settings: Settings) -> Schedules:
    """When to try again."""
    usual = _schedule(settings, settings.retry)
    rules = tuple(retry_rule(settings, one) for one in settings.schedules)
    return Timetable(usual, rules) if rules else usual


def retry_rule(settings: Settings, one: ConfiguredSchedule) -> RetryRule:
    return RetryRule(_about(one), _schedule(settings, one))


def _schedule(settings: Settings, own: Retry | ConfiguredSchedule) -> Schedule:
    return Schedule(own.waits, settings.retry.jitter, own.lifetime, own.delay_notice)


def _about(one: ConfiguredSchedule) -> Callable[[Envelope], bool]:
    """Whether a message is from one of the senders, with all of its recipients in the domains."""
    senders, domains = tuple(map(sender_pattern, one.senders)), tuple(map(domain_pattern, one.domains))

    def holds(envelope: Envelope) -> bool:
        return (not senders or any(is_from(envelope.sender, pattern) for pattern in senders)) and (
            not domains
            or all(any(is_in(to.address.domain, pattern) for pattern in domains) for to in envelope.recipients)
        )

    return holds


def report_settings(settings: Settings) -> ReportSettings:
    """What senders are told."""
    notices = settings.notices
    return ReportSettings(settings.hostname, notices.whole_message, notices.to_postmaster)


def runner_settings(settings: Settings) -> RunnerSettings:
    """How much at once."""
    own = settings.relay
    return RunnerSettings(
        at_once=own.at_once,
        per_destination=own.per_destination,
        leases=4 * own.at_once,
        grace=settings.timeouts.shutdown,
    )
