"""net.smtp_server: what the seams are asked and what comes of their answers; sessions are in tests/dialogues/smtp."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from zope.interface.verify import verifyObject

from mailsuite.errors import Temporary
from mailsuite.interfaces import IDelivery, IDirectory, IDraft, IPolicy
from mailsuite.model import (
    AddHeader,
    Address,
    Client,
    Later,
    Refuse,
    Remote,
    Status,
    ToRemote,
)
from mailsuite.net.connection import MAX_AHEAD
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_server import SMTPConnection
from mailsuite.net.smtp_settings import Service, SMTPSettings
from mailsuite.net.throttle import Throttle
from mailsuite.policy.ordered import OrderedPolicy, standard_checks
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.policy import Answer, ScriptedPolicy
from mailsuite.testing.queue import MemoryQueue, NotedReports
from mailsuite.testing.results import result_of, unfired
from mailsuite.testing.tls import ReadyTLS
from mailsuite.testing.transport import FakeTransport

START = 1_750_000_000.0

STOPPED = "421 4.3.2 The server is being stopped; try again in a few minutes"
ASK = "; ask postmaster@mx.here.test about "
LASTED = "421 4.4.2 This session has lasted too long; connect again; ask postmaster@mx.here.test about "


class World:
    """A factory over doubles, and the connections made to it."""

    def __init__(self, policy: IPolicy | None = None, settings: SMTPSettings | None = None, keep: bool = True) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.directory = MemoryDirectory(
            ["here.test"], {"bob@here.test": "secret"}, {"list@here.test": ["bob@here.test", "eve@far.test"]}
        )
        self.delivery = MemoryDelivery(keep)
        self.admission = Admission(3, 2)
        numbers = itertools.count(1)
        self.factory = SMTPServerFactory(
            settings or SMTPSettings("mx.here.test", allow_plaintext_auth=True),
            self.directory,
            policy or OrderedPolicy(standard_checks(1 << 26, 50)),
            self.delivery,
            Login(self.directory, Throttle(self.clock), self.clock),
            self.admission,
            ReadyTLS(),
            self.clock,
            lambda: f"M{next(numbers)}",
            NotedReports(),
            MemoryQueue(self.clock),
        )

    def connect(self, peer: str = "192.0.2.1") -> Peer:
        return Peer(self, peer)


class Peer:
    """A client in memory; ``say`` gives the reply lines it caused."""

    def __init__(self, world: World, address: str) -> None:
        self.world = world
        self.transport = FakeTransport(address)
        self.protocol: Any = world.factory.buildProtocol(self.transport.getPeer())
        self.transport.connect(self.protocol)
        self.banner = self.read()

    def say(self, data: bytes) -> list[str]:
        self.transport.feed(data)
        return self.read()

    def read(self) -> list[str]:
        """Until nothing moves any more."""
        data, moved = b"", True
        while moved:
            moved = self.transport.settle()
            piece = self.transport.take()
            data += piece
            moved = moved or bool(piece)
        return data.decode("ascii").splitlines()

    def greet(self) -> Peer:
        self.say(b"EHLO client.test\r\n")
        return self

    def last(self, data: bytes) -> str:
        return self.say(data)[-1]


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


SEND = b"MAIL FROM:<a@far.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n"

# -- relaying --------------------------------------------------------------------------------------------------------

RELAY_ATTEMPTS = [
    # plain, and every way in which another server has been made to relay
    "<x@far.test>",
    "<X@FAR.TEST>",
    "<@here.test:x@far.test>",
    "<@here.test,@here.test:x@far.test>",
    "<@far.test:x@far.test>",
    "<x%far.test@here.test>",
    "<x%far.test@HERE.test>",
    "<x%far.test@[127.0.0.1]>",
    "<far.test!x@here.test>",
    "<far.test!x>",
    "<here.test!far.test!x@here.test>",
    '<"x@far.test"@here.test>',
    '<"x@far.test">',
    '<"x%far.test"@here.test>',
    '<"far.test!x"@here.test>',
    '<"<x@far.test>"@here.test>',
    r'<"x\@far.test"@here.test>',
    "<x@far.test@here.test>",
    "<x@here.test@far.test>",
    "<x@far.test.>",
    "<bob@here.test.>",
    "<x@[192.0.2.99]>",
    "<x@[127.0.0.1]>",
    "<bob@[127.0.0.1]>",
    "<x@[IPv6:::1]>",
    "<x@127.0.0.1>",
    "<x@localhost>",
    "<x@sub.here.test>",
    "<bob@sub.here.test>",
    "<x@here.test.far.test>",
    "<x@far.test\x00@here.test>",
    "<x@far.test,bob@here.test>",
    "<x@far.test> <bob@here.test>",
    "<x@far.test (here.test)>",
    "<x@far.test;bob@here.test>",
    "<bob@here.test\\@far.test>",
    "<@here.test:@far.test:x@far.test>",
    "<@here.test:bob@here.test@far.test>",
    "<smtp:x@far.test>",
    "<x=far.test@here.test>",
    "<x+far.test@here.test>",
    "x@far.test",
    "x@far.test <bob@here.test>",
    "<>",
]


@pytest.mark.parametrize("sender", [b"<x@far.test>", b"<bob@here.test>", b"<>", b"<postmaster@here.test>"])
@pytest.mark.parametrize("path", RELAY_ATTEMPTS, ids=repr)
def test_a_stranger_cannot_relay(path: str, sender: bytes) -> None:
    world = World()
    peer = world.connect().greet()
    assert peer.last(b"MAIL FROM:" + sender + b"\r\n") == "250 2.1.0 Ok"
    answer = peer.last(b"RCPT TO:" + path.encode() + b"\r\n")
    assert answer.startswith(("550 5.1.1 ", "550 5.7.1 ", "501 5.1.3 ", "501 5.5.4 ", "500 5.5.2 ")), answer
    assert peer.last(b"DATA\r\n").startswith("503 ")


@pytest.mark.parametrize(
    ("path", "mailbox"),
    [(b"<@far.test:bob@here.test>", True), (b"<BOB@HERE.TEST>", True), (b"<bob+x%y@here.test>", True)],
)
def test_local_mail_with_odd_paths_stays_here(path: bytes, mailbox: bool) -> None:
    world = World()
    peer = world.connect().greet()
    peer.say(b"MAIL FROM:<>\r\nRCPT TO:" + path + b"\r\nDATA\r\n.\r\n")
    (commit,) = world.delivery.commits
    assert [type(one) for one in commit.destinations] != [ToRemote]


def test_a_failed_login_gives_no_rights() -> None:
    peer = World().connect().greet()
    peer.say(b"AUTH PLAIN AGJvYkBoZXJlLnRlc3QAd3Jvbmc=\r\n")
    peer.world.clock.advance(0)
    peer.say(b"MAIL FROM:<>\r\n")
    assert peer.last(b"RCPT TO:<x@far.test>\r\n").startswith("550 5.7.1 ")


def test_rights_do_not_outlive_the_handshake() -> None:
    settings = SMTPSettings("mx.here.test", allow_plaintext_auth=True, starttls=True)
    peer = World(settings=settings).connect().greet()
    assert peer.last(b"AUTH PLAIN AGJvYkBoZXJlLnRlc3QAc2VjcmV0\r\n").startswith("235 ")
    assert peer.last(b"STARTTLS\r\n").startswith("220 ")
    peer.transport.finish_tls()
    peer.greet()
    peer.say(b"MAIL FROM:<>\r\n")
    assert peer.last(b"RCPT TO:<x@far.test>\r\n").startswith("550 5.7.1 ")
    assert peer.protocol.client.account == ""


# -- policy ----------------------------------------------------------------------------------------------------------


def test_policy_hears_everything_in_order() -> None:
    policy = ScriptedPolicy()
    peer = World(policy).connect().greet()
    peer.say(b"MAIL FROM:<a@far.test> SIZE=17\r\nRCPT TO:<bob@here.test>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\n")
    assert [asked[0] for asked in policy.asked] == ["connect", "greeting", "sender", "recipient", "message"]
    assert policy.asked[0][1] == Client("192.0.2.1", 40000, "smtp")
    client = Client("192.0.2.1", 40000, "smtp", "client.test")
    sender = Address("a", "far.test")
    assert policy.asked[2][1:] == (client, sender, 17)
    assert policy.asked[3][1:4] == (client, sender, Address("bob", "here.test"))
    envelope, header, size = policy.asked[4][2:]
    assert (envelope.id, envelope.arrived, header, size) == ("M1", START, b"Subject: x\r\n\r\n", 21)


@pytest.mark.parametrize(
    ("point", "verdict", "expected"),
    [
        ("greeting", Refuse(Status(5, 7, 1), "no"), "550 5.7.1 no"),
        ("greeting", Later(Status(4, 7, 0), "wait"), "450 4.7.0 wait"),
        ("sender", Refuse(Status(5, 7, 1), "no"), "550 5.7.1 no"),
        ("sender", Later(Status(4, 7, 0), "wait"), "451 4.7.0 wait"),
        ("recipient", Refuse(Status(5, 2, 2), "no"), "552 5.2.2 no"),
        ("recipient", Later(Status(4, 2, 2), "full"), "452 4.2.2 full"),
        ("recipient", Later(Status(4, 7, 1), "grey"), "450 4.7.1 grey"),
        ("message", Refuse(Status(5, 7, 0), "no"), "554 5.7.0 no"),
        ("message", Later(Status(4, 7, 0), "wait"), "451 4.7.0 wait"),
        ("message", Refuse(Status(5, 7, 1), "a\r\n250 b"), "550 5.7.1 a 250 b"),
    ],
)
def test_a_verdict_is_answered_where_it_is_given(point: str, verdict: Answer, expected: str) -> None:
    world = World(ScriptedPolicy(**{point: verdict}))
    peer = world.connect()
    answers = peer.say(b"EHLO x\r\n") + peer.say(b"MAIL FROM:<a@far.test>\r\n")
    answers += peer.say(b"RCPT TO:<bob@here.test>\r\n") + peer.say(b"DATA\r\n") + peer.say(b"x\r\n.\r\n")
    code, text = expected[:10], expected[10:]
    said = [answer for answer in answers if answer.startswith(code) and text in answer]
    assert [answer for answer in said if answer.endswith("; ask postmaster@mx.here.test about M1")]
    assert not world.delivery.commits
    assert world.delivery.open_drafts == 0


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [(Refuse(Status(5, 7, 1), "no"), "554 5.7.1 no"), (Later(Status(4, 7, 0), "wait"), "421 4.7.0 wait")],
)
def test_a_client_refused_at_the_door_is_sent_away(verdict: Answer, expected: str) -> None:
    peer = World(ScriptedPolicy(connect=verdict)).connect()
    assert peer.banner == [f"{expected}; ask postmaster@mx.here.test about M1"]
    peer.read()
    assert not peer.transport.connected


def test_header_fields_of_policy_stand_above_the_trace_field() -> None:
    points = ("connect", "greeting", "sender", "recipient", "message")
    world = World(ScriptedPolicy(**{name: AddHeader(f"X-{name}: 1\r\n".encode()) for name in points}))
    peer = world.connect().greet().greet()
    peer.say(SEND + b".\r\n" + SEND + b".\r\n")
    for commit in world.delivery.commits:
        names = [line.split(b":")[0].decode() for line in commit.trace.split(b"\r\n")[:6]]
        assert names == [*(f"X-{name}" for name in points), "Received"]


def test_a_remote_recipient_of_a_trusted_client_goes_to_the_queue() -> None:
    world = World(settings=SMTPSettings("mx.here.test", trusted=lambda address: address == "192.0.2.1"))
    peer = world.connect().greet()
    peer.say(b"MAIL FROM:<>\r\nRCPT TO:<x@far.test>\r\nRCPT TO:<list@here.test>\r\nDATA\r\n.\r\n")
    (commit,) = world.delivery.commits
    assert [getattr(one, "account", "") or str(one.recipient.address) for one in commit.destinations] == [
        "x@far.test",
        "bob@here.test",
        "eve@far.test",
    ]


# -- bodies ----------------------------------------------------------------------------------------------------------


def test_a_large_message_adds_little_memory() -> None:
    world = World(keep=False)
    peer = world.connect().greet()
    assert peer.last(SEND).startswith("354 ")
    chunk = b"The quick brown fox jumps over the lazy dog, again and again.\r\n" * 1024
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(50 * 2**20 // len(chunk)):
        peer.protocol.dataReceived(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peer.last(b".\r\n").startswith("250 2.0.0 ")
    assert peak - before < 4 * 2**20


def test_a_slow_draft_pauses_the_client_and_bounds_what_waits() -> None:
    world = World()
    peer = world.connect().greet()
    assert peer.last(SEND).startswith("354 ")
    world.delivery.hold_writes()
    sent = 0
    while not peer.transport.paused and sent < 10 * MAX_AHEAD:
        peer.protocol.dataReceived(b"x" * 1000 + b"\r\n")
        sent += 1002
    assert sent < MAX_AHEAD + 5000
    peer.protocol.dataReceived(b".\r\nNOOP\r\n")
    assert not world.delivery.commits
    world.delivery.release()
    assert not peer.transport.paused
    assert [line[:9] for line in peer.read()] == ["250 2.0.0", "250 2.0.0"]
    assert len(world.delivery.commits[0].octets) == sent


def test_a_connection_lost_while_the_draft_waits_leaves_nothing() -> None:
    world = World()
    peer = world.connect().greet()
    peer.say(SEND)
    world.delivery.hold_writes()
    peer.say(b"x\r\n")
    peer.transport.hang_up()
    peer.read()
    assert (world.delivery.commits, world.delivery.open_drafts) == ([], 0)
    world.delivery.release()


def test_a_commit_that_has_begun_is_not_disturbed_by_hanging_up(logged: list[LogEvent]) -> None:
    world = World()
    peer = world.connect().greet()
    world.delivery.hold()
    assert peer.last(SEND).startswith("354 ")
    assert peer.say(b"x\r\n.\r\n") == []
    peer.transport.hang_up()
    peer.read()
    assert not world.delivery.commits
    world.delivery.release()
    assert len(world.delivery.commits) == 1
    assert world.delivery.open_drafts == 0
    assert not any("log_failure" in event for event in logged)


def test_who_drips_octets_is_not_served_for_ever() -> None:
    world = World()
    peer = world.connect().greet()
    peer.say(SEND)
    answers: list[str] = []
    for _ in range(7200 // 200 + 1):
        world.clock.advance(200)
        answers += peer.say(b"x")
    assert answers == [f"{LASTED}M1"]
    assert not peer.transport.connected
    assert world.delivery.open_drafts == 0
    assert world.clock.getDelayedCalls() == []


def test_a_session_at_its_limit_hears_what_became_of_its_message() -> None:
    world = World(settings=SMTPSettings("mx.here.test", session_limit=60.0))
    peer = world.connect().greet()
    world.delivery.hold()
    peer.say(SEND + b"x\r\n.\r\n")
    world.clock.advance(60)
    assert peer.read() == []
    world.delivery.release()
    assert peer.last(b"").startswith("250 2.0.0 ")
    world.clock.advance(1)
    assert peer.read() == [f"{LASTED}M2"]
    assert not peer.transport.connected


def test_a_removed_account_sends_no_more() -> None:
    world = World(settings=SMTPSettings("mx.here.test", service=Service.SUBMISSION, allow_plaintext_auth=True))
    peer = world.connect().greet()
    peer.say(b"AUTH PLAIN AGJvYkBoZXJlLnRlc3QAc2VjcmV0\r\n")
    assert peer.last(b"MAIL FROM:<bob@here.test>\r\n").startswith("250 ")
    world.directory.fail(Temporary("/secret/path cannot be read"))
    assert peer.say(b"RSET\r\nMAIL FROM:<bob@here.test>\r\n")[1].startswith("451 4.3.0 ")
    del world.directory.accounts["bob@here.test"]
    assert peer.say(b"MAIL FROM:<bob@here.test>\r\n") == [
        "421 4.7.0 Your account is gone or disabled, or its password was changed; log in again; "
        "ask postmaster@mx.here.test about M4"
    ]
    assert not peer.transport.connected


def ends_of(logged: list[LogEvent]) -> list[str]:
    """The lines that tell what became of a message."""
    lines = [event["log_format"].format(**event) for event in logged]
    return [line for line in lines if " size=" in line]


def test_a_message_accepted_after_its_client_left_is_one_line_in_the_log(logged: list[LogEvent]) -> None:
    world = World()
    peer = world.connect().greet()
    world.delivery.hold()
    peer.say(SEND + b"x\r\n.\r\n")
    peer.transport.hang_up()
    peer.read()
    assert ends_of(logged) == []
    world.delivery.release()
    (line,) = ends_of(logged)
    assert line.startswith("M1: from=<a@far.test> to=<bob@here.test> size=3 client=192.0.2.1:40000 account=: 250 2.0.0")


@pytest.mark.parametrize(("error", "ends"), [(Temporary("no space"), 1), (ZeroDivisionError("a bug"), 0)])
def test_what_fails_after_its_client_left_is_in_the_log(error: Exception, ends: int, logged: list[LogEvent]) -> None:
    world = World()
    committed: Deferred[None] = Deferred()
    world.delivery.commit = lambda *_: committed  # type: ignore[method-assign]
    peer = world.connect().greet()
    peer.say(SEND + b"x\r\n.\r\n")
    peer.transport.hang_up()
    peer.read()
    committed.errback(error)
    assert [" 451 " in line or ": 451" in line for line in ends_of(logged)] == [True] * ends
    assert sum("log_failure" in event for event in logged) == 1 - ends


@pytest.mark.parametrize("ending", [b"RSET\r\n", b"EHLO x\r\n", b"QUIT\r\n"])
def test_what_ends_a_transaction_ends_its_recipients(ending: bytes) -> None:
    world = World()
    peer = world.connect().greet()
    peer.say(b"MAIL FROM:<>\r\nRCPT TO:<bob@here.test>\r\n" + ending)
    assert peer.protocol._transaction is None


def test_no_answer_before_the_delivery_has_spoken() -> None:
    world = World()
    peer = world.connect().greet()
    world.delivery.hold()
    peer.say(SEND)
    assert peer.say(b"x\r\n.\r\nNOOP\r\n") == []
    world.delivery.release()
    assert peer.read() == ["250 2.0.0 Ok: queued as M1", "250 2.0.0 Ok"]


# -- order -----------------------------------------------------------------------------------------------------------

TURNS = [
    b"EHLO x\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<bob@here.test>\r\n", b"RCPT TO:<no@here.test>\r\n", b"DATA\r\n",
    b"text\r\n", b".\r\n", b"a\nb\r\n", b"NOOP\r\n", b"RSET\r\n", b"FOO\r\n",
    b"AUTH PLAIN AGJvYkBoZXJlLnRlc3QAc2VjcmV0\r\n", SEND, SEND + b"text\r\n.\r\n", b"QUIT\r\n",
]  # fmt: skip


def conversation(pieces: list[bytes], slow: bool) -> tuple[list[str], list[bytes], int]:
    """Answers, messages taken and drafts left; ``slow``: every seam answers later, one round at a time."""
    world = World()
    peer = world.connect()
    lines = list(peer.banner)
    for piece in pieces:
        if slow:
            world.directory.hold()
            world.delivery.hold()
            world.delivery.hold_writes()
        lines += peer.say(piece)
    for _ in range(200 if slow else 0):
        world.directory.release()
        world.delivery.release()
        world.directory.hold()
        world.delivery.hold()
        world.delivery.hold_writes()
        lines += peer.read()
    peer.transport.hang_up()
    peer.read()
    return lines, [commit.octets for commit in world.delivery.commits], world.delivery.open_drafts


@given(st.lists(st.sampled_from(TURNS), max_size=12), st.lists(st.integers(0, 400), max_size=6))
@settings(max_examples=60)
def test_answers_and_messages_do_not_depend_on_cuts_or_on_slow_seams(turns: list[bytes], at: list[int]) -> None:
    stream = b"EHLO x\r\n" + b"".join(turns)
    cuts = sorted({min(cut, len(stream)) for cut in at} | {0, len(stream)})
    pieces = [stream[a:b] for a, b in itertools.pairwise(cuts)]
    expected = conversation([stream], slow=False)
    assert conversation(pieces, slow=False) == expected
    assert conversation(pieces, slow=True) == expected
    assert expected[2] == 0


# -- faults of ours --------------------------------------------------------------------------------------------------


def explode(*_: object) -> Any:
    raise ZeroDivisionError("secret detail")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda world: setattr(world.directory, "resolve", explode),
        lambda world: setattr(world.delivery, "draft", explode),
        lambda world: setattr(world.delivery, "commit", explode),
        lambda world: setattr(world.factory.policy, "at_sender", explode),
        lambda world: setattr(world.factory.policy, "at_message", explode),
        lambda world: setattr(world.factory, "ids", explode),
    ],
)
def test_a_fault_of_ours_is_logged_and_temporary(spoil: Callable[[World], None], logged: list[LogEvent]) -> None:
    world = World()
    peer = world.connect().greet()
    spoil(world)
    answers = peer.say(SEND + b"x\r\n.\r\nNOOP\r\n")
    peer.read()
    assert answers[-1].startswith("421 4.3.0 Something is wrong here; try again later")
    assert not peer.transport.connected
    assert not any("secret" in answer for answer in answers)
    assert [str(event["log_failure"].value) for event in logged if "log_failure" in event] == ["secret detail"]
    assert not world.delivery.commits


def test_a_policy_that_lets_unknown_users_in_is_a_fault(logged: list[LogEvent]) -> None:
    world = World()
    world.factory.policy = OrderedPolicy([])
    peer = world.connect().greet()
    peer.say(b"MAIL FROM:<>\r\n")
    assert peer.last(b"RCPT TO:<nobody@here.test>\r\n").startswith("421 4.3.0 ")
    assert sum("log_failure" in event for event in logged) == 1


def test_a_message_is_one_line_in_the_log_without_its_words(logged: list[LogEvent]) -> None:
    world = World()
    peer = world.connect().greet()
    peer.say(b"AUTH PLAIN AGJvYkBoZXJlLnRlc3QAc2VjcmV0\r\n")
    peer.say(SEND + b"Subject: private\r\n\r\nvery private\r\n.\r\n")
    lines = [event["log_format"].format(**event) for event in logged if event["log_namespace"].startswith("mailsuite")]
    assert [line for line in lines if line.startswith("M1: ")] == [
        "M1: from=<a@far.test> to=<bob@here.test> size=34 client=192.0.2.1:40000 account=bob@here.test: "
        "250 2.0.0 Ok: queued as M1"
    ]
    assert not any("private" in line or "secret" in line or "c2Vjc" in line for line in lines)


# -- connections -----------------------------------------------------------------------------------------------------


def test_connections_are_counted_and_given_back() -> None:
    world = World()
    first, second = world.connect(), world.connect()
    assert world.connect().banner == [
        "421 4.7.0 Too many connections from your network; close one, or try again later; "
        "ask postmaster@mx.here.test about M1"
    ]
    first.say(b"QUIT\r\n")
    first.read()
    assert world.connect().banner == ["220 mx.here.test ESMTP"]
    assert second.last(b"NOOP\r\n") == "250 2.0.0 Ok"


def test_shutting_down_waits_for_what_is_in_flight() -> None:
    world = World()
    idle, busy = world.connect("192.0.2.1"), world.connect("192.0.2.2").greet()
    world.delivery.hold()
    busy.say(SEND + b"x\r\n.\r\nNOOP\r\n")
    done = world.factory.shut_down()
    assert idle.read() == [f"{STOPPED}{ASK}M2"]
    idle.read()
    assert unfired(done)
    assert world.connect("192.0.2.3").banner == [STOPPED]
    world.delivery.release()
    assert busy.read() == [
        "250 2.0.0 Ok: queued as M1",
        f"{STOPPED}{ASK}M3",
    ]
    busy.read()
    assert result_of(done) is None


def test_shutting_down_waits_for_a_body_that_is_coming() -> None:
    world = World()
    peer = world.connect().greet()
    peer.say(SEND + b"one half\r\n")
    done = world.factory.shut_down()
    assert peer.read() == []
    answers = peer.say(b"the other\r\n.\r\nNOOP\r\n")
    assert answers == [
        "250 2.0.0 Ok: queued as M1",
        f"{STOPPED}{ASK}M2",
    ]
    assert result_of(done) is None


def test_what_does_not_end_in_time_is_cut() -> None:
    world = World()
    peer = world.connect().greet()
    peer.say(SEND + b"half a mess")
    done = world.factory.shut_down()
    assert unfired(done)
    world.factory.cut()
    peer.transport.settle()
    assert result_of(done) is None
    assert (world.delivery.commits, world.delivery.open_drafts) == ([], 0)


def test_a_login_attempt_ends_with_its_connection() -> None:
    world = World()
    peer = world.connect().greet()
    assert peer.last(b"AUTH PLAIN AGJvYkBoZXJlLnRlc3QAd3Jvbmc=\r\n").startswith("535 ")
    assert peer.say(b"AUTH PLAIN AGJvYkBoZXJlLnRlc3QAd3Jvbmc=\r\n") == []
    peer.transport.hang_up()
    peer.read()
    world.clock.advance(100)
    assert not world.clock.getDelayedCalls()


def test_a_directory_that_fails_at_login_is_temporary() -> None:
    world = World()
    peer = world.connect().greet()
    world.directory.fail(Temporary("/secret"))
    assert peer.last(b"AUTH PLAIN AGJvYkBoZXJlLnRlc3QAc2VjcmV0\r\n").startswith("454 4.7.0 ")


def test_lmtp_settings_offer_no_auth_and_submission_requires_it() -> None:
    assert SMTPSettings("x", Service.LMTP).options(False, True).mechanisms == ()
    assert SMTPSettings("x", Service.SUBMISSION).options(False, True).auth_required
    assert not SMTPSettings("x", Service.SUBMISSION).options(True, True).auth_required
    assert not SMTPSettings("x", starttls=True).options(False, False).starttls


def test_the_doubles_keep_their_seams() -> None:
    world = World()
    assert verifyObject(IDirectory, world.directory)
    assert verifyObject(IDelivery, world.delivery)
    assert verifyObject(IDraft, world.delivery.draft())


def test_the_client_is_known_by_its_address() -> None:
    protocol = World().connect("2001:db8::9").protocol
    assert isinstance(protocol, SMTPConnection)
    assert protocol.client == Client("2001:db8::9", 40000, "smtp")


def test_remote_resolutions_are_refused_for_strangers_whoever_asks() -> None:
    policy = ScriptedPolicy()
    peer = World(policy).connect().greet()
    peer.say(b"MAIL FROM:<>\r\n")
    assert peer.last(b"RCPT TO:<x@far.test>\r\n").startswith("550 5.7.1 ")
    _, _, _, _, resolution, _ = policy.asked[-1]
    assert resolution == Remote()


def test_the_counts_of_limits_bear_the_options_names() -> None:
    world = World()
    peer = world.connect().greet()
    peer.say(b"FOO\r\n" * 20)
    assert world.factory.hits == {"limits.errors": 1}
