"""Lets commands reach a running server, its queue and its sessions, over a Unix socket that only its owner may open.

Line-delimited JSON: a request is one ``Request`` a line, the answer one ``Answer`` a line, in order.  Whoever can open
the socket (mode 0600, in a folder of mode 0700) is trusted with all of it.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTime
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import MailError
from mailsuite.happenings import Steered
from mailsuite.interfaces import IObserver, IQueue, IQuotas
from mailsuite.model import EVERYTHING, Bounce, Order, Queued, Reroute, Selection
from mailsuite.net.connection import Connection
from mailsuite.net.sessions import Overview
from mailsuite.net.socket_path import short_path
from mailsuite.observers import NOBODY
from mailsuite.printable import printable
from mailsuite.wire.lines import LineBuffer, LineFault
from mailsuite.wire.signals import NEED_DATA, Signal

#: Octets of a request: room for some thousand ids.
REQUEST_LIMIT = 256 * 1024
#: Messages in one answer; the server does nothing else while it writes them down.
PAGE = 1000
#: Reasons why something was not done that are logged of one order.
REASONS = 5
#: Ids of an order that are logged; more are only counted.  Characters of the line.
NAMED, WORDS = 20, 1000
#: Seconds without a request after which a connection ends.
IDLE_LIMIT = 60.0


class List(msgspec.Struct, frozen=True, tag="list", tag_field="do"):
    """Answered with a ``Page``, oldest first; the rest with ``More``."""

    which: Selection = EVERYTHING


class More(msgspec.Struct, frozen=True, tag="more", tag_field="do"):
    """The next page of what was listed last on this connection, as it was then."""


class Change(msgspec.Struct, frozen=True, tag="order", tag_field="do"):
    """Have this done to these; answered with ``model.Ordered``."""

    which: Selection
    order: Order


class Look(msgspec.Struct, frozen=True, tag="look", tag_field="do"):
    """Answered with ``net.sessions.Overview``."""


class Usage(msgspec.Struct, frozen=True, tag="usage", tag_field="do"):
    """Answered with ``model.Quota``: what an account keeps and may keep."""

    account: str


Request: TypeAlias = List | More | Change | Look | Usage


class Done(msgspec.Struct, frozen=True, tag="done", tag_field="answer"):
    result: Any = None


class Page(msgspec.Struct, frozen=True, tag="page", tag_field="answer"):
    """Some of the messages that were asked for; ``left`` are still to come."""

    messages: tuple[Queued, ...]
    left: int


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="answer"):
    error: str


Answer: TypeAlias = Done | Page | Refused


class Orders:
    """Does what one connection asks of the queue."""

    log = Logger()

    def __init__(self, queue: IQueue, observer: IObserver, seconds: Callable[[], float]) -> None:
        self._queue = queue
        self._observer = observer
        self._seconds = seconds
        self._left: list[Queued] = []

    async def do(self, request: List | More | Change) -> Answer:
        """Its answer, ``Refused`` with the reason if it cannot be done."""
        try:
            if isinstance(request, List):
                self._left = [*await self._queue.list(request.which)]
                self._left.reverse()
            if isinstance(request, List | More):
                return self._page()
            self.log.info("queue: ordered to {what}", what=_words(request))
            ordered = await self._queue.order(request.which, request.order)
            self._tell(request.order, ordered.done)
            for why, count in Counter(ordered.failed.values()).most_common(REASONS):
                self.log.error("queue: {count} left as they were: {why}", count=count, why=why)
            return Done(ordered)
        except MailError as error:
            return Refused(str(error))

    def _tell(self, order: Order, done: Sequence[str]) -> None:
        """Each message has it in its life."""
        if not self._observer.listens:
            return
        words = order.via if isinstance(order, Reroute) else order.words if isinstance(order, Bounce) else ""
        at, name = self._seconds(), type(order).__name__.lower()
        for id in done:
            self._observer.happened(Steered(at, id, name, words))

    def _page(self) -> Page:
        messages = self._left[: -PAGE - 1 : -1]
        del self._left[-PAGE:]
        return Page(tuple(messages), len(self._left))


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
        if isinstance(line, LineFault):
            return Refused(f"not a request: {line.value}, which is {REQUEST_LIMIT:,} octets")
        try:
            return msgspec.json.decode(line, type=Request)  # type: ignore[arg-type]
        except (msgspec.MsgspecError, TypeError) as error:
            return Refused(f"not a request: {error}")

    def answer(self, answer: Answer) -> None:
        self._out.append(msgspec.json.encode(answer) + b"\n")

    def data_to_send(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data


class ControlConnection(Connection[ControlCore]):
    """One program that gives orders."""

    log: ClassVar[Logger] = Logger()

    def __init__(
        self, queue: IQueue, quotas: IQuotas, look: Callable[[], Overview], clock: IReactorTime, observer: IObserver
    ) -> None:
        super().__init__(ControlCore(), clock, IDLE_LIMIT)
        self._orders = Orders(queue, observer, clock.seconds)
        self._quotas = quotas
        self._look = look

    def handle(self, event: object) -> Deferred[object] | None:
        if isinstance(event, Refused):
            self.core.answer(event)
            return None
        return Deferred.fromCoroutine(self._answer(event))  # type: ignore[arg-type]

    async def _answer(self, request: Request) -> None:
        if isinstance(request, Look):
            self.core.answer(Done(self._look()))
        elif isinstance(request, Usage):
            self.core.answer(await self._usage(request.account))
        else:
            self.core.answer(await self._orders.do(request))

    async def _usage(self, account: str) -> Answer:
        try:
            return Done(await self._quotas.quota(account))
        except MailError as error:
            return Refused(str(error))

    def faulted(self, failure: Failure) -> None:
        self.core.answer(Refused("the server made a mistake; its log says more"))


def _words(request: Change) -> str:
    """For the log: ``hold ids=237t1k88f5lgdj1v``; one line, however many are meant."""
    given = msgspec.to_builtins(request.which)
    which = " ".join(f"{key}={_named(value) if key == 'ids' else value}" for key, value in given.items())
    how = f" via {request.order.via or 'the usual way'}" if isinstance(request.order, Reroute) else ""
    return printable(f"{type(request.order).__name__.lower()} {which or 'everything'}{how}")[:WORDS]


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"{','.join(ids[:NAMED])}{more}"


class ControlFactory(ServerFactory):
    """Serves ``queue`` and ``quotas``; ``look`` is the overview of now; ``observer`` is told what was ordered."""

    noisy = False

    def __init__(
        self,
        queue: IQueue,
        quotas: IQuotas,
        look: Callable[[], Overview],
        clock: IReactorTime,
        observer: IObserver = NOBODY,
    ) -> None:
        self._observer = observer
        self._queue = queue
        self._quotas = quotas
        self._look = look
        self._clock = clock

    def buildProtocol(self, addr: IAddress | None) -> ControlConnection:
        return ControlConnection(self._queue, self._quotas, self._look, self._clock, self._observer)


def listen(
    path: str,
    queue: IQueue,
    quotas: IQuotas,
    look: Callable[[], Overview],
    reactor: Any,
    observer: IObserver = NOBODY,
) -> IListeningPort:
    """Take orders on the socket ``path`` (its folder exists; one left by a crash is replaced: only the process that
    holds the queue's lock may call this).  ``stopListening`` removes it.  Raises twisted's CannotListenError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    port: IListeningPort = reactor.listenUNIX(
        short_path(path), ControlFactory(queue, quotas, look, reactor, observer), mode=0o600
    )
    return port
