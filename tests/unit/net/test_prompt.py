"""Connections that send at once: over a real pair of sockets, with a reactor that only notes what it is asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port
from twisted.internet.testing import MemoryReactor
from twisted.internet.unix import Port as UNIXPort

from mailsuite.net.prompt import PromptServer, send_at_once


class Peer:
    """A connection and the socket at its other end."""

    def __init__(self) -> None:
        ours, self.socket = socket.socketpair()
        self.reactor: Any = MemoryReactor()
        self.connection = PromptServer(ours, Protocol(), ("192.0.2.1", 4000), None, 1, self.reactor)  # type: ignore[arg-type]
        self.connection.hostname = "192.0.2.1"

    @property
    def awaited(self) -> bool:
        """The reactor is to tell when the socket is writable."""
        return self.connection in self.reactor.getWriters()

    def read(self) -> bytes:
        """What is there."""
        self.socket.setblocking(False)
        found = b""
        try:
            while data := self.socket.recv(65536):
                found += data
        except BlockingIOError:
            pass
        return found

    def read_all(self) -> bytes:
        """Until nothing waits on either side."""
        found = self.read()
        while self.awaited:
            assert self.connection.doWrite() is None
            found += self.read()
        return found


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.socket.close()
    made.connection.socket.close()


BULK = bytes(range(256)) * 8192


def test_what_fits_is_sent_without_asking_the_reactor(peer: Peer) -> None:
    peer.connection.write(b"220 mx.here.test\r\n")
    assert peer.read() == b"220 mx.here.test\r\n"
    assert not peer.awaited


def test_what_does_not_fit_waits_and_everything_after_it_too(peer: Peer) -> None:
    peer.connection.write(BULK)
    assert peer.awaited
    first = peer.read()
    peer.connection.write(b"after")
    assert peer.read() == b""
    assert first + peer.read_all() == BULK + b"after"
    peer.connection.write(b"at once again")
    assert not peer.awaited
    assert peer.read() == b"at once again"


def test_a_producer_is_paused_when_much_waits_and_resumed_when_it_is_sent(peer: Peer) -> None:
    told: list[str] = []

    class Producer:
        def pauseProducing(self) -> None:
            told.append("pause")

        def resumeProducing(self) -> None:
            told.append("resume")

        def stopProducing(self) -> None:
            told.append("stop")

    peer.connection.registerProducer(Producer(), True)
    peer.connection.write(b"little")
    assert told == []
    peer.connection.write(BULK)
    assert told == ["pause"]
    peer.read_all()
    assert told == ["pause", "resume"]


def test_a_lost_connection_is_told_by_the_reactor_not_inside_write(peer: Peer) -> None:
    peer.socket.close()
    peer.connection.write(b"anybody there?")
    assert peer.awaited
    assert isinstance(peer.connection.doWrite(), error.ConnectionLost)


def test_closing_waits_until_what_was_written_is_sent(peer: Peer) -> None:
    peer.connection.write(BULK)
    peer.connection.loseConnection()
    found = peer.read()
    while peer.connection.doWrite() is None:
        found += peer.read()
    assert found + peer.read() == BULK


def test_a_port_makes_such_connections() -> None:
    port = Port(0, Factory(), reactor=MemoryReactor())
    assert send_at_once(port) is port
    assert port.transport is PromptServer


def test_a_port_that_is_not_tcp_stays_as_it_is() -> None:
    port = UNIXPort("/nowhere", Factory(), reactor=MemoryReactor())  # type: ignore[arg-type]
    before = port.transport
    send_at_once(port)
    assert port.transport is before
