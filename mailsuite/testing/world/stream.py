"""A client's connection in a world, for coroutines: lines and octets as they come, ``Broken`` when it is over."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from mailsuite.testing.world.reactor import HostReactor

#: Seconds that a client waits for an answer.
PATIENCE = 120.0


class Broken(Exception):
    """The connection is over, or nobody answers."""


class Silence(Broken):
    """Nobody answers."""


class Stream(Protocol):
    """``connect`` makes one."""

    def __init__(self, reactor: HostReactor) -> None:
        self._reactor = reactor
        self._got = b""
        self._waiting: Deferred[None] | None = None
        self.over = False

    def dataReceived(self, data: bytes) -> None:
        self._got += data
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.over = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def _more(self, patience: float = PATIENCE) -> None:
        """Raises Broken; ``Silence`` if nothing comes."""
        if self.over:
            raise Broken("the connection is over")
        waiting: Deferred[None] = Deferred()
        self._waiting = waiting
        try:
            await waiting.addTimeout(patience, self._reactor)
        except TimeoutError:
            self._waiting = None
            raise Silence("no answer") from None

    async def line(self) -> bytes:
        """Without its CRLF."""
        return await self.until(b"\r\n")

    async def line_within(self, seconds: float) -> bytes:
        """Raises Silence if there is none in that time."""
        while b"\r\n" not in self._got:
            await self._more(seconds)
        return await self.line()

    async def exactly(self, count: int) -> bytes:
        while len(self._got) < count:
            await self._more()
        data, self._got = self._got[:count], self._got[count:]
        return data

    async def until(self, mark: bytes) -> bytes:
        """All up to ``mark``, which is taken too and left out."""
        while (end := self._got.find(mark)) < 0:
            await self._more()
        data, self._got = self._got[:end], self._got[end + len(mark) :]
        return data

    def write(self, data: bytes) -> None:
        if self.over or self.transport is None:
            raise Broken("the connection is over")
        self.transport.write(data)

    def read_nothing_for(self, seconds: float) -> None:
        """What comes waits in the kernel, and then with who sends."""
        transport = cast(IPushProducer, self.transport)
        transport.pauseProducing()
        self._reactor.callLater(seconds, transport.resumeProducing)

    def close(self) -> None:
        if not self.over and self.transport is not None:
            self.transport.loseConnection()

    def abort(self) -> None:
        if not self.over and self.transport is not None:
            cast(ITCPTransport, self.transport).abortConnection()


async def connect(reactor: HostReactor, address: str, port: int) -> Stream:
    """Raises Broken."""
    factory = Factory.forProtocol(lambda: Stream(reactor))
    factory.noisy = False
    try:
        return cast(Stream, await TCP4ClientEndpoint(reactor, address, port, 30).connect(factory))
    except Exception as error:
        raise Broken(str(error)) from error
