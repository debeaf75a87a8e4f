"""Clients that cannot be served, or that never finish a handshake, are gone soon; plain and under real TLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, cast

import pytest
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory

from mailsuite.net.connection import CLOSING_GRACE
from mailsuite.net.imap_server import IMAPServerFactory
from mailsuite.net.imap_settings import IMAPSettings
from mailsuite.net.login import Login
from mailsuite.net.pop3_accounts import Accounts
from mailsuite.net.pop3_factory import POP3ServerFactory
from mailsuite.net.pop3_settings import POP3Settings
from mailsuite.net.sessions import Admission
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_settings import SMTPSettings
from mailsuite.net.throttle import Throttle
from mailsuite.net.turned_away import GRACE
from mailsuite.policy.ordered import OrderedPolicy
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.memory_store import MemoryStores
from mailsuite.testing.queue import MemoryQueue, NotedReports
from mailsuite.testing.quotas import MemoryQuotas
from mailsuite.testing.tls import ReadyTLS
from mailsuite.testing.transport import FakeTransport


def smtp(clock: Clock, room: int) -> SMTPServerFactory:
    settings, people, delivery = SMTPSettings("mx.here.test"), MemoryDirectory(), MemoryDelivery()
    login = Login(people, Throttle(clock), clock)
    room_for = Admission(room, room)
    return SMTPServerFactory(
        *(settings, people, OrderedPolicy([]), delivery, login, room_for, ReadyTLS(), clock, lambda: "M1"),
        *(NotedReports(), MemoryQueue(clock)),
    )


def pop3(clock: Clock, room: int) -> POP3ServerFactory:
    login = Login(MemoryDirectory(), Throttle(clock), clock)
    return POP3ServerFactory(
        POP3Settings("here.test"),
        MemoryStores(clock),
        login,
        Admission(room, room),
        ReadyTLS(),
        clock,
        Accounts(clock),
        str,
    )


def imap(clock: Clock, room: int) -> IMAPServerFactory:
    login = Login(MemoryDirectory(), Throttle(clock), clock)
    stores = MemoryStores(clock)
    return IMAPServerFactory(
        *(IMAPSettings(), stores, MemoryDelivery().draft, login, Admission(room, room), ReadyTLS(), clock),
        MemoryQuotas(stores),
    )


SERVERS = [(smtp, b"421 "), (pop3, b"-ERR "), (imap, b"* BYE ")]
each = pytest.mark.parametrize(("make", "words"), SERVERS, ids=["smtp", "pop3", "imap"])
Make = Callable[[Clock, int], Any]


def connect(factory: Any, clock: Clock, tls: bool) -> FakeTransport:
    if tls:
        context = cast(IOpenSSLServerConnectionCreator, ReadyTLS().server())
        factory = TLSMemoryBIOFactory(context, False, cast(IProtocolFactory, factory), clock)
    transport = FakeTransport()
    transport.connect(cast(Protocol, factory.buildProtocol(transport.getPeer())))
    return transport


@each
def test_who_is_turned_away_and_reads_the_words_is_gone(make: Make, words: bytes) -> None:
    clock = Clock()
    transport = connect(make(clock, 0), clock, tls=False)
    assert transport.take().startswith(words)
    transport.settle()
    assert not transport.connected
    assert not transport.aborted
    assert clock.getDelayedCalls() == []


@each
def test_who_is_turned_away_and_reads_nothing_is_cut(make: Make, words: bytes) -> None:
    clock = Clock()
    transport = connect(make(clock, 0), clock, tls=False)
    transport.settle()
    assert transport.connected
    clock.advance(GRACE)
    transport.settle()
    assert transport.aborted
    assert not transport.connected


@each
def test_who_is_turned_away_under_tls_is_cut_without_a_handshake(make: Make, words: bytes) -> None:
    clock = Clock()
    transport = connect(make(clock, 0), clock, tls=True)
    transport.settle()
    assert not transport.connected
    assert clock.getDelayedCalls() == []


@each
def test_who_comes_while_the_server_stops_is_cut_without_a_handshake(make: Make, words: bytes) -> None:
    clock = Clock()
    factory = make(clock, 9)
    factory.shut_down()
    transport = connect(factory, clock, tls=True)
    transport.settle()
    assert not transport.connected


@each
@pytest.mark.parametrize("octets", [0, 1, 60], ids=["silent", "one octet", "half a hello"])
def test_a_handshake_that_never_ends_does_not_keep_the_connection(make: Make, words: bytes, octets: int) -> None:
    clock = Clock()
    factory = make(clock, 1)
    transport = connect(factory, clock, tls=True)
    for at in range(octets):
        transport.feed(hello()[at : at + 1])
        transport.settle()
        clock.advance(10)  # octets of a handshake are no sign of life
    assert len(factory.sessions) <= 1
    clock.advance(600)
    clock.advance(CLOSING_GRACE)
    while transport.settle():
        pass
    assert not transport.connected
    assert len(factory.sessions) == 0
    assert connect(factory, clock, tls=True).connected, "its place is free again"


def hello() -> bytes:
    """The first flight of a client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()
