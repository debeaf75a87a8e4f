"""Lets commands reach a running server, its queue and its sessions, over a Unix socket that only its owner may open.

Line-delimited JSON: a request is one ``Request`` a line, the answer one ``Done`` or ``Refused`` a line, in
order.  Whoever can open the socket (mode 0600, in a folder of mode 0700) is trusted with all of it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTime
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import MailError
from mailsuite.interfaces import IQueue
from mailsuite.model import Selection
from mailsuite.net.connection import Connection
from mailsuite.net.sessions import Overview
from mailsuite.wire.lines import LineBuffer
from mailsuite.wire.signals import NEED_DATA, Signal

#: Octets of a request: room for some thousand ids.
REQUEST_LIMIT = 256 * 1024
#: Seconds without a request after which a connection ends.
IDLE_LIMIT = 60.0
#: Octets that a path of a Unix socket may have (``sun_path`` without its final zero).
PATH_LIMIT = 107


class List(msgspec.Struct, frozen=True, tag="list", tag_field="do"):
    """Answered with ``model.Queued``, oldest first."""


class Flush(msgspec.Struct, frozen=True, tag="flush", tag_field="do"):
    """Try these now, or all; answered with how many."""

    ids: tuple[str, ...] | None = None


class Drop(msgspec.Struct, frozen=True, tag="drop", tag_field="do"):
    """Remove without a report; answered with null."""

    id: str


class Hold(msgspec.Struct, frozen=True, tag="hold", tag_field="do"):
    """Keep back, or release; answered with null."""

    id: str
    held: bool = True


class Look(msgspec.Struct, frozen=True, tag="look", tag_field="do"):
    """Answered with ``net.sessions.Overview``."""


Request: TypeAlias = List | Flush | Drop | Hold | Look


class Done(msgspec.Struct, frozen=True, tag="done", tag_field="answer"):
    result: Any = None


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="answer"):
    error: str


class ControlCore:
    """Requests off the wire, answers onto it; one at a time."""

    def __init__(self) -> None:
        self._lines = LineBuffer(REQUEST_LIMIT, lenient=True)
        self._out: list[bytes] = []

    @property
    def buffered(self) -> int:
        return len(self._lines)

    def receive(self, data: bytes) -> None:
        self._lines.receive(data)

    def next_event(self) -> Request | Refused | Signal:
        """``Refused`` for a line that is no request."""
        line = self._lines.take_line()
        if line is NEED_DATA:
            return NEED_DATA
        try:
            return msgspec.json.decode(line, type=Request)  # type: ignore[arg-type]
        except (msgspec.MsgspecError, TypeError) as error:
            return Refused(f"not a request: {error}")

    def answer(self, answer: Done | Refused) -> None:
        self._out.append(msgspec.json.encode(answer) + b"\n")

    def data_to_send(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data


class ControlConnection(Connection[ControlCore]):
    """One program that gives orders."""

    log: ClassVar[Logger] = Logger()

    def __init__(self, queue: IQueue, look: Callable[[], Overview], clock: IReactorTime) -> None:
        super().__init__(ControlCore(), clock, IDLE_LIMIT)
        self._queue = queue
        self._look = look

    def handle(self, event: object) -> Deferred[object] | None:
        if isinstance(event, Refused):
            self.core.answer(event)
            return None
        return Deferred.fromCoroutine(self._answer(event))  # type: ignore[arg-type]

    async def _answer(self, request: Request) -> None:
        try:
            self.core.answer(Done(await self._do(request)))
        except MailError as error:
            self.core.answer(Refused(str(error)))

    async def _do(self, request: Request) -> object:
        queue = self._queue
        if isinstance(request, List):
            return await queue.list()
        if isinstance(request, Look):
            return self._look()
        self.log.info("queue: ordered to {what}", what=_words(request))
        if isinstance(request, Flush):
            return await queue.kick(Selection(ids=request.ids))
        if isinstance(request, Hold):
            await queue.hold(request.id, request.held)
        else:
            await queue.drop(request.id)
        return None

    def faulted(self, failure: Failure) -> None:
        self.core.answer(Refused("the server made a mistake; its log says more"))


def _words(request: Flush | Drop | Hold) -> str:
    """For the log: ``hold 237t1k88f5lgdj1v``."""
    if isinstance(request, Flush):
        return "try " + ("everything" if request.ids is None else ", ".join(request.ids)) + " now"
    if isinstance(request, Drop):
        return f"drop {request.id}"
    return f"{'hold' if request.held else 'release'} {request.id}"


class ControlFactory(ServerFactory):
    """Serves ``queue``; ``look`` is the overview of now."""

    noisy = False

    def __init__(self, queue: IQueue, look: Callable[[], Overview], clock: IReactorTime) -> None:
        self._queue = queue
        self._look = look
        self._clock = clock

    def buildProtocol(self, addr: IAddress | None) -> ControlConnection:
        return ControlConnection(self._queue, self._look, self._clock)


def listen(path: str, queue: IQueue, look: Callable[[], Overview], reactor: Any) -> IListeningPort:
    """Take orders on the socket ``path`` (its folder exists; one left by a crash is replaced: only the process that
    holds the queue's lock may call this).  ``stopListening`` removes it.  Raises twisted's CannotListenError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    port: IListeningPort = reactor.listenUNIX(short_path(path), ControlFactory(queue, look, reactor), mode=0o600)
    return port


def short_path(path: str) -> str:
    """The same socket by a path that the kernel accepts, however deep it lies (Linux).  Keeps a handle of its folder
    open then, for the life of the process."""
    if len(os.fsencode(path)) <= PATH_LIMIT:
        return path
    folder, name = os.path.split(path)
    return f"/proc/self/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)}/{name}"
