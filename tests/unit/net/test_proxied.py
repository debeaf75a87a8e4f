"""A listener behind a proxy: who is believed, whom the service meets, and what a header may cost."""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from typing import Any, cast

import msgspec
import pytest
from test_turned_away import smtp
from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.task import Clock

from mailsuite.net.proxied import HEADER_LIMIT, ProxiedFactory
from mailsuite.testing.stages import ReactorThread
from mailsuite.testing.tls import ReadyTLS
from mailsuite.testing.transport import FakeTransport

HEADER = b"PROXY TCP4 203.0.113.9 198.51.100.1 4444 25\r\n"


class Service(ServerFactory):
    """Notes whom it meets and what they say."""

    noisy = False

    def __init__(self) -> None:
        self.met: list[tuple[str, int]] = []
        self.heard: list[bytes] = []
        self.lost = 0

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        self.met.append((getattr(addr, "host", ""), getattr(addr, "port", 0)))
        said = _Said()
        said.factory = self
        return said


class _Said(Protocol):
    def connectionMade(self) -> None:
        self.transport.write(b"hello\r\n")

    def dataReceived(self, data: bytes) -> None:
        self.factory.heard.append(data)
        if data == b"STARTTLS\r\n":
            self.transport.write(b"go\r\n")
            self.transport.startTLS(ReadyTLS().server())
        else:
            self.transport.write(b"got " + data)

    def connectionLost(self, reason: Any = None) -> None:
        self.factory.lost += 1


class World:
    def __init__(self, peer: str = "192.0.2.1") -> None:
        self.clock, self.service, self.hits = Clock(), Service(), Counter[str]()
        factory = ProxiedFactory(self.service, lambda address: address == "192.0.2.1", self.clock, self.hits)
        self.transport = FakeTransport(peer)
        self.transport.connect(factory.buildProtocol(self.transport.getPeer()))

    def say(self, data: bytes) -> bytes:
        self.transport.feed(data)
        while self.transport.settle():
            pass
        return self.transport.take()


def test_the_service_meets_the_client_when_the_header_is_whole() -> None:
    world = World()
    assert world.say(HEADER[:20]) == b""
    assert world.say(HEADER[20:]) == b"hello\r\n"
    assert world.service.met == [("203.0.113.9", 4444)]
    assert world.say(b"NOOP\r\n") == b"got NOOP\r\n"
    world.transport.hang_up()
    world.say(b"")
    assert world.service.lost == 1
    assert world.clock.getDelayedCalls() == []


def test_what_comes_right_behind_the_header_is_the_clients() -> None:
    world = World()
    assert world.say(HEADER + b"PROXY UNKNOWN\r\n") == b"hello\r\ngot PROXY UNKNOWN\r\n"
    assert len(world.service.met) == 1


@pytest.mark.parametrize("behind", [b"", b"EHLO x\r\n"])
def test_who_speaks_early_behind_a_proxy_is_found_out(behind: bytes) -> None:
    clock = Clock()
    smtp_factory = smtp(clock, 9)
    smtp_factory.settings = msgspec.structs.replace(smtp_factory.settings, refuse_early=True)
    factory = ProxiedFactory(cast(IProtocolFactory, smtp_factory), lambda address: True, clock, Counter())
    transport = FakeTransport()
    transport.connect(factory.buildProtocol(transport.getPeer()))
    transport.feed(HEADER + behind)
    transport.settle()
    assert transport.take().startswith(b"554 5.5.1 " if behind else b"220 ")


def test_a_health_check_is_the_proxy_itself() -> None:
    world = World()
    assert world.say(b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00") == b"hello\r\n"
    assert world.service.met == [("192.0.2.1", 40000)]


@pytest.mark.parametrize("data", [b"EHLO x\r\n", b"PROXY TCP4 nonsense\r\n"])
def test_who_sends_no_header_is_cut(data: bytes) -> None:
    world = World()
    assert world.say(data) == b""
    assert not world.transport.connected
    assert world.service.met == []
    assert sum(world.hits.values()) == 1
    assert world.clock.getDelayedCalls() == []


def test_who_is_no_proxy_is_cut_whatever_it_sends() -> None:
    world = World("192.0.2.2")
    assert world.say(HEADER) == b""
    assert not world.transport.connected
    assert world.service.met == []
    assert world.hits == {"not from a proxy": 1}


def test_a_header_that_does_not_end_is_waited_for_some_seconds() -> None:
    world = World()
    world.say(HEADER[:-1])
    world.clock.advance(HEADER_LIMIT - 1)
    assert world.transport.connected
    world.clock.advance(1)
    world.say(b"")
    assert not world.transport.connected
    assert world.hits == {"no PROXY header in time": 1}


def test_starttls_behind_a_proxy_over_a_real_socket(reactor_thread: ReactorThread) -> None:
    service = Service()
    factory = ProxiedFactory(service, lambda address: True, reactor_thread.reactor, Counter())
    port = reactor_thread.call(reactor_thread.reactor.listenTCP, 0, factory, interface="127.0.0.1")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port.getHost().port), 15) as link:
        link.sendall(HEADER + b"STARTTLS\r\n")
        plain = b""
        while not plain.endswith(b"go\r\n"):
            plain += link.recv(100)
        with context.wrap_socket(link) as secure:
            secure.sendall(b"secret")
            assert secure.recv(100) == b"got secret"
    reactor_thread.call(port.stopListening)
    assert service.met == [("203.0.113.9", 4444)]
