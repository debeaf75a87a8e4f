"""A peer that fails at each step in each way, once, and what becomes of every recipient in the queue.

Runner, courier and session are the real ones; queue, routes, notices and network are doubles on a clock of their own.
The tables say what the first attempt comes to:

``taken``   delivered
``never``   failed, and the sender was told
``later``   nobody was decided about: another host might be tried
``said``    the host wants it later
``unsure``  the message was handed over and not answered for: it may come twice

After that the peer does everything properly, and one more attempt has to bring what was delayed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock

from mailsuite.model import Address, Envelope, Failed, Hop, Pending, Recipient
from mailsuite.net.smtp_client import Courier
from mailsuite.net.smtp_client_settings import CourierSettings, Tls
from mailsuite.offload import Inline
from mailsuite.queue.runner import Runner
from mailsuite.queue.schedule import MINUTE, Schedule
from mailsuite.smtp.client_events import PATIENCE, Login, Step
from mailsuite.smtp.client_outcomes import MAYBE_TAKEN
from mailsuite.testing.network import NEVER, MemoryNetwork, Site
from mailsuite.testing.peer import CLOSE, DEAF, EXTENSIONS, PROPER, SILENCE, Answer, Bye, Flood, Part, ScriptedPeer
from mailsuite.testing.queue import MemoryQueue, NotedReports, TableRouter
from mailsuite.testing.results import result_of
from mailsuite.testing.tls import ReadyTLS

NOW = 1_700_000_000.0
AL, BOB, EVE = Address("al", "a.test"), Address("bob", "b.test"), Address("eve", "b.test")
HOP = Hop("mx.b.test", ("192.0.2.1",), 25)
MESSAGE = b"Subject: hi\r\n\r\ntext\r\n"
LARGE = MESSAGE + b"another line of it\r\n" * 20_000

FAULTS: dict[str, Answer] = {
    "hang": SILENCE,
    "close": CLOSE,
    "421": Bye("421 4.3.2 going down"),
    "4xx": "451 4.3.0 not now",
    "5xx": "554 5.7.1 never",
    "noise": "SSH-2.0-OpenSSH_9.2",
    "half": Part("250 2.0.0 o"),
    "cut": Part("250 2.0.0 o", CLOSE),
    "lines": Flood(b"250-and more\r\n"),
    "line": Flood(b"250 and more "),
}
#: Faults that show only after the patience with a step; what floods is not listened to for so long.
SLOW = {"hang", "half"}
#: Those at which the peer has taken the message, and said part of its 250.
HALVES = {"half", "cut"}
HEAD = "          hang    close   421     4xx     5xx     noise   half    cut     lines   line"
#: One command a turn, or all but the message in one turn.
PLAIN = """
BANNER    later   later   later   later   later   later   later   later   later   later
EHLO      later   later   later   later   later   later   later   later   later   later
MAIL      later   later   later   said    never   later   later   later   later   later
RCPT      later   later   later   said    never   later   later   later   later   later
DATA      later   later   later   said    never   later   later   later   later   later
BODY      unsure  unsure  later   said    never   unsure  unsure  unsure  unsure  unsure
DOT       unsure  unsure  later   said    never   unsure  unsure  unsure  unsure  unsure
QUIT      taken   taken   taken   taken   taken   taken   taken   taken   taken   taken
"""
#: BDAT with the commands: with everything in one turn the message may have been taken, whatever was not answered.
CHUNKED = """
BANNER    later   later   later   later   later   later   later   later   later   later
EHLO      later   later   later   later   later   later   later   later   later   later
MAIL      unsure  unsure  later   said    never   unsure  unsure  unsure  unsure  unsure
RCPT      unsure  unsure  later   said    never   unsure  unsure  unsure  unsure  unsure
DOT       unsure  unsure  later   said    never   unsure  unsure  unsure  unsure  unsure
QUIT      taken   taken   taken   taken   taken   taken   taken   taken   taken   taken
"""
MODES = {
    "plain": (("8BITMIME",), PLAIN),
    "pipelined": (EXTENSIONS, PLAIN),
    "chunked": ((*EXTENSIONS, "CHUNKING"), CHUNKED),
}


class Certified(ReadyTLS):
    """There are no certificates in memory, so none is objected to."""

    def objection(self, creator: object, transport: object) -> str:
        return ""


class World:
    """One message for bob and eve at one host."""

    def __init__(self, site: Site, octets: bytes = MESSAGE, **settings: object) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.network = MemoryNetwork({"192.0.2.1:25": site})
        self.queue = MemoryQueue(self.clock, Schedule(waits=(5 * MINUTE,), jitter=0.0), random.Random(1))
        self.reports = NotedReports()
        chosen = CourierSettings("us.test", **settings)  # type: ignore[arg-type]
        courier = Courier(chosen, self.network.endpoint, Certified(), self.clock, Inline())
        self.runner = Runner(self.queue, TableRouter({"b.test": (HOP,)}), courier, self.reports, self.clock)
        self.runner.start()
        self.queue.add(Envelope("m1", AL, (Recipient(BOB), Recipient(EVE)), NOW), octets)
        self.network.settle()

    @property
    def pending(self) -> dict[Address, Pending]:
        return {one.recipient.address: one for queued in result_of(self.queue.list()) for one in queued.pending}

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.network.settle()

    @property
    def decided(self) -> bool:
        return all(one.attempts for one in self.pending.values())

    def until_decided(self) -> float:
        """Seconds since the message came."""
        while not self.decided:
            assert self.clock.seconds() < NOW + 4000, "the attempt does not end"
            self.wait(1)
        return self.clock.seconds() - NOW

    def fate(self, recipient: Address) -> str:
        """In the words of the tables."""
        failed = [one for _, outcomes in self.reports.reported for one in outcomes if isinstance(one, Failed)]
        if recipient in [one.recipient for one in failed]:
            assert recipient not in self.pending
            return "never"
        if recipient not in self.pending:
            return "taken"
        waits = self.pending[recipient]
        assert waits.due == self.clock.seconds() + 5 * MINUTE
        assert waits.attempts == 1
        assert waits.last_text
        assert waits.last_host == "mx.b.test"
        if MAYBE_TAKEN in waits.last_text:
            assert waits.last_status == "4.4.2"
            return "unsure"
        if waits.last_status == "4.7.8":
            return "not let in"
        return "later" if waits.last_status.startswith("4.4.") else "said"

    @property
    def fates(self) -> tuple[str, str]:
        return self.fate(BOB), self.fate(EVE)

    def again(self) -> None:
        """The next attempt, if there is one, and time for connections to end."""
        for _ in range(6):
            self.wait(MINUTE)

    def assert_over(self) -> None:
        assert self.pending == {}
        assert not any(transport.connected for transport in self.network.transports)
        assert self.clock.getDelayedCalls() == []


def rows(mode: str, table: str) -> Iterator[tuple[str, str, str, str]]:
    for row in table.strip().splitlines():
        step, *fates = row.split()
        yield from ((mode, step, fault, fate) for fault, fate in zip(HEAD.split(), fates, strict=True))


CASES = [case for mode, (_, table) in MODES.items() for case in rows(mode, table)]


@pytest.mark.parametrize(("mode", "step", "fault", "fate"), CASES)
def test_what_becomes_of_everybody(mode: str, step: str, fault: str, fate: str) -> None:
    script = {step: [FAULTS[fault], PROPER], "HELO": [FAULTS[fault], PROPER] if step == "EHLO" else PROPER}
    if step == "RCPT" and fault in ("4xx", "5xx"):  # both
        script[step] = [FAULTS[fault], FAULTS[fault], PROPER]
    peer = ScriptedPeer(script, MODES[mode][0])
    world = World(peer)
    took = world.until_decided()
    assert world.fates == (fate, fate)
    patience = PATIENCE[Step.DOT if step == "BODY" else Step[step]]
    assert took == (patience if fault in SLOW and step != "QUIT" else 0)
    taken_first = len(peer.messages)
    assert fate == "unsure" or taken_first == (1 if fate == "taken" else 0)
    assert taken_first == 1 or not (step == "DOT" and fault in HALVES)
    world.again()
    world.assert_over()
    assert len(peer.messages) == (0 if fate == "never" else 1) + (taken_first if fate == "unsure" else 0)
    assert all(message.octets == MESSAGE for message in peer.messages)
    assert len(world.reports.reported) == (1 if fate == "never" else 0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("answer", "fate"), [("450 4.2.0 greylisted", "said"), ("550 5.1.1 nobody", "never")])
def test_what_one_recipient_is_refused_does_not_harm_the_other(mode: str, answer: str, fate: str) -> None:
    peer = ScriptedPeer({"RCPT bob@b.test": [answer, PROPER]}, MODES[mode][0])
    world = World(peer)
    world.until_decided()
    assert world.fates == (fate, "taken")
    world.again()
    world.assert_over()
    assert [message.recipients for message in peer.messages] == [
        ("<eve@b.test>",),
        *([("<bob@b.test>",)] if fate == "said" else []),
    ]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_was_refused_stays_refused_however_the_session_ends(mode: str, fault: str) -> None:
    """RSET follows once everybody is refused."""
    peer = ScriptedPeer({"RCPT bob@b.test": "550 5.1.1 no", "RCPT eve@b.test": ["450 4.2.0 later", PROPER]})
    peer.script["RSET"] = [FAULTS[fault], PROPER]
    peer.extensions = MODES[mode][0]
    world = World(peer)
    world.until_decided()
    assert world.fates == ("never", "said")
    world.again()
    world.assert_over()
    assert [message.recipients for message in peer.messages] == [("<eve@b.test>",)]


# -- in the middle of the message ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "fate", "took"),
    [
        (CLOSE, "later", 0),
        (Bye("421 4.3.2 going down"), "later", 0),
        ("452 4.3.1 disk full", "said", 0),
        ("552 5.3.4 too big for me", "never", 0),
        ("250 2.0.0 taken already", "later", 0),
        ("blah", "later", 0),
        (DEAF, "later", PATIENCE[Step.BODY]),
    ],
)
@pytest.mark.parametrize("mode", ["plain", "pipelined"])
def test_an_answer_in_the_middle_of_the_message(mode: str, fault: Answer, fate: str, took: float) -> None:
    """RFC 5321 §4.5.3.2.5: each piece of it has its time."""
    peer = ScriptedPeer({"BODY": [fault, PROPER]}, MODES[mode][0])
    world = World(peer, LARGE)
    assert (world.until_decided(), world.fates) == (took, (fate, fate))
    assert peer.messages == []
    world.again()
    world.assert_over()
    assert [message.octets for message in peer.messages] == ([] if fate == "never" else [LARGE])


@pytest.mark.parametrize("mode", ["plain", "pipelined"])
@pytest.mark.parametrize("fault", ["hang", "close", "noise", "cut"])
def test_what_one_recipient_is_told_counts_although_the_session_ends_at_the_other(mode: str, fault: str) -> None:
    peer = ScriptedPeer({"RCPT bob@b.test": "550 5.1.1 nobody", "RCPT eve@b.test": [FAULTS[fault], PROPER]})
    peer.extensions = MODES[mode][0]
    world = World(peer)
    while not world.decided:
        world.wait(1)
    assert world.fates == ("never", "later")
    world.again()
    world.assert_over()
    assert [message.recipients for message in peer.messages] == [("<eve@b.test>",)]


# -- before a session is there -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("site", "took"), [(ConnectionRefusedError(), 0), (NEVER, 30)])
def test_what_becomes_of_everybody_when_nobody_answers(site: Site, took: float) -> None:
    world = World(site)
    assert (world.until_decided(), world.fates) == (took, ("later", "later"))
    assert {waits.last_status for waits in world.pending.values()} == {"4.4.1"}
    peer = ScriptedPeer()
    world.network.sites["192.0.2.1:25"] = peer
    world.again()
    world.assert_over()
    assert len(peer.messages) == 1


WITH_TLS = (*EXTENSIONS, "STARTTLS")
#: TLS where it is offered: what fails is done without, on a new connection; nonsense in the clear ends the attempt.
MAY = """
STARTTLS  later   later   later   taken   taken   later   later   later   later   later
HANDSHAKE taken   taken   taken   taken   taken   taken   taken   taken   taken   taken
"""
VERIFY = """
STARTTLS  later   later   later   secure  secure  later   later   later   later   later
HANDSHAKE secure  secure  secure  secure  secure  secure  secure  secure  secure  secure
"""
TLS_CASES = [*rows("may", MAY), *rows("verify", VERIFY)]


@pytest.mark.parametrize(("mode", "step", "fault", "fate"), TLS_CASES)
def test_what_becomes_of_everybody_when_tls_fails(mode: str, step: str, fault: str, fate: str) -> None:
    """``secure``: delayed for want of TLS (RFC 8461 §5, X.7.5)."""
    peer = ScriptedPeer({step: [FAULTS[fault], PROPER]}, WITH_TLS)
    world = World(peer, tls=Tls(mode))
    took = world.until_decided()
    silent = {"hang"} if step == "HANDSHAKE" else SLOW  # octets that are no TLS end it at once
    assert took == (PATIENCE[Step[step]] if fault in silent else 0)
    if fate == "secure":
        assert [waits.last_status for waits in world.pending.values()] == ["4.7.5"] * 2
        assert not any(line.startswith("MAIL") for session in peer.sessions for line in session.lines)
    else:
        assert world.fates == (fate, fate)
    world.again()
    world.assert_over()
    assert len(peer.messages) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_what_becomes_of_everybody_when_the_login_fails(fault: str) -> None:
    """Wrong credentials are our administrator's fault, not the sender's."""
    peer = ScriptedPeer({"AUTH": [FAULTS[fault], PROPER]}, (*EXTENSIONS, "AUTH PLAIN"))
    world = World(peer, login=Login("us", "secret"), login_in_clear=True)
    assert world.until_decided() == (PATIENCE[Step.AUTH] if fault in SLOW else 0)
    fate = "not let in" if fault in ("4xx", "5xx") else "later"
    assert world.fates == (fate, fate)
    world.again()
    world.assert_over()
    assert len(peer.messages) == 1


def test_a_reply_that_drips_does_not_hold_a_session_for_ever() -> None:
    """Each step has its time, counted from the last whole reply: RFC 5321 §4.5.3.2."""
    world = World(ScriptedPeer({"MAIL": SILENCE}))
    (transport,) = world.network.transports
    while not world.decided:
        transport.feed(b"250-x\r\n")
        world.wait(10)
        assert world.clock.seconds() <= NOW + PATIENCE[Step.MAIL]
    assert world.fates == ("later", "later")
