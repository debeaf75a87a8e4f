"""IMAP sessions where a dialogue cannot look: faults of ours, clients that do not read or that leave, lost changes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import cast

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from mailsuite.errors import Corrupt, DiskFull, MailError, Temporary
from mailsuite.imap.limits import Limits
from mailsuite.interfaces import IBody
from mailsuite.mime.structure import Scanner
from mailsuite.model import SEEN, FlagOp, Flags
from mailsuite.net.imap_bodies import AT_HAND, FIRST_OCTETS, TOGETHER_OCTETS
from mailsuite.net.imap_sections import PIECE
from mailsuite.net.imap_server import IMAPServerFactory
from mailsuite.net.imap_session import Session
from mailsuite.net.imap_settings import IMAPSettings
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.throttle import Throttle
from mailsuite.store.feed import MAX_NAMED
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.memory_store import MemoryBody, MemoryMailbox, MemoryStores
from mailsuite.testing.quotas import MemoryQuotas
from mailsuite.testing.results import result_of, unfired
from mailsuite.testing.tls import ReadyTLS
from mailsuite.testing.transport import HIGH_WATER, FakeTransport

ANN = "ann@example.org"


class Server:
    """A factory over doubles."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_750_000_000)
        self.stores = MemoryStores(self.clock)
        self.delivery = MemoryDelivery()
        self.directory = MemoryDirectory()
        self.directory.add(ANN)
        self.factory = IMAPServerFactory(
            IMAPSettings(allow_plaintext_login=True, limits=Limits(message=10_000_000)),
            self.stores,
            self.delivery.draft,
            Login(self.directory, Throttle(self.clock), self.clock),
            Admission(100, 100),
            ReadyTLS(),
            self.clock,
            MemoryQuotas(self.stores),
        )

    @property
    def inbox(self) -> MemoryMailbox:
        return self.stores.store(ANN).mailbox("INBOX")

    def client(self, select: bool = True) -> Client:
        client = Client(self)
        client.ask(b"l LOGIN %b secret" % ANN.encode())
        if select:
            client.ask(b"s SELECT INBOX")
        return client


class Client:
    """The client's side of a connection in memory."""

    def __init__(self, server: Server, high_water: int = HIGH_WATER) -> None:
        self.clock = server.clock
        self.transport = FakeTransport(high_water=high_water)
        self.protocol = server.factory.buildProtocol(self.transport.getPeer())
        self.transport.connect(cast(Protocol, self.protocol))

    def send(self, line: bytes) -> None:
        """Without reading anything."""
        self.transport.feed(line + b"\r\n")
        while self.transport._in and self.transport.settle():
            pass

    def read(self) -> bytes:
        """Everything there is to read."""
        parts: list[bytes] = []
        moved = True
        while moved:
            self.clock.advance(0)
            parts.append(self.transport.take())
            moved = self.transport.settle() or bool(parts[-1])
        return b"".join(parts)

    def ask(self, line: bytes) -> bytes:
        self.send(line)
        return self.read()


@pytest.fixture
def server() -> Server:
    return Server()


# -- faults ------------------------------------------------------------------------------------------------------------


def test_a_fault_of_ours_is_logged_and_the_session_goes_on(server: Server) -> None:
    client = server.client()
    server.stores.store(ANN).faults.plan("status", ZeroDivisionError("secret detail"))
    with capturedLogs() as logged:
        answer = client.ask(b"a STATUS INBOX (MESSAGES)")
    assert answer == b"a NO [SERVERBUG] an error of the server, it has been logged\r\n"
    assert [event["command"] for event in logged if "command" in event] == ["Status"]
    assert client.ask(b"b NOOP") == b"b OK done\r\n"


@pytest.mark.parametrize("kind", [Temporary, Corrupt])
def test_paths_are_for_the_log_and_not_for_the_client(server: Server, kind: type[MailError]) -> None:
    client = server.client()
    server.stores.store(ANN).faults.plan("status", kind("/secret/path: I/O error"))
    with capturedLogs() as logged:
        assert b"secret" not in client.ask(b"a STATUS INBOX (MESSAGES)")
    [event] = [event for event in logged if "error" in event]
    assert (event["account"], str(event["error"])) == (ANN, "/secret/path: I/O error")


class Torn(MemoryBody):
    """Its file goes away after the first piece."""

    def read_at(self, offset: int, length: int) -> Deferred[bytes]:
        self.gone = offset > 0
        return super().read_at(offset, length)


class Short(MemoryBody):
    """Its file is shorter than it says."""

    def read_at(self, offset: int, length: int) -> Deferred[bytes]:
        return super().read_at(offset, length if offset == 0 else 0)


@pytest.mark.parametrize("kind", [Torn, Short])
def test_a_message_that_fails_half_way_ends_the_connection(server: Server, kind: type[MemoryBody]) -> None:
    server.stores.deliver(ANN, b"x" * (2 * PIECE))
    client = server.client()
    server.inbox.body = lambda uid: _fired(kind(server.inbox.messages[uid].octets))  # type: ignore[method-assign]
    answer = client.ask(b"a FETCH 1 BODY.PEEK[]")
    assert answer.startswith(b"* 1 FETCH (BODY[] {%d}\r\nxxx" % (2 * PIECE))
    assert b"a OK" not in answer
    assert b"a NO" not in answer
    assert not client.transport.connected


def _fired(body: IBody) -> Deferred[IBody]:
    answer: Deferred[IBody] = Deferred()
    answer.callback(body)
    return answer


@pytest.mark.parametrize("size", [10, 2 * PIECE])
def test_a_message_that_vanished_is_left_out_and_told(server: Server, size: int) -> None:
    for octet in (b"a", b"b"):
        server.stores.deliver(ANN, octet * size)
    client = server.client()
    del server.inbox.messages[1]
    answer = client.ask(b"a FETCH 1:2 BODY.PEEK[]<0.3>")
    assert answer == b"* 2 FETCH (BODY[]<0> {3}\r\nbbb)\r\na OK [EXPUNGEISSUED] fetched\r\n"


def test_what_was_stored_is_told_as_stored_whether_or_not_it_can_be_seen(server: Server) -> None:
    client = server.client()
    server.inbox.look = lambda: fail(Temporary("the disk is busy"))  # type: ignore[method-assign]
    assert b"a OK [APPENDUID " in client.ask(b"a APPEND INBOX {3+}\r\nabc")


# -- clients that do not read ------------------------------------------------------------------------------------------


def test_a_client_that_does_not_read_costs_a_buffer_and_delays_nobody(server: Server) -> None:
    for _ in range(100):
        server.stores.deliver(ANN, b"Subject: x\n\n" + b"0123456789\n" * 10_000)
    slow, other = server.client(), server.client()
    slow.send(b"a FETCH 1:* BODY.PEEK[]")
    assert HIGH_WATER < slow.transport._unread < FIRST_OCTETS + HIGH_WATER
    assert other.ask(b"b NOOP") == b"b OK done\r\n"
    answer = slow.read()
    assert answer.count(b" FETCH (BODY[] {120014}\r\n") == 100
    assert answer.endswith(b"a OK fetched\r\n")


def test_who_reads_gets_more_in_one_piece_up_to_a_limit(server: Server) -> None:
    for number in range(1500):
        server.stores.deliver(ANN, b"Subject: %d\n\n" % number + b"0123456789\n" * 1000)
    client = server.client()
    client.send(b"a FETCH 1:* (UID BODY.PEEK[] RFC822.SIZE)")
    pieces = []
    while piece := client.transport.take():
        pieces.append(piece)
        client.transport.settle()
    sizes = list(map(len, pieces))
    assert sizes[0] < sizes[1] < sizes[2] <= max(sizes) < TOGETHER_OCTETS + FIRST_OCTETS
    answer = b"".join(pieces)
    for number in (1, 2, 700, 1500):
        text = b"Subject: %d\r\n\r\n" % (number - 1) + b"0123456789\r\n" * 1000
        size = len(text)
        row = b"* %d FETCH (UID %d BODY[] {%d}\r\n%b RFC822.SIZE %d)\r\n" % (number, number, size, text, size)
        assert answer.count(row) == 1
    assert answer.endswith(b"a OK fetched\r\n")


@pytest.mark.parametrize(("count", "size"), [(100, 8_000), (3, 200_000), (3, 700_000)])
def test_sections_that_overlap_cost_no_more_than_messages(server: Server, count: int, size: int) -> None:
    text = b"Subject: x\r\n\r\n" + b"0123456\r\n" * (size // 9)
    for _ in range(count):
        server.stores.deliver(ANN, text)
    sections = [b"BODY.PEEK[]<%d.250000>" % n for n in range(60)]
    client = server.client()
    client.send(b"a FETCH 1:* (%b)" % b" ".join(sections))
    assert client.transport._unread < AT_HAND + TOGETHER_OCTETS
    answer = client.read()
    assert answer.endswith(b"a OK fetched\r\n")
    for start in (0, 59):
        cut = text[start : start + 250_000]
        assert answer.count(b"BODY[]<%d> {%d}\r\n%b" % (start, len(cut), cut)) == count


@pytest.mark.parametrize(("messages", "parts"), [(1, 100_000), (50, 10)])
def test_others_have_a_turn_while_parts_in_parts_are_taken_apart(
    messages: int, parts: int, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(messages):
        server.stores.deliver(ANN, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * parts)
    client, other = server.client(), server.client()
    feed, breathe = Scanner.feed, Session.breathe
    in_one_turn = [0]

    def slow(self: Scanner, data: bytes) -> None:
        server.clock.rightNow += 0.01
        in_one_turn[-1] += 1
        feed(self, data)

    async def breathing(self: Session) -> None:
        in_one_turn.append(0)
        await breathe(self)

    monkeypatch.setattr(Scanner, "feed", slow)
    monkeypatch.setattr(Session, "breathe", breathing)
    assert client.ask(b"a FETCH 1:* BODY.PEEK[2.MIME]").endswith(b"a OK fetched\r\n")
    assert sum(in_one_turn) > 40
    assert max(in_one_turn) <= 4
    assert other.ask(b"b NOOP") == b"b OK done\r\n"


def test_a_large_message_costs_a_piece(server: Server) -> None:
    server.stores.deliver(ANN, b"Subject: x\n\n" + b"0123456789\n" * 500_000)
    client = server.client()
    client.send(b"a FETCH 1 (FLAGS BODY.PEEK[TEXT])")
    assert client.transport._unread <= PIECE + 100
    answer = client.read()
    assert answer == (
        b"* 1 FETCH (FLAGS (\\Recent) BODY[TEXT] {6000000}\r\n" + b"0123456789\r\n" * 500_000 + b")\r\na OK fetched\r\n"
    )


def test_many_rows_wait_for_the_client_too(server: Server) -> None:
    server.inbox.add([(b"Subject: x\r\n\r\n", frozenset(), 0.0)] * 20_000)
    client = server.client()
    for line, rows in ((b"a FETCH 1:* FLAGS", 5000), (b"a FETCH 1:* RFC822.SIZE", 1000)):
        client.send(line)
        assert client.transport._unread < HIGH_WATER + rows * 50
        assert client.read().count(b" FETCH (") == 20_000


CHEAP = ("UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE")
ONE_TO_THREE = [asked for count in (1, 2, 3) for asked in itertools.permutations(CHEAP, count)]


@pytest.mark.parametrize("command", ["FETCH", "UID FETCH"])
@pytest.mark.parametrize("asked", ONE_TO_THREE, ids=" ".join)
def test_every_item_that_was_asked_is_told(server: Server, command: str, asked: tuple[str, ...]) -> None:
    """RFC 3501 §7.4.2: also where only flags are wanted and the store is not asked (``Plan.only_flags``)."""
    server.inbox.add([(b"Subject: x\r\n\r\n", frozenset({SEEN}), 0.0)] * 2)
    told = server.client().ask(f"a {command} 1:* ({' '.join(asked)})".encode()).decode()
    rows = re.findall(r"^\* \d FETCH \((.*)\)\r$", told, re.MULTILINE)
    wanted = sorted({*asked, "UID"} if command == "UID FETCH" else asked)
    assert [sorted(re.findall(r"(?:^| )([A-Z][A-Z0-9.]{2,}) ", row)) for row in rows] == [wanted, wanted]


@pytest.mark.parametrize(("items", "rows"), [(b"FLAGS", 5000), (b"RFC822.SIZE", 1000)])
def test_others_have_their_turn_within_a_long_answer(server: Server, items: bytes, rows: int) -> None:
    server.inbox.add([(b"Subject: x\r\n\r\n", frozenset(), 0.0)] * 10_000)
    greedy, other = Client(server, high_water=1 << 30), server.client()
    greedy.ask(b"l LOGIN %b secret" % ANN.encode())
    greedy.ask(b"s SELECT INBOX")
    greedy.send(b"a FETCH 1:* " + items)
    assert greedy.transport.take().count(b" FETCH (") == rows
    assert other.transport.take() == b""
    other.send(b"b NOOP")
    assert other.transport.take().endswith(b"b OK done\r\n")
    assert greedy.read().count(b" FETCH (") == 10_000 - rows


def test_a_client_that_idles_and_does_not_read_costs_nothing(server: Server) -> None:
    idler = server.client()
    idler.ask(b"a IDLE")
    for _ in range(5000):
        server.stores.deliver(ANN, b"x")
    idler.transport.settle()
    assert idler.transport._unread < HIGH_WATER + 1000
    assert idler.read().splitlines()[-2:] == [b"* 5000 EXISTS", b"* 5000 RECENT"]


# -- clients that leave ------------------------------------------------------------------------------------------------


def test_what_a_session_holds_is_given_back_when_it_ends(server: Server) -> None:
    client = server.client()
    client.send(b"a APPEND INBOX {100+}\r\nhalf")
    assert server.delivery.open_drafts == 1
    assert server.inbox.feed.watched
    client.transport.hang_up()
    client.transport.settle()
    assert server.delivery.open_drafts == 0
    assert not server.inbox.feed.watched
    assert server.clock.getDelayedCalls() == []


def test_leaving_while_idling_stops_the_looking(server: Server) -> None:
    client = server.client()
    client.ask(b"a IDLE")
    client.transport.hang_up()
    client.transport.settle()
    assert server.clock.getDelayedCalls() == []


def test_leaving_while_idling_and_not_reading_is_no_fault(server: Server) -> None:
    idler = server.client()
    idler.ask(b"a IDLE")
    for _ in range(5000):
        server.stores.deliver(ANN, b"x")
    assert idler.protocol.choked
    with capturedLogs() as logged:
        idler.transport.hang_up()
        idler.transport.settle()
    assert not idler.transport.connected
    assert [event for event in logged if "log_failure" in event] == []


def test_leaving_in_the_middle_of_an_answer_closes_the_message(server: Server) -> None:
    server.stores.deliver(ANN, b"x" * (4 * PIECE))
    opened = MemoryBody(server.inbox.messages[1].octets)
    server.inbox.body = lambda uid: _fired(opened)  # type: ignore[method-assign]
    client = server.client()
    client.send(b"a FETCH 1 BODY.PEEK[]")
    assert not opened.closed
    client.transport.hang_up()
    client.transport.settle()
    assert opened.closed


def test_leaving_while_the_store_works_is_no_fault(server: Server) -> None:
    client = server.client()
    waiting: Deferred[None] = Deferred()
    server.inbox.look = lambda: waiting  # type: ignore[method-assign]
    client.send(b"a NOOP")
    with capturedLogs() as logged:
        client.transport.hang_up()
        client.transport.settle()
    assert [event for event in logged if "log_failure" in event] == []


def test_shutting_down_waits_for_the_command_in_flight(server: Server) -> None:
    client, idler = server.client(), server.client()
    idler.ask(b"i IDLE")
    waiting: Deferred[None] = Deferred()
    server.inbox.look = lambda: waiting  # type: ignore[method-assign]
    client.send(b"a NOOP")
    ended = server.factory.shut_down()
    assert idler.read().startswith(b"* BYE [UNAVAILABLE]")
    assert client.read() == b""
    assert unfired(ended)
    waiting.callback(None)
    assert client.read().startswith(b"a OK done\r\n* BYE [UNAVAILABLE]")
    assert result_of(ended) is None
    late = Client(server)
    assert late.read().startswith(b"* BYE [UNAVAILABLE]")


# -- accounts that go -------------------------------------------------------------------------------------------------

GONE = b"* BYE the account is gone or disabled, or its password was changed; log in again\r\n"


@pytest.mark.parametrize(
    "command", [b"SELECT INBOX", b"EXAMINE INBOX", b"STATUS INBOX (MESSAGES)", b"APPEND INBOX {5+}\r\nhello"]
)
def test_a_removed_account_opens_and_takes_nothing(server: Server, command: bytes) -> None:
    client = server.client()
    assert b"a OK" in client.ask(b"a " + command)
    stored = len(server.inbox.messages)
    del server.directory.accounts[ANN]
    assert client.ask(b"b " + command) == GONE
    assert not client.transport.connected
    assert len(server.inbox.messages) == stored
    assert server.delivery.open_drafts == 0


@pytest.mark.parametrize("command", [b"FETCH 1 FLAGS", b"NOOP", b"IDLE"])
def test_a_removed_account_reads_no_more_within_a_minute(server: Server, command: bytes) -> None:
    server.stores.deliver(ANN, b"x")
    client = server.client()
    del server.directory.accounts[ANN]
    server.clock.advance(60)
    assert client.ask(b"b " + command) == GONE
    assert not client.transport.connected


def test_a_directory_that_cannot_be_read_keeps_nobody_from_their_mail(server: Server) -> None:
    client = server.client()
    server.directory.fail(Temporary("/secret/path"))
    assert b"a OK" in client.ask(b"a SELECT INBOX")


# -- changes that were lost --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("idling", [False, True])
def test_a_session_that_missed_too_much_looks_again(server: Server, idling: bool) -> None:
    server.inbox.add([(b"x", frozenset(), 0.0)] * 3)
    client = server.client()
    server.inbox.feed.wake = lambda: None  # type: ignore[method-assign]
    server.inbox.remove([2])
    for _ in range(MAX_NAMED + 1):
        server.inbox.change([1], *_toggle(server.inbox, 1))
    server.inbox.add([(b"y", frozenset(), 0.0)] * 2)
    del server.inbox.feed.wake
    answer = client.ask(b"a IDLE" if idling else b"a NOOP")
    assert b"* 2 EXPUNGE\r\n" in answer
    assert b"* 4 EXISTS\r\n" in answer
    if idling:
        client.ask(b"DONE")
    assert client.ask(b"b SEARCH ALL") == b"* SEARCH 1 2 3 4\r\nb OK searched\r\n"


def _toggle(mailbox: MemoryMailbox, uid: int) -> tuple[FlagOp, Flags]:
    op = FlagOp.REMOVE if SEEN in mailbox.messages[uid].flags else FlagOp.ADD
    return op, frozenset((SEEN,))


# -- other programs ----------------------------------------------------------------------------------------------------


def looks(server: Server, count: Callable[[], None]) -> None:
    def look() -> Deferred[None]:
        count()
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    server.inbox.look = look  # type: ignore[method-assign]


def test_idling_mailboxes_are_looked_at_once_a_second_however_many_idle(server: Server) -> None:
    counted: list[None] = []
    looks(server, lambda: counted.append(None))
    clients = [server.client() for _ in range(3)]
    for client in clients:
        client.ask(b"a IDLE")
    counted.clear()
    server.clock.pump([1.0] * 5)
    assert len(counted) == 5
    for client in clients:
        client.ask(b"DONE")
    server.clock.pump([1.0] * 5)
    assert len(counted) == 5


def test_noop_and_check_look_at_the_folder(server: Server) -> None:
    client = server.client()
    looks(server, lambda: (server.stores.deliver(ANN, b"x"), None)[1])
    assert client.ask(b"a NOOP").startswith(b"* 1 EXISTS\r\n")
    assert client.ask(b"b CHECK").startswith(b"* 2 EXISTS\r\n")


def test_a_folder_that_cannot_be_looked_at_is_tried_again(server: Server) -> None:
    client = server.client()
    client.ask(b"a IDLE")
    server.stores.store(ANN).faults.plan("look", Temporary("no"))
    server.clock.advance(1.0)
    looks(server, lambda: (server.stores.deliver(ANN, b"x"), None)[1])
    server.clock.advance(1.0)
    assert client.read().startswith(b"* 1 EXISTS\r\n")


# -- appending ---------------------------------------------------------------------------------------------------------


def test_a_draft_that_cannot_keep_up_holds_back_the_client(server: Server) -> None:
    client = server.client()
    server.delivery.hold_writes()
    client.send(b"a APPEND INBOX {1000000+}")
    for _ in range(20):
        client.transport.feed(b"x" * 50_000)
    while client.transport.settle():
        pass
    assert client.transport.paused
    server.delivery.release()
    client.transport.feed(b"\r\n")
    assert b"a OK [APPENDUID" in client.read()
    assert server.inbox.messages[1].size == 1_000_000


def test_a_disk_that_fails_refuses_the_message_and_keeps_in_step(server: Server) -> None:
    client = server.client()
    server.delivery.fail_writes(DiskFull("/secret/path: no space left"))
    answer = client.ask(b"a APPEND INBOX {8+}\r\nb LOGOUT\r\nc NOOP")
    assert answer == b"a NO [UNAVAILABLE] the server has no room left on its disk, try again later\r\nc OK done\r\n"
    assert server.delivery.open_drafts == 0
