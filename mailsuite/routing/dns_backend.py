"""dnspython's asynchronous resolver on Twisted: sockets, sleep and time-outs of a reactor.

dnspython keeps doing what it does well (retries, server choice, TCP after truncation, cache, CNAMEs, checking that an
answer belongs to its question); it awaits Deferreds where it would await asyncio futures.  Run its coroutines with
``Deferred.fromCoroutine``.  A fresh UDP socket a query: its random port is a part of what a forger must guess.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Awaitable
from typing import Any, TypeVar

import dns._asyncbackend
import dns.exception
import dns.inet
import dns.message
import dns.nameserver
from twisted.internet.defer import Deferred, TimeoutError, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IReactorTCP, IReactorTime, IReactorUDP
from twisted.internet.protocol import DatagramProtocol, Factory, connectionDone
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

_T = TypeVar("_T")

#: A datagram of the largest size must not be cut.
PACKET = 65535
#: Seconds to wait where dnspython names no time-out.
PATIENCE = 30.0
#: Records of one message that are looked at: thousands fit into 64 KiB, and the reactor waits while they are read.
MOST_RECORDS = 256
#: Octets of a message's header, and in it the numbers of records: answer, authority, additional (RFC 1035 §4.1.1).
HEADER = 12
_COUNTS, _COUNTS_AT = struct.Struct("!HHH"), 6


class Reactor(IReactorTCP, IReactorUDP, IReactorTime):
    """What the backend needs of a reactor."""


def bounded(message: bytes) -> bytes:
    """A message, or its beginning, that says of too many records that there are only the first answers."""
    if len(message) < HEADER:
        return message
    answers, authority, additional = _COUNTS.unpack_from(message, _COUNTS_AT)
    if answers + authority + additional <= MOST_RECORDS:
        return message
    return message[:_COUNTS_AT] + _COUNTS.pack(min(answers, MOST_RECORDS), 0, 0) + message[HEADER:]


class Nameserver(dns.nameserver.Do53Nameserver):
    """One whose messages may hold more records than they say: see ``bounded``."""

    async def async_query(self, *args: Any, **kwargs: Any) -> dns.message.Message:
        return await super().async_query(*args, **{**kwargs, "ignore_trailing": True})


class _Queue:
    """What arrived and the one who waits for it; ``dns`` reads one thing at a time."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._waiting: Deferred[Any] | None = None

    def put(self, item: Any) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            self._items.append(item)
        else:
            waiting.callback(item)

    def get(self) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred(self._forget)
        if self._items:
            answer.callback(self._items.popleft())
        else:
            self._waiting = answer
        return answer

    def _forget(self, _: Deferred[Any]) -> None:
        self._waiting = None


async def _within(answer: Deferred[_T], timeout: float | None, clock: IReactorTime) -> _T:
    limit = PATIENCE if timeout is None else timeout
    try:
        return await answer.addTimeout(limit, clock)
    except TimeoutError:
        raise dns.exception.Timeout(timeout=limit) from None


class _Datagrams(DatagramProtocol):
    noisy = False

    def __init__(self) -> None:
        self.inbox = _Queue()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.inbox.put((datagram, addr))


class _DatagramSocket(dns._asyncbackend.DatagramSocket):
    def __init__(self, family: int, port: Any, protocol: _Datagrams, clock: IReactorTime) -> None:
        super().__init__(family, socket.SOCK_DGRAM)
        self._port = port
        self._protocol = protocol
        self._clock = clock

    async def sendto(self, what: bytes, destination: Any, timeout: float | None) -> int:
        try:
            self._port.write(what, destination[:2])
        except MessageLengthError as error:
            raise dns.exception.FormError from error
        return len(what)

    async def recvfrom(self, size: int, timeout: float | None) -> tuple[bytes, Any]:
        datagram, source = await _within(self._protocol.inbox.get(), timeout, self._clock)
        return bounded(datagram), dns.inet.low_level_address_tuple(source[:2], self.family)

    async def close(self) -> None:
        self._port.stopListening()


class _Stream(TwistedProtocol):
    def __init__(self) -> None:
        self.inbox = _Queue()

    def dataReceived(self, data: bytes) -> None:
        self.inbox.put(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.inbox.put(b"")


class _StreamSocket(dns._asyncbackend.StreamSocket):
    def __init__(self, family: int, protocol: _Stream, clock: IReactorTime) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._protocol = protocol
        self._clock = clock
        self._left = b""
        self._begun = False

    async def sendall(self, what: bytes, timeout: float | None) -> None:
        self._protocol.transport.write(what)  # type: ignore[union-attr]

    async def recv(self, size: int, timeout: float | None) -> bytes:
        if not self._begun:
            await self._begin(timeout)
        data = self._left or await _within(self._protocol.inbox.get(), timeout, self._clock)
        self._left = data[size:]
        return data[:size]

    async def _begin(self, timeout: float | None) -> None:
        """Wait for the head of the one message that comes: two octets of its size (RFC 1035 §4.2.2), and its header."""
        while len(self._left) < 2 + HEADER:
            more = await _within(self._protocol.inbox.get(), timeout, self._clock)
            self._left += more
            if not more:
                self._protocol.inbox.put(more)
                break
        self._begun = True
        self._left = self._left[:2] + bounded(self._left[2:])

    async def close(self) -> None:
        self._protocol.transport.loseConnection()  # type: ignore[union-attr]


class TwistedBackend(dns._asyncbackend.Backend):
    """Give it to ``dns.asyncresolver.Resolver.resolve(..., backend=...)``."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor

    def name(self) -> str:
        return "twisted"

    async def make_socket(
        self,
        af: int,
        socktype: int,
        proto: int = 0,
        source: tuple[str, int] | None = None,
        destination: tuple[str, int] | None = None,
        timeout: float | None = None,
        ssl_context: object = None,
        server_hostname: str | None = None,
    ) -> dns._asyncbackend.Socket:
        if socktype == socket.SOCK_DGRAM:
            interface, port = source or (dns.inet.any_for_af(af), 0)
            protocol = _Datagrams()
            listening = self._reactor.listenUDP(port, protocol, interface, PACKET)
            return _DatagramSocket(af, listening, protocol, self._reactor)
        if destination is None or ssl_context is not None:
            raise NotImplementedError("only plain connections to a named destination")
        endpoint = TCP6ClientEndpoint if af == socket.AF_INET6 else TCP4ClientEndpoint
        factory = Factory.forProtocol(_Stream)
        factory.noisy = False
        connecting = endpoint(self._reactor, destination[0], destination[1], bindAddress=source).connect(factory)
        stream = await _within(connecting, timeout, self._reactor)
        return _StreamSocket(af, stream, self._reactor)

    async def sleep(self, interval: float) -> None:
        await deferLater(self._reactor, interval)

    async def wait_for(self, awaitable: Awaitable[_T], timeout: float | None) -> _T:
        return await _within(ensureDeferred(awaitable), timeout, self._reactor)  # type: ignore[arg-type]
