"""INPROGRESS, RFC 9585: who waits for a long command hears that it is worked on, and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from test_imap_session import ANN, Client, Server
from twisted.internet.defer import Deferred

from mailsuite.model import Copied
from mailsuite.query import Query

PLAIN = b"Subject: x\r\n\r\ny\r\n"


@pytest.fixture
def server() -> Server:
    server = Server()
    for _ in range(3):
        server.stores.deliver(ANN, PLAIN)
    return server


class Slow:
    """A store that takes its time; the test says how far it is."""

    def __init__(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: Deferred[Sequence[int]] = Deferred()
        self.copied: Deferred[Copied] = Deferred()
        self.so_far: Callable[[int, int], None] = lambda done, goal: None
        monkeypatch.setattr(type(server.inbox), "search", self.search)
        monkeypatch.setattr(type(server.stores.store(ANN)), "copy", lambda *args: self.copied)

    def search(self, query: Query, uids: Sequence[int], so_far: Callable[[int, int], None]) -> Deferred[Sequence[int]]:
        self.so_far = so_far
        return self.found


@pytest.fixture
def slow(server: Server, monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(server, monkeypatch)


def passes(client: Client, seconds: int) -> bytes:
    """What is told in that time."""
    told = b""
    for _ in range(seconds):
        client.clock.advance(1)
        told += client.read()
    return told


def test_a_search_tells_how_far_it_is_every_ten_seconds(server: Server, slow: Slow) -> None:
    client = server.client()
    assert client.ask(b"a7 SEARCH BODY x") == b""
    assert passes(client, 9) == b""
    slow.so_far(175, 1000)
    assert passes(client, 2) == b'* OK [INPROGRESS ("a7" 175 1000)] still at it\r\n'
    slow.so_far(900, 1000)
    assert passes(client, 9) == b'* OK [INPROGRESS ("a7" 900 1000)] still at it\r\n'
    slow.so_far(1000, 1000)  # and yet it goes on
    assert passes(client, 10) == b'* OK [INPROGRESS ("a7" 999 1000)] still at it\r\n'
    slow.found.callback([2])
    assert client.read() == b"* SEARCH 2\r\na7 OK searched\r\n"
    assert passes(client, 30) == b""
    client.transport.hang_up()
    client.read()
    assert not [call for call in client.clock.getDelayedCalls() if call.active()]


def test_what_knows_nothing_of_its_progress_says_so(server: Server, slow: Slow) -> None:
    client = server.client()
    client.ask(b"a8 COPY 1 INBOX")
    assert passes(client, 11) == b'* OK [INPROGRESS ("a8" NIL NIL)] still at it\r\n'
    slow.copied.callback(Copied(1, (), ()))
    assert b"a8 OK" in client.read()


def test_a_tag_that_does_not_fit_into_the_code_is_left_out(server: Server, slow: Slow) -> None:
    client = server.client()
    client.ask(b"a]9 COPY 1 INBOX")
    assert passes(client, 11) == b"* OK [INPROGRESS (NIL NIL NIL)] still at it\r\n"


def test_who_idles_or_does_nothing_hears_nothing_of_it(server: Server) -> None:
    client = server.client()
    assert passes(client, 40) == b""
    client.ask(b"a IDLE")
    assert passes(client, 40) == b""


def test_who_leaves_meanwhile_leaves_nothing_behind(server: Server, slow: Slow) -> None:
    client = server.client()
    client.ask(b"a SEARCH BODY x")
    client.transport.hang_up()
    client.read()
    assert not [call for call in client.clock.getDelayedCalls() if call.active()]


def test_nothing_is_said_within_an_answer_or_to_who_does_not_read(server: Server) -> None:
    server.stores.deliver(ANN, b"Subject: large\r\n\r\n" + b"0123456789" * 500_000 + b"\r\n")
    client = Client(server, high_water=0)
    client.ask(b"l LOGIN %b secret" % ANN.encode())
    client.ask(b"s SELECT INBOX")
    client.send(b"a FETCH 4 BODY.PEEK[]")
    answer = b""
    for _ in range(40):  # it reads a little from time to time
        client.clock.advance(1)
        answer += client.transport.take()
        client.transport.settle()
    answer += client.read()
    assert answer.startswith(b"* 4 FETCH (BODY[] {5000020}\r\nSubject: large\r\n")
    assert b"INPROGRESS" not in answer
