"""POP3 connections against the store: long messages, failures in the middle, endings."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from zope.interface import implementer

from mailsuite.errors import Expunged, Temporary, TooBig
from mailsuite.interfaces import IBody
from mailsuite.net.login import Login
from mailsuite.net.pop3_accounts import Accounts
from mailsuite.net.pop3_factory import POP3ServerFactory
from mailsuite.net.pop3_server import PIECE
from mailsuite.net.pop3_settings import POP3Settings
from mailsuite.net.sessions import Admission
from mailsuite.net.throttle import Throttle
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.memory_store import MemoryMailbox, MemoryStores
from mailsuite.testing.results import result_of
from mailsuite.testing.transport import FakeTransport

TIM = "tim@example.org"
LINE = b".2345678\r\n"


@implementer(IBody)
class Body:
    """Octets that come when the test says so, or fail at ``fails_at``."""

    def __init__(self, octets: bytes, fails_at: int = -1, held: bool = False) -> None:
        self.octets = octets
        self.size = len(octets)
        self.fails_at = fails_at
        self.error: Exception = Temporary("the disk is broken")
        self.held = held
        self.waiting: list[Deferred[bytes]] = []
        self.read = 0
        self.closed = False

    def read_at(self, offset: int, length: int) -> Deferred[bytes]:
        if 0 <= self.fails_at <= offset:
            return fail(self.error)
        data = self.octets[offset : offset + length]
        self.read += len(data)
        if self.held:
            self.waiting.append(Deferred())
            return self.waiting[-1].addCallback(lambda _: data)
        return succeed(data)

    def header(self) -> Deferred[bytes]:
        raise AssertionError("not asked for")

    def close(self) -> None:
        self.closed = True


class Conversation:
    """A client that has logged in; ``body`` is what message 1 is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, body: Body) -> None:
        self.clock = Clock()
        self.stores = MemoryStores(self.clock)
        self.stores.deliver(TIM, b"Subject: x\r\n\r\n")
        self.stores.deliver(TIM, b"Subject: y\r\n\r\n")
        self.body = body
        monkeypatch.setattr(MemoryMailbox, "body", lambda mailbox, uid: succeed(body))
        monkeypatch.setattr(
            MemoryMailbox, "octets", lambda mailbox, uids, most: succeed([TooBig("read its body")] * len(uids))
        )
        login = Login(MemoryDirectory(["example.org"], {TIM: "secret"}), Throttle(self.clock), self.clock)
        self.admission = Admission(1, 1)
        settings = POP3Settings("mail.example.org", allow_plaintext_auth=True)
        self.factory = POP3ServerFactory(
            settings, self.stores, login, self.admission, None, self.clock, Accounts(self.clock), lambda: "1"
        )
        self.protocol = self.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 4000))
        self.transport = FakeTransport()
        self.transport.connect(self.protocol)
        self.say(b"USER tim\r\nPASS secret\r\n")
        assert self.hear().endswith(b"+OK 2 messages (28 octets)\r\n")

    def say(self, data: bytes) -> None:
        self.transport.feed(data)
        self.settle()

    def settle(self) -> None:
        while self.transport.settle():
            pass

    def hear(self) -> bytes:
        data = self.transport.take()
        self.settle()
        return data

    def hear_all(self) -> bytes:
        heard = []
        while data := self.hear():
            heard.append(data)
        return b"".join(heard)


def stuffed(message: bytes) -> bytes:
    return (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


@pytest.mark.parametrize("size", [0, 10, PIECE - 10, PIECE, PIECE + 10, 10 * PIECE, 10 * PIECE + 10])
def test_messages_of_any_size_come_whole(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    message = (LINE * (size // 10 + 1))[: size // 10 * 10]
    conversation = Conversation(monkeypatch, Body(message))
    conversation.say(b"RETR 1\r\nNOOP\r\n")
    heard = conversation.hear_all()
    assert heard == b"+OK %d octets\r\n" % len(message) + stuffed(message) + b"+OK nothing done\r\n"
    assert conversation.body.closed


def test_a_long_message_is_read_no_faster_than_the_client_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE * 200_000))
    conversation.say(b"RETR 1\r\n")
    read = conversation.body.read
    assert read <= 2 * PIECE
    conversation.clock.advance(300)
    assert conversation.body.read == read
    while not conversation.body.closed:
        before = conversation.body.read
        conversation.hear()
        assert conversation.body.read - before <= 2 * PIECE
    assert conversation.body.read == 2_000_000


def test_top_reads_no_more_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(b"A: b\r\n\r\n" + LINE * 200_000))
    conversation.say(b"TOP 1 2\r\n")
    assert conversation.hear_all() == b"+OK top of the message follows\r\nA: b\r\n\r\n" + stuffed(LINE * 2)
    assert conversation.body.read == PIECE
    conversation.say(b"TOP 1 20000\r\n")
    assert conversation.hear_all().count(b"\r\n") == 1 + 2 + 20_000 + 1
    assert conversation.body.closed


def test_a_client_that_leaves_in_a_long_message_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE * 200_000))
    conversation.say(b"RETR 1\r\n")
    assert not conversation.body.closed
    conversation.transport.hang_up()
    conversation.settle()
    assert conversation.body.closed
    assert conversation.clock.getDelayedCalls() == []
    assert len(conversation.factory.sessions) == 0
    assert conversation.admission.enter("192.0.2.1", False)


@pytest.mark.parametrize("command", [b"RETR 1\r\n", b"TOP 1 199999\r\n"])
def test_a_disk_that_fails_in_the_middle_ends_the_connection(monkeypatch: pytest.MonkeyPatch, command: bytes) -> None:
    conversation = Conversation(monkeypatch, Body(b"A: b\r\n\r\n" + LINE * 200_000, fails_at=3 * PIECE))
    conversation.say(command)
    heard = conversation.hear_all()
    assert b"\r\n.\r\n" not in heard
    assert b"-ERR" not in heard
    assert conversation.transport.aborted
    assert conversation.body.closed


def test_a_message_shorter_than_it_says_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    body = Body(LINE * 100_000)
    body.size += 10
    conversation = Conversation(monkeypatch, body)
    conversation.say(b"RETR 1\r\n")
    assert not conversation.hear_all().endswith(b"\r\n.\r\n")
    assert conversation.transport.aborted


def test_a_disk_that_fails_at_the_start_is_an_error_of_this_message_only(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE, fails_at=0))
    conversation.say(b"RETR 1\r\nNOOP\r\n")
    assert conversation.hear() == b"-ERR [SYS/TEMP] temporary trouble, try again later\r\n+OK nothing done\r\n"
    conversation.body.error = Expunged("gone")
    conversation.say(b"RETR 1\r\nNOOP\r\n")
    assert conversation.hear() == b"-ERR the message is gone\r\n+OK nothing done\r\n"
    assert conversation.body.closed


def test_the_log_says_whose_mailbox_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE))
    conversation.transport.hang_up()
    conversation.settle()
    conversation.stores.store(TIM).faults.plan("open", Temporary("/secret/path: I/O error"))
    transport = FakeTransport()
    transport.connect(conversation.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 4001)))
    with capturedLogs() as logged:
        transport.feed(b"USER tim\r\nPASS secret\r\n")
        while transport.settle():
            pass
    assert transport.take().endswith(b"-ERR [SYS/TEMP] temporary trouble, try again later\r\n")
    [event] = [event for event in logged if "error" in event]
    assert (event["account"], str(event["error"])) == (TIM, "/secret/path: I/O error")


def test_a_fault_of_ours_in_a_message_ends_the_connection_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE * 100_000, fails_at=PIECE))
    conversation.body.error = RuntimeError("a bug")
    conversation.say(b"RETR 1\r\n")
    assert b"-ERR" not in conversation.hear_all()
    assert conversation.transport.aborted


def test_a_fault_of_ours_elsewhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE, fails_at=0))
    conversation.body.error = RuntimeError("a bug")
    conversation.say(b"RETR 1\r\nNOOP\r\n")
    assert conversation.hear() == b"-ERR [SYS/TEMP] internal error\r\n"
    assert not conversation.transport.connected


def test_a_fault_after_a_long_message_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE * 100_000))
    conversation.say(b"RETR 1\r\n")
    conversation.hear_all()
    conversation.body.error, conversation.body.fails_at = RuntimeError("a bug"), 0
    conversation.say(b"RETR 1\r\n")
    assert conversation.hear() == b"-ERR [SYS/TEMP] internal error\r\n"


def test_the_idle_limit_is_ten_minutes_and_a_slow_disk_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE, held=True))
    conversation.say(b"RETR 1\r\n")
    conversation.clock.advance(700)
    conversation.clock.advance(700)
    conversation.body.waiting[0].callback(None)
    assert conversation.hear() == b"+OK 10 octets\r\n..2345678\r\n.\r\n"
    conversation.clock.advance(599)
    conversation.settle()
    assert conversation.transport.connected
    conversation.clock.advance(1)
    conversation.settle()
    assert not conversation.transport.connected
    assert conversation.hear() == b""


def test_shutting_down_lets_a_message_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE * 100_000))
    conversation.say(b"RETR 1\r\nDELE 1\r\n")
    ended = conversation.factory.shut_down()
    heard = conversation.hear_all()
    assert heard.endswith(LINE + b".\r\n-ERR [SYS/TEMP] the server is shutting down\r\n")
    assert not conversation.transport.connected
    assert result_of(ended) is None
    assert list(conversation.stores.store(TIM).mailbox("INBOX").messages) == [1, 2]


def test_messages_stay_recent_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE))
    assert conversation.stores.store(TIM).mailbox("INBOX").counters().recent == 2


def test_the_log_says_what_was_wrong_with_an_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(monkeypatch, Body(LINE))
    conversation.transport.hang_up()
    conversation.settle()
    transport = FakeTransport()
    transport.connect(conversation.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 4001)))
    with capturedLogs() as logged:
        transport.feed(b"AUTH PLAIN !\r\n")
        while transport.settle():
            pass
    [event] = [event for event in logged if "error" in event]
    assert (event["peer"], str(event["error"])) == ("192.0.2.1", "not base64")
