"""Where a message would go: mailboxes here, the transport that decides, what DNS says, TLS towards each host."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailsuite.config.interfaces import Interface
from mailsuite.config.locate import Path
from mailsuite.config.option import TlsMode
from mailsuite.config.relay import RelayTls, Transport, Way
from mailsuite.config.schema import Settings
from mailsuite.errors import MailError, NoRoute, OnHold
from mailsuite.interfaces import IDirectory, IResolver
from mailsuite.model import Address, Hop, Recipient, Resolution, TlsLevel, ToMailbox, ToRemote
from mailsuite.net.smtp_transaction import destinations_for
from mailsuite.routing.names import is_address
from mailsuite.routing.patterns import domain_pattern, is_in
from mailsuite.routing.security import PolicyOf
from mailsuite.routing.transports import DISCARD, DISCARDED
from mailsuite.services import relay
from mailsuite.services.explain_return_path import ReturnPathsTold
from mailsuite.services.explain_schedule import schedule_of
from mailsuite.services.explained import Answer, Rules, Step
from mailsuite.services.home import HOME, HomeRouter
from mailsuite.services.noted_dns import Look, NotedResolver

_TLS = {
    RelayTls.NEVER: "no TLS",
    RelayTls.MAY: "TLS if it is offered, with any certificate",
    RelayTls.REQUIRE: "TLS or nothing, with any certificate",
    RelayTls.VERIFY: "TLS with a valid certificate or nothing",
}

_LEVELS = {
    **{TlsLevel(level.value): words for level, words in _TLS.items()},
    TlsLevel.DANE: "TLS with the certificate of the TLSA records or nothing",
}


class Ways:
    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        directory: IDirectory,
        resolver: IResolver,
        interfaces: Sequence[Interface],
        policy_of: PolicyOf,
        return_paths: ReturnPathsTold,
        outside: Callable[[Sequence[Address]], Sequence[Step]],
    ) -> None:
        """``outside`` tells what becomes of addresses in mail for other servers."""
        self._outside = outside
        self._return_paths = return_paths
        self._settings = settings
        self._rules = rules
        self._resolver = NotedResolver(resolver)
        self._router = HomeRouter(directory, relay.router(settings, self._resolver, interfaces, policy_of))

    async def follow(self, steps: list[Step], sender: Address, recipient: Address, found: Resolution) -> None:
        """To each destination of an accepted recipient."""
        for to in destinations_for(Recipient(recipient), found):
            if isinstance(to, ToMailbox):
                steps.append(Step("outcome", str(recipient), Answer.YES, f"into {to.mailbox} of {to.account}"))
            else:
                await self._relay(steps, sender, recipient, to)

    async def _relay(self, steps: list[Step], sender: Address, recipient: Address, to: ToRemote) -> None:
        address = to.recipient.address
        domain = address.domain
        return_path, said = await self._return_paths.of(sender, to)
        steps += said
        steps.append(self._rule(domain, sender))
        self._resolver.looks.clear()
        outcome = Answer.YES
        hops: tuple[Hop, ...] = ()
        try:
            hops = await self._router.route(domain, sender)
            words = "queued for " + ", ".join(_shown(hop) for hop in hops)
            if DISCARDED in hops:
                words = "taken and discarded; nobody is told"
        except OnHold as error:
            outcome, words = Answer.LATER, f"kept on hold until somebody releases it: {error}"
        except NoRoute as error:
            outcome, words = Answer.NO, f"returned to the sender: {error.status} {error}"
        except MailError as error:
            outcome, words = Answer.LATER, f"queued, and tried again: {error}"
        steps += self._answers()
        if hops and self._is_smtp(hops[0]):
            steps += self._outside([return_path, address])
        if outcome is not Answer.NO and DISCARDED not in hops:
            steps.append(schedule_of(self._settings, self._rules, sender, address))
        for hop in hops:
            await self._protection(steps, domain, hop)
        about = str(recipient) if address == recipient else f"{recipient} -> {address}"
        steps.append(Step("outcome", about, outcome, words))

    def _is_smtp(self, hop: Hop) -> bool:
        """Whether it is another mail server, rather than something of ours."""
        if hop is HOME or hop.transport == DISCARD:
            return False
        kind, _, index = hop.transport.partition(" ")
        return kind != "transport" or self._settings.transports[int(index)].way is not Way.LMTP

    # -- which way -------------------------------------------------------------------------------------------------

    def _rule(self, domain: str, sender: Address) -> Step:
        for index, one in enumerate(self._settings.transports):
            if relay.rule_of(index, one).holds(domain.lower(), sender):
                return self._rules.step("route", domain, Answer.NOTE, _way(one), "transport", index)
        if self._settings.smarthost.host:
            words = f"to the smarthost {self._settings.smarthost.host}"
            return self._rules.step("route", domain, Answer.NOTE, words, "smarthost", "host")
        return self._rules.step("route", domain, Answer.NOTE, "by MX records", "smarthost", "host")

    async def _protection(self, steps: list[Step], domain: str, hop: Hop) -> None:
        """How TLS is to be there, and what DNS says about it."""
        if hop is HOME or hop.transport == DISCARD:
            return
        words, path = self._tls(hop, domain)
        steps.append(self._rules.step("tls", hop.host, Answer.NOTE, words, *path))
        if hop.transport or is_address(hop.host.strip("[]")):
            return
        for question in (
            self._resolver.tlsa(f"_{hop.port}._tcp.{hop.host}"),  # RFC 7672 §2.2
            self._resolver.txt(f"_mta-sts.{domain}"),  # RFC 8461 §3.1
        ):
            try:
                await question
            except MailError:
                continue
        steps += self._answers()

    def _answers(self) -> list[Step]:
        """What DNS was asked since the last time."""
        looks = list(dict.fromkeys(self._resolver.looks))
        self._resolver.looks.clear()
        return [_answered(look) for look in looks]

    def _source(self, hop: Hop, domain: str) -> Path:
        """Which option has it asked for."""
        for index, one in enumerate(self._settings.tls_policies):
            if any(is_in(domain.lower(), domain_pattern(pattern)) for pattern in one.domains):
                return ("tls_policy", index)
        return ("relay", "dane") if hop.security.source == "DANE" else ("relay", "mta_sts")

    def _tls(self, hop: Hop, domain: str) -> tuple[str, Path]:
        settings = self._settings
        if hop.transport == relay.SMARTHOST:
            mode = settings.smarthost.tls
            words = "no TLS" if mode is TlsMode.NONE else f"{mode.value} TLS with a valid certificate or nothing"
            return words, ("smarthost", "tls")
        asked = hop.security
        if asked.level is not TlsLevel.USUAL:
            own = f", for one of {', '.join(asked.names)}" if asked.names else ""
            return f"{_LEVELS[asked.level]}{own} ({asked.source})", self._source(hop, domain)
        if hop.transport:
            index = int(hop.transport.rpartition(" ")[2])
            return _TLS[settings.transports[index].tls], ("transport", index, "tls")
        return _TLS[settings.relay.tls], ("relay", "tls")


def _way(one: Transport) -> str:
    match one.way:
        case Way.HOST:
            return f"to {one.host}:{one.port}"
        case Way.LMTP:
            return f"to {one.host}:{one.port} by LMTP"
        case Way.HOLD:
            return "on hold, until somebody releases it"
        case Way.ERROR:
            return f"back to the sender: {one.text}"
        case Way.DISCARD:
            return "nowhere, in silence"
    return "the usual way"


def _answered(look: Look) -> Step:
    words = look.error or ", ".join(look.answer) or "no such records"
    if look.secure:
        words += " (signed)"
    return Step("dns", look.name, Answer.NOTE, words, look.kind)


def _shown(hop: Hop) -> str:
    if hop is HOME or hop.transport == DISCARD:
        return hop.host
    addresses = ", ".join(hop.addresses)
    return f"{hop.host}:{hop.port}" + (f" ({addresses})" if addresses != hop.host else "")
