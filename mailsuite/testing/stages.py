"""Where dialogue scripts are played: in memory with a clock of our own, or over loopback with a real reactor.

Both use ``task.Clock`` and ``offload.Inline`` for the server, so ``% wait`` works in both and nothing sleeps.  The
reactor runs in a thread of its own (``ReactorThread``); the client is a blocking socket, with real TLS where the script
says ``% starttls`` or ``% tls implicit``.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from twisted.internet import interfaces
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock, LoopingCall
from twisted.internet.threads import blockingCallFromThread

from mailsuite.offload import Inline
from mailsuite.testing.deflating import Deflating
from mailsuite.testing.dialogue import EPOCH, Build, Link, Script
from mailsuite.testing.tls import ReadyTLS
from mailsuite.testing.transport import HIGH_WATER, FakeTransport

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Rounds of ``settle`` without an end: something goes in circles.
_ROUNDS = 100_000
#: Seconds a loopback client waits for the server.
PATIENCE = 15.0
#: Seconds between the rounds of a server whose time stands still.
_TURN = 0.002


def new_clock() -> Clock:
    """A clock that stands at ``EPOCH``."""
    clock = Clock()
    clock.advance(EPOCH)
    return clock


# -- in memory -------------------------------------------------------------------------------------------------------


class MemoryStage:
    """Connections of ``FakeTransport``s; ``high_water`` octets unread pause the server's producers."""

    def __init__(self, build: Build, script: Script, high_water: int = HIGH_WATER) -> None:
        self.clock = new_clock()
        self.factory = build(dict(script.options), self.clock, Inline())
        self._peer = script.options.get("peer", "192.0.2.1")
        self._tls = script.options.get("tls") == "implicit"
        self._high_water = high_water
        self._links: list[MemoryLink] = []

    def connect(self) -> MemoryLink:
        transport = FakeTransport(self._peer, self._high_water, self._tls)
        protocol = self.factory.buildProtocol(transport.getPeer())
        assert protocol is not None, "the factory refuses the connection"
        transport.connect(cast(Protocol, protocol))
        link = MemoryLink(self, transport)
        self._links.append(link)
        self.settle()
        return link

    def settle(self) -> None:
        """Until nothing is due any more."""
        for _ in range(_ROUNDS):
            self.clock.advance(0)
            if not sum(link.transport.settle() for link in self._links):
                return
        raise AssertionError("the server does not come to rest")

    def wait(self, seconds: float) -> None:
        self.settle()
        self.clock.advance(seconds)
        self.settle()

    def act(self, verb: str, text: str) -> None:
        cast(Any, self.factory).act(verb, text)
        self.settle()

    def rest(self, link: Link) -> bytes:
        assert isinstance(link, MemoryLink)
        return link.rest()

    def end(self) -> None:
        for link in self._links:
            link.drop()


class MemoryLink(Deflating):
    def __init__(self, stage: MemoryStage, transport: FakeTransport) -> None:
        super().__init__()
        self.stage = stage
        self.transport = transport
        self._read = b""

    def send(self, data: bytes) -> None:
        self.transport.feed(self.packed(data))
        self.stage.settle()

    def read_line(self) -> bytes | None:
        while b"\r\n" not in self._read and self._more():
            pass
        line, end, self._read = self._read.partition(b"\r\n")
        return (line + end) or None

    def _more(self) -> bool:
        data = self.transport.take()
        self._read += self.unpacked(data)
        self.stage.settle()
        return bool(data)

    def rest(self) -> bytes:
        while self._more():
            pass
        return self._read

    def closed(self) -> bool:
        return not self.rest() and not self.transport.connected

    def drop(self) -> None:
        self.transport.hang_up()
        self.stage.settle()

    def start_tls(self) -> None:
        self.transport.finish_tls()
        self.stage.settle()


# -- over loopback ---------------------------------------------------------------------------------------------------


class ReactorThread:
    """The global reactor in a daemon thread, started at first use, stopped by ``stop`` for good."""

    def __init__(self) -> None:
        from twisted.internet import reactor  # noqa: PLC0415 - installs the reactor, only wanted here

        self.reactor: Any = reactor
        self._thread = threading.Thread(target=self._run, name="reactor", daemon=True)

    def _run(self) -> None:
        self.reactor.run(installSignalHandlers=False)

    def call(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Any:
        """Call in the reactor thread and wait for its result, or for that of the Deferred it returns."""
        if self._thread.ident is None:
            self._thread.start()
        return blockingCallFromThread(self.reactor, work, *args, **kwargs)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.reactor.callFromThread(self.reactor.stop)
            self._thread.join(PATIENCE)


class LoopbackStage:
    """A listening port on 127.0.0.1 with the script's server behind it."""

    def __init__(self, build: Build, script: Script, thread: ReactorThread) -> None:
        self.thread = thread
        self.clock = new_clock()
        self.tls = script.options.get("tls") == "implicit"
        self._links: list[LoopbackLink] = []
        self._met: list[_Counted] = []
        #: The script moves the time; what is due now is called without it, as a reactor would.
        self._due = LoopingCall(self.clock.advance, 0)
        thread.call(self._listen, build, script)

    def _listen(self, build: Build, script: Script) -> None:
        self.factory = build(dict(script.options), self.clock, Inline())
        make = self.factory.buildProtocol

        def build_protocol(address: interfaces.IAddress) -> interfaces.IProtocol | None:
            protocol = make(address)
            self._met.append(_Counted(protocol))
            return protocol

        self.factory.buildProtocol = build_protocol  # type: ignore[assignment]
        self._due.start(_TURN)
        reactor = self.thread.reactor
        if self.tls:
            self.port = reactor.listenSSL(0, self.factory, ReadyTLS().server(), interface="127.0.0.1")
        else:
            self.port = reactor.listenTCP(0, self.factory, interface="127.0.0.1")

    def connect(self) -> LoopbackLink:
        link = LoopbackLink(self, self.port.getHost().port)
        self._links.append(link)
        _until(lambda: len(self._met) == len(self._links))
        link.met = self._met[-1]
        return link

    def wait(self, seconds: float) -> None:
        for link in self._links:
            link.arrived()
        self.thread.call(self.clock.advance, seconds)

    def act(self, verb: str, text: str) -> None:
        for link in self._links:
            link.arrived()
        self.thread.call(cast(Any, self.factory).act, verb, text)

    def rest(self, link: Link) -> bytes:
        assert isinstance(link, LoopbackLink)
        return link.rest()

    def end(self) -> None:
        for link in self._links:
            link.drop()
        self.thread.call(self.port.stopListening)
        _until(lambda: all(met.lost for met in self._met))
        self.thread.call(self._due.stop)


class _Counted:
    """Counts what a server protocol was given, so a test knows when its octets have arrived."""

    def __init__(self, protocol: Any) -> None:
        self.octets = 0
        self.lost = False
        received, lost = protocol.dataReceived, protocol.connectionLost

        def data_received(data: bytes) -> None:
            received(data)
            self.octets += len(data)

        def connection_lost(*reason: Any) -> None:
            lost(*reason)
            self.lost = True

        protocol.dataReceived, protocol.connectionLost = data_received, connection_lost


class LoopbackLink(Deflating):
    met: _Counted

    def __init__(self, stage: LoopbackStage, port: int) -> None:
        super().__init__()
        self.stage = stage
        self._sent = 0
        self._read = b""
        self._open = True
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if stage.tls:
            self.start_tls()

    def arrived(self) -> None:
        """Wait until the server was given what was sent, unless it stopped reading."""
        _until(lambda: self.met.octets >= self._sent or self.met.lost, 1.0)

    def send(self, data: bytes) -> None:
        data = self.packed(data)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self._socket.sendall(data)
        self._sent += len(data)

    def read_line(self) -> bytes | None:
        while b"\r\n" not in self._read and self._more(PATIENCE):
            pass
        line, end, self._read = self._read.partition(b"\r\n")
        return (line + end) or None

    def _more(self, patience: float) -> bool:
        if not self._open:
            return False
        self._socket.settimeout(patience)
        try:
            data = self._socket.recv(65536)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return False
        except (ConnectionError, ssl.SSLError):
            data = b""
        self._open = bool(data)
        self._read += self.unpacked(data)
        return self._open

    def rest(self) -> bytes:
        while self._more(0.0):
            pass
        return self._read

    def closed(self) -> bool:
        while self._more(PATIENCE):
            pass
        return not self._open and not self._read

    def drop(self) -> None:
        self._open = False
        with contextlib.suppress(OSError):
            self._socket.close()

    def start_tls(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._socket.settimeout(PATIENCE)
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")


def _until(true: Callable[[], bool], patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not true() and time.monotonic() < deadline:
        time.sleep(0.001)
