"""Connections that send at once: over a real pair of sockets, with a reactor that only notes what it is asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import error, main
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.tcp import Port
from twisted.internet.testing import MemoryReactor, MemoryReactorClock
from twisted.internet.unix import Port as UNIXPort
from twisted.python.failure import Failure

from mailsuite.net.prompt import PromptClient, PromptConnections, PromptServer, send_at_once


class Peer:
    """A connection and the socket at its other end."""

    def __init__(self) -> None:
        ours, self.socket = socket.socketpair()
        self.reactor: Any = MemoryReactorClock()
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
    if made.connection.connected:
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


@pytest.mark.parametrize(
    "pieces",
    [[b"one"], [b"", b"* 1 FETCH (BODY[] {3}\r\n", b"abc", b")\r\n", b""], [b"%d " % n for n in range(5000)], []],
    ids=["one", "some", "more than one call takes", "none"],
)
def test_pieces_go_one_behind_the_other(peer: Peer, pieces: list[bytes]) -> None:
    peer.connection.writeSequence(iter(pieces))
    assert peer.awaited is (len(pieces) > 1024)
    assert peer.read_all() == b"".join(pieces)


def test_pieces_that_do_not_fit_wait_and_everything_after_them_too(peer: Peer) -> None:
    pieces = [BULK[start : start + 7000] for start in range(0, len(BULK), 7000)]
    peer.connection.writeSequence(pieces)
    assert peer.awaited
    first = peer.read()
    peer.connection.writeSequence([b"after", b"wards"])
    assert peer.read() == b""
    assert first + peer.read_all() == BULK + b"afterwards"


def test_pieces_for_a_lost_connection_are_told_by_the_reactor(peer: Peer) -> None:
    peer.socket.close()
    peer.connection.writeSequence([b"anybody", b"there?"])
    assert peer.awaited
    assert isinstance(peer.connection.doWrite(), error.ConnectionLost)


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


def test_with_nothing_left_to_send_closing_does_not_wait_for_the_reactor(peer: Peer) -> None:
    lost: list[Failure] = []
    peer.connection.protocol.connectionLost = lost.append  # type: ignore[method-assign]
    peer.connection.write(b"221 Goodbye\r\n")
    peer.connection.loseConnection()
    peer.connection.loseConnection()
    assert not peer.awaited
    assert lost == [], "not inside the call"
    peer.reactor.advance(0)
    assert [each.type for each in lost] == [error.ConnectionDone]
    assert peer.socket.recv(100) == b"221 Goodbye\r\n"
    assert peer.socket.recv(100) == b""


def test_closing_may_be_followed_by_cutting(peer: Peer) -> None:
    lost: list[Failure] = []
    peer.connection.protocol.connectionLost = lost.append  # type: ignore[method-assign]
    peer.connection.loseConnection()
    peer.connection.abortConnection()
    peer.reactor.advance(0)
    assert len(lost) == 1


def test_closing_waits_for_a_producer(peer: Peer) -> None:
    peer.connection.registerProducer(Protocol(), True)  # type: ignore[arg-type]
    peer.connection.loseConnection()
    assert not peer.reactor.getDelayedCalls()
    peer.connection.unregisterProducer()
    assert peer.connection.doWrite() is main.CONNECTION_DONE


def test_a_port_makes_such_connections() -> None:
    port = Port(0, Factory(), reactor=MemoryReactor())
    assert send_at_once(port) is port
    assert port.transport is PromptServer


def test_a_port_that_is_not_tcp_stays_as_it_is() -> None:
    port = UNIXPort("/nowhere", Factory(), reactor=MemoryReactor())  # type: ignore[arg-type]
    before = port.transport
    send_at_once(port)
    assert port.transport is before


def test_a_connection_that_we_make_is_such_a_one() -> None:
    reactor: Any = MemoryReactorClock()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        factory: Any = ClientFactory.forProtocol(Protocol)
        connector: Any = PromptConnections(reactor).connectTCP("127.0.0.1", listening.getsockname()[1], factory)
        connection = connector.transport
        assert isinstance(connection, PromptClient)
        reactor.advance(0)
        accepted, _ = listening.accept()
        if connection in reactor.getWriters():
            connection.doWrite()
        connection.write(b"EHLO us.test\r\n")
        assert accepted.recv(100) == b"EHLO us.test\r\n"
        assert connection not in reactor.getWriters()
        connection.loseConnection()
        reactor.advance(0)
        assert accepted.recv(100) == b""
        accepted.close()
