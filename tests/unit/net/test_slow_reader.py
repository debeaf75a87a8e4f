"""A client that sends and never reads costs a buffer each way, whatever it speaks."""

from __future__ import annotations

from typing import Any

import pytest
from test_turned_away import Make, imap, pop3, smtp
from twisted.internet.task import Clock

from mailsuite.net.connection import GATHER, MAX_AHEAD
from mailsuite.testing.transport import HIGH_WATER, FakeTransport

#: Octets of the longest answer to one of these commands.
ANSWER = 4096
PIECE = 4096


@pytest.mark.parametrize(
    ("make", "hello", "command"),
    [(smtp, b"EHLO x\r\n", b"HELP\r\n"), (pop3, b"", b"CAPA\r\n"), (imap, b"", b"a CAPABILITY\r\n")],
    ids=["smtp", "pop3", "imap"],
)
def test_who_sends_and_never_reads_is_not_read_any_more(make: Make, hello: bytes, command: bytes) -> None:
    clock = Clock()
    factory: Any = make(clock, 1)
    transport = FakeTransport()
    transport.connect(factory.buildProtocol(transport.getPeer()))
    transport.feed(hello)
    flood = command * (PIECE // len(command))
    taken = 0
    while not transport.paused and not transport.disconnecting:  # SMTP has had enough of such commands before
        transport.feed(flood)
        assert transport.settle()
        taken += len(flood)
        assert taken <= 4 * MAX_AHEAD, "it is read for ever"
    for _ in range(50):
        transport.feed(flood)
        transport.settle()
    protocol: Any = transport.protocol
    assert protocol.core.buffered <= MAX_AHEAD + PIECE
    assert transport._unread <= HIGH_WATER + GATHER + ANSWER
    clock.advance(3600)
    transport.settle()
    assert transport.aborted, "who reads nothing is cut off in the end"


@pytest.mark.parametrize(
    ("make", "seconds", "limit"),
    [(smtp, 300, "timeouts.smtp_greeting"), (pop3, 180, "timeouts.login"), (imap, 180, "timeouts.login")],
    ids=["smtp", "pop3", "imap"],
)
def test_who_is_too_slow_is_counted(make: Make, seconds: float, limit: str) -> None:
    clock = Clock()
    factory: Any = make(clock, 1)
    transport = FakeTransport()
    transport.connect(factory.buildProtocol(transport.getPeer()))
    while clock.seconds() < seconds:
        transport.take()
        transport.feed(b"x")  # never a whole command
        while transport.settle():
            pass
        clock.advance(10)
    assert transport.disconnecting
    assert factory.hits == {limit: 1}
