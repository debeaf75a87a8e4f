"""A compressed connection: what a peer sends costs a bounded amount of memory and of time, whatever it grows to."""

from __future__ import annotations

import tracemalloc
import zlib
from typing import Any, cast

import pytest
from test_imap_session import Server
from twisted.internet.protocol import Protocol

from mailsuite.net import compression
from mailsuite.net.compression import MAX_BUFFERED, REST, TURN
from mailsuite.net.connection import MAX_AHEAD
from mailsuite.testing.transport import FakeTransport


class Client:
    """Logged in and compressing."""

    def __init__(self) -> None:
        server = Server()
        self.clock = server.clock
        self.transport = FakeTransport()
        self.transport.connect(cast(Protocol, server.factory.buildProtocol(self.transport.getPeer())))
        self.deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.inflater = zlib.decompressobj(-15)
        self.say(b"a LOGIN ann@example.org secret\r\n")
        assert b"a OK" in self.heard()
        self.say(b"b COMPRESS DEFLATE\r\n")
        assert self.transport.take() == b"b OK compressed from now on\r\n"

    def say(self, data: bytes) -> None:
        self.transport.feed(data)
        self.settle()

    def settle(self) -> None:
        while self.transport.settle():
            self.clock.advance(0)
        self.clock.advance(0)

    def pack(self, data: bytes) -> bytes:
        return self.deflater.compress(data) + self.deflater.flush(zlib.Z_SYNC_FLUSH)

    def heard(self) -> bytes:
        return self.transport.take()

    def told(self) -> bytes:
        return self.inflater.decompress(self.heard())


def test_others_have_their_turn_while_a_bomb_goes_off(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    sent = client.pack(bytes(30_000_000) + b"\r\nc NOOP\r\n")
    client.transport.feed(sent)
    later = client.clock.callLater
    turns: list[float] = []

    def call_later(delay: float, *args: Any, **kwargs: Any) -> Any:
        turns.append(delay)
        return later(delay, *args, **kwargs)

    monkeypatch.setattr(client.clock, "callLater", call_later)
    tracemalloc.start()
    client.settle()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert turns.count(0) >= 30_000_000 // TURN - 1  # the first was before
    assert peak < 2 * MAX_AHEAD
    assert b"BAD [TOOBIG] the command is too long\r\nc OK done\r\n" in client.told()


def test_while_it_is_behind_nothing_more_is_read() -> None:
    client = Client()
    bomb = client.pack(bytes(300_000_000))
    assert len(bomb) > 4 * MAX_BUFFERED
    for at in range(0, len(bomb), 4096):
        client.transport.feed(bomb[at : at + 4096])
    while client.transport.settle():
        pass
    assert client.transport.paused
    assert len(client.transport._in) * 4096 > len(bomb) - 2 * MAX_BUFFERED


def test_what_never_becomes_a_command_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MAX_UNHEARD", 2_000_000)
    client = Client()
    for _ in range(3):  # what becomes commands does not count
        client.say(client.pack(b"n NOOP\r\n" * 100_000))
        assert client.told().count(b"n OK") == 100_000
    client.transport.feed(client.pack(bytes(2_100_000)))
    for _ in range(100):
        client.settle()
    assert b"* BYE too much was sent without a command" in client.told()
    assert client.transport.disconnecting


def test_pieces_are_compressed_behind_what_was_said_before() -> None:
    client = Client()
    connection: Any = client.transport.protocol
    connection.core.untagged(b"* 1 FETCH (BODY[] {3}\r\n")
    connection.send([b"abc", b")\r\n"])
    assert client.told() == b"* 1 FETCH (BODY[] {3}\r\nabc)\r\n"


def test_a_session_that_waits_keeps_no_compressor() -> None:
    client = Client()
    connection: Any = client.transport.protocol
    layer = connection._compression
    client.say(client.pack(b"c NOOP\r\n"))
    assert layer._deflate._deflater is not None
    client.clock.advance(REST / 2)
    client.say(client.pack(b"d NOOP\r\n"))
    client.clock.advance(REST / 2)
    assert layer._deflate._deflater is not None
    client.clock.advance(REST / 2)
    assert layer._deflate._deflater is None
    client.say(client.pack(b"e NOOP\r\n"))
    assert client.told() == b"c OK done\r\nd OK done\r\ne OK done\r\n"
    client.transport.hang_up()
    client.settle()
    assert not client.clock.getDelayedCalls()
