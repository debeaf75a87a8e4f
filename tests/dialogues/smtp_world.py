"""The server of the SMTP dialogues: here.test with alice and bob, aliases, and a delivery in memory.

Options: ``service`` smtp|submission|lmtp, ``auth_in_clear`` yes, ``trusted`` ADDRESSES, ``message_limit``,
``mechanisms`` NAMES, ``recipients``, ``errors``, ``hops``, ``refused``, ``data_rate``, ``connections``,
``per_address``, ``shown`` ADDRESSES (of the client's certificate), ``no_tls`` yes,
``transactions``, ``recipient_domains``, ``vrfy``, ``expn``, ``etrn`` WHO,
``refuse_early``, ``xclient`` yes, ``greet_delay`` SECONDS, ``commands``, ``idle_commands``,
``account_rates``, ``address_rates`` MESSAGES RECIPIENTS an hour,
``shortest_by``, ``hold_limit`` SECONDS, ``without`` KEYWORDS,
``own_addresses`` sender|from, ``login_failures``, ``rewriting`` yes|broken.
Acts: see ``SMTPWorld.act``.
"""

from __future__ import annotations

import itertools
import re

from twisted.internet.task import Clock

from mailsuite.directory.address_map import parse as parse_map
from mailsuite.directory.rewriting import Masquerade, Rewriting
from mailsuite.errors import DiskFull, NotFound, OverQuota, Temporary, TooBig
from mailsuite.interfaces import IOffload, IRewriting
from mailsuite.model import (
    Accept,
    Address,
    Client,
    Destination,
    Envelope,
    Recipient,
    Refuse,
    Status,
    ToMailbox,
    ToRemote,
    Verdict,
)
from mailsuite.net.address import network_of
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_settings import Service, SMTPSettings
from mailsuite.net.throttle import Throttle
from mailsuite.policy.checks import Check
from mailsuite.policy.ordered import OrderedPolicy, standard_checks
from mailsuite.policy.rates import RateLimits, Rates
from mailsuite.policy.senders import OwnAddresses
from mailsuite.smtp.extensions import Limits, Who
from mailsuite.testing.delivery import Committed, MemoryDelivery
from mailsuite.testing.dialogue import unescape
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.queue import MemoryQueue, NotedReports
from mailsuite.testing.rewriting import FixedRewriting
from mailsuite.testing.sasl_clients import ShownCertificate
from mailsuite.testing.tls import ReadyTLS
from mailsuite.unchanged import UNCHANGED

#: The server's part of the nonce in RFC 7677's example, with which every exchange begins.
NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
ERRORS = {
    "quota": OverQuota("/secret/path is full"),
    "notfound": NotFound("/secret/path is gone"),
    "temporary": Temporary("/secret/path: no such device"),
    "full": DiskFull("/secret/path: no space left"),
    "toobig": TooBig("/secret/path is too small"),
}


class Named(Check):
    """Refuses a client that calls itself ``bad.test``."""

    def at_greeting(self, client: Client) -> Verdict:
        return Refuse(Status(5, 7, 1), "Go away") if client.helo == "bad.test" else Accept()


class SMTPWorld(ShownCertificate, SMTPServerFactory):
    """The factory with what scripts look at."""

    directory: MemoryDirectory
    delivery: MemoryDelivery
    reports: NotedReports

    def act(self, verb: str, text: str) -> None:
        """commits N | drafts N | to DESTINATION... | body OCTETS | trace REGEX | envelope REGEX | asked FIELD=VALUE...
        | notify ADDRESS=ORCPT/NOTIFY... | confirmed ID:ADDRESS[+]...: check what is there, or was told of the last one.
        fail ERROR... | fail_writes ERROR | fail_directory ERROR | hold | hold_writes | hold_directory
        | hold_rewriting | release | stop
        | password ACCOUNT NEW | disable ACCOUNT."""
        getattr(self, f"_{verb}")(text)

    def _commits(self, text: str) -> None:
        assert len(self.delivery.commits) == int(text), self.delivery.commits

    def _drafts(self, text: str) -> None:
        assert self.delivery.open_drafts == int(text)

    @property
    def last(self) -> Committed:
        return self.delivery.commits[-1]

    def _to(self, text: str) -> None:
        assert " ".join(map(name_of, self.last.destinations)) == text, self.last.destinations

    def _body(self, text: str) -> None:
        assert self.last.octets == unescape(text), self.last.octets

    def _trace(self, text: str) -> None:
        assert re.fullmatch(text.encode(), self.last.trace), self.last.trace

    def _envelope(self, text: str) -> None:
        envelope = self.last.envelope
        recipients = " ".join(str(recipient.address) for recipient in envelope.recipients)
        shown = f"{envelope.id} <{envelope.sender}> {recipients} {envelope.body.value} {envelope.arrived:.0f}"
        assert re.fullmatch(text, shown), shown

    def _asked(self, text: str) -> None:
        envelope = self.last.envelope
        default = Envelope(envelope.id, envelope.sender, envelope.recipients, envelope.arrived)
        values = {field: getattr(envelope, field) for field in envelope.__struct_fields__}
        shown = " ".join(f"{name}={value}" for name, value in values.items() if value != getattr(default, name))
        assert shown == text, shown

    def _notify(self, text: str) -> None:
        remote = [to.recipient for to in self.last.destinations if isinstance(to, ToRemote)]
        shown = " ".join(
            f"{one.address}={one.original}/{','.join(sorted(one.notify))}"
            for one in [
                *self.last.envelope.recipients,
                *(one for one in remote if one not in self.last.envelope.recipients),
            ]
        )
        assert shown == text, shown

    def _confirmed(self, text: str) -> None:
        aliases = self.reports.expanded
        shown = " ".join(f"{id}:{one.address}" + "+" * (one.address in aliases) for id, one in self.reports.arrived)
        assert shown == text, shown

    def _fail(self, text: str) -> None:
        self.delivery.fail(*(ERRORS[name] for name in text.split()))

    def _fail_writes(self, text: str) -> None:
        self.delivery.fail_writes(ERRORS[text])

    def _fail_directory(self, text: str) -> None:
        self.directory.fail(ERRORS[text])

    def _hold(self, text: str) -> None:
        self.delivery.hold()

    def _hold_writes(self, text: str) -> None:
        self.delivery.hold_writes()

    def _hold_directory(self, text: str) -> None:
        self.directory.hold()

    def _hold_rewriting(self, text: str) -> None:
        assert isinstance(self.rewriting, FixedRewriting)
        self.rewriting.hold()

    def _release(self, text: str) -> None:
        if isinstance(self.rewriting, FixedRewriting):
            self.rewriting.release()
        self.delivery.release()
        self.directory.release()

    def _password(self, text: str) -> None:
        self.directory.set_password(*text.split())

    def _disable(self, text: str) -> None:
        self.directory.disabled.add(text)

    def _stop(self, text: str) -> None:
        self.shut_down()


def name_of(destination: Destination) -> str:
    """``bob@here.test`` for a mailbox, ``>x@far.test`` for the queue."""
    if isinstance(destination, ToMailbox):
        return destination.account
    return f">{destination.recipient.address}"


def directory() -> MemoryDirectory:
    return MemoryDirectory(
        ["here.test", "also.test", "xn--bcher-kva.test"],
        {"alice@here.test": "wonderland", "bob@here.test": "builder", "jörg@xn--bcher-kva.test": "secret"},
        {
            "sales@here.test": ["alice@here.test", "bob@here.test"],
            "away@here.test": ["alice@elsewhere.test"],
            "mixed@here.test": ["bob@here.test", "out@far.test"],
            "@also.test": ["alice@here.test"],
            "ärger@here.test": ["alice@here.test"],
            "bob@xn--bcher-kva.test": ["bob@here.test"],
        },
    )


def settings(options: dict[str, str]) -> SMTPSettings:
    trusted = options.get("trusted", "").split()
    limits = Limits(
        message=int(options.get("message_limit", 1 << 20)),
        recipients=int(options.get("recipients", 100)),
        errors=int(options.get("errors", 20)),
        commands=int(options.get("commands", 1000)),
        idle_commands=int(options.get("idle_commands", 100)),
        transactions=int(options.get("transactions", 0)),
        recipient_domains=int(options.get("recipient_domains", 0)),
    )
    return SMTPSettings(
        hostname="mx.here.test",
        service=Service(options.get("service", "smtp")),
        starttls=options.get("tls") != "implicit",
        allow_plaintext_auth=options.get("auth_in_clear") == "yes",
        trusted=lambda address: address in trusted,
        limits=limits,
        refused_recipients=int(options.get("refused", 20)),
        vrfy=Who(options.get("vrfy", "authenticated")),
        expn=Who(options.get("expn", "authenticated")),
        etrn=Who(options.get("etrn", "trusted")),
        shortest_by=int(options.get("shortest_by", 0)),
        hold_limit=int(options.get("hold_limit", 0)),
        without=frozenset(options.get("without", "").split()),
        mend_bare_lf=options.get("mend_bare_lf") == "yes",
        mechanisms=tuple(options.get("mechanisms", "PLAIN LOGIN").split()),
        data_rate=float(options.get("data_rate", 0)),
        refuse_early=options.get("refuse_early") == "yes",
        greet_delay=float(options.get("greet_delay", 0)),
        auth_failures=int(options.get("login_failures", 3)),
        xclient=lambda address: options.get("xclient") == "yes",
    )


def senders(options: dict[str, str], people: MemoryDirectory) -> list[Check]:
    """``own_addresses`` sender|from."""
    asked = options.get("own_addresses")
    return [OwnAddresses(people.resolve, ["bob@here.test"], asked == "from")] if asked else []


CANONICAL = """\
al@here.test      alice@here.test
robert@here.test  bob@here.test
gone@here.test    gone@far.test
typo@here.test    nobody@here.test
@former.test      @far.test
"""


def rewriting(options: dict[str, str]) -> IRewriting:
    """``rewriting`` yes|broken."""
    if "rewriting" not in options:
        return UNCHANGED
    table = parse_map(CANONICAL, "/canonical", ["here.test"])
    hosts = Masquerade(["here.test"])
    found = FixedRewriting(Rewriting([hosts, table], [table], [], lambda client: client.trusted))
    found.failing = ERRORS["temporary"] if options["rewriting"] == "broken" else None
    return found


def waiting(clock: Clock) -> MemoryQueue:
    """A queue with mail for far.test and deep.far.test."""
    queue = MemoryQueue(clock)
    for id, domain in (("Q1", "far.test"), ("Q2", "far.test"), ("Q3", "deep.far.test")):
        recipients = (Recipient(Address("x", domain)),)
        queue.add(Envelope(id, Address("alice", "here.test"), recipients, clock.seconds()), b"x\r\n")
    return queue


def rates(options: dict[str, str], clock: Clock, admission: Admission) -> Rates:
    by_account, by_address = (
        [int(number) for number in options.get(key, "0 0").split()] for key in ("account_rates", "address_rates")
    )
    return Rates(RateLimits(*by_account, *by_address), network_of, clock, admission.hits)


def build(options: dict[str, str], clock: Clock, offload: IOffload) -> SMTPWorld:
    people = directory()
    numbers = itertools.count(1)
    limit = int(options.get("message_limit", 1 << 20))
    standard = standard_checks(limit, int(options.get("hops", 3)))
    admission = Admission(int(options.get("connections", 100)), int(options.get("per_address", 100)))
    world = SMTPWorld(
        settings(options),
        people,
        OrderedPolicy([Named(), *standard, *senders(options, people), rates(options, clock, admission)]),
        MemoryDelivery(),
        Login(people, Throttle(clock), clock, lambda: NONCE),
        admission,
        None if options.get("no_tls") == "yes" else ReadyTLS(),
        clock,
        lambda: f"M{next(numbers)}",
        NotedReports(),
        waiting(clock),
        rewriting=rewriting(options),
    )
    world.shown = tuple(options.get("shown", "").split())
    return world
