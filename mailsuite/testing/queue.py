"""Doubles around the relay: a queue in memory, a router from a table, and an IReports that only remembers."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence

from twisted.internet.defer import Deferred, execute, fail, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailsuite.disk.body import OctetsBody
from mailsuite.errors import MailError, NoRoute, NotFound, OnHold, Temporary
from mailsuite.interfaces import IBody, IQueue, IReports, IRouter
from mailsuite.model import (
    EVERYTHING,
    NULL_SENDER,
    Address,
    Drop,
    Envelope,
    Hop,
    Order,
    Ordered,
    Outcome,
    Pending,
    Queued,
    Recipient,
    Selection,
)
from mailsuite.queue.book import NONE_KEPT, Book, anywhere
from mailsuite.queue.orders import change_by, is_meant
from mailsuite.queue.schedule import Schedule, Schedules


@implementer(IQueue)
class MemoryQueue:
    """IQueue without a disk; ``add`` puts a message in."""

    def __init__(
        self, clock: IReactorTime, schedules: Schedules | None = None, rng: random.Random | None = None
    ) -> None:
        self._clock = clock
        self._book = Book(schedules or Schedule(), clock.seconds, rng or random.Random(1))
        self._octets: dict[str, bytes] = {}

    def add(self, envelope: Envelope, octets: bytes) -> None:
        """``octets`` with CRLF."""
        pending = tuple(Pending(recipient) for recipient in envelope.recipients)
        due = max(self._clock.seconds(), envelope.release)
        self._octets[envelope.id] = octets
        self._book.add(Queued(envelope, pending, due, 0.0, len(octets)))
        self._book.wake()

    def lease(self, limit: int, enter: Callable[[str], bool] = anywhere) -> Deferred[Sequence[Queued]]:
        return succeed(self._book.lease(limit, enter))

    def body(self, id: str) -> Deferred[IBody]:
        return execute(lambda: OctetsBody(self._octets[self._book.get(id).envelope.id]))

    def note(self, id: str, served: Collection[Address]) -> Deferred[None]:
        return execute(lambda: self._book.put(self._book.noted(id, served)))

    def settle(
        self,
        id: str,
        outcomes: Sequence[Outcome],
        told: bool = False,
        lane: str = "",
        kept: Mapping[Address, str] = NONE_KEPT,
    ) -> Deferred[Sequence[Outcome]]:
        return execute(self._settle, id, outcomes, told, lane, kept)

    def _settle(
        self, id: str, outcomes: Sequence[Outcome], told: bool, lane: str, kept: Mapping[Address, str]
    ) -> Sequence[Outcome]:
        changed, failures = self._book.settled(id, outcomes, told, lane, kept)
        self._book.put(changed)
        self._book.release(id)
        if not changed.pending:
            self._book.remove(id)
        return failures

    def write(self, id: str) -> Deferred[None]:
        return execute(self._write, id)

    def _write(self, id: str) -> None:
        if not self._book.get(id).pending:
            self._book.remove(id)
        self._book.release(id)

    def list(self, which: Selection = EVERYTHING) -> Deferred[Sequence[Queued]]:
        return succeed(self._book.shown(which))

    def order(self, which: Selection, order: Order) -> Deferred[Ordered]:
        return execute(self._order, which, order)

    def _order(self, which: Selection, order: Order) -> Ordered:
        now = self._clock.seconds()
        found = [one for one in self._book.selected(which) if is_meant(order, one, now)]
        change = None if isinstance(order, Drop) else change_by(order, now)
        for one in found:
            if change is None:
                self._book.remove(one.envelope.id)
            else:
                self._book.put(change(one))
        self._book.wake()
        return Ordered(tuple(one.envelope.id for one in found))

    def when_due(self, room: Callable[[str], bool] = anywhere) -> float | None:
        return self._book.when_due(room)

    def watch(self, woken: Callable[[], None]) -> None:
        self._book.watch(woken)


def order(queue: IQueue, id: str, order: Order) -> Deferred[None]:
    """About one message.  Fails with ``NotFound``, or with ``Temporary`` and the reason if it was not done."""

    def check(ordered: Ordered) -> None:
        if id in ordered.failed:
            raise Temporary(ordered.failed[id])
        if id not in ordered.done:
            raise NotFound(id)

    return queue.order(Selection(ids=(id,)), order).addCallback(check)


@implementer(IRouter)
class TableRouter:
    """Hops, or the error, of each domain; any other domain does not exist.  ``asked`` lists the domains; ``released``
    is where mail goes that was on hold."""

    released: tuple[Hop, ...] = ()

    def __init__(self, table: Mapping[str, tuple[Hop, ...] | MailError]) -> None:
        self.table = table
        self.asked: list[str] = []

    def by_hand(self, via: str) -> Deferred[tuple[Hop, ...]]:
        return self.route(via)

    def route(self, domain: str, sender: Address = NULL_SENDER, released: bool = False) -> Deferred[tuple[Hop, ...]]:
        self.asked.append(domain)
        found = self.table.get(domain, NoRoute("5.1.2", f"the domain {domain} does not exist"))
        if released and isinstance(found, OnHold):
            found = self.released
        assert found, f"a route is never empty, as that of {domain} is"
        return fail(found) if isinstance(found, MailError) else succeed(found)


@implementer(IReports)
class NotedReports:
    """Remembers whom it would have told: (queue id, outcomes), and the header.  ``failing`` is raised once if it is
    set."""

    def __init__(self) -> None:
        self.reported: list[tuple[str, tuple[Outcome, ...]]] = []
        self.headers: list[bytes] = []
        #: (message id, recipient) of what is in a mailbox.
        self.arrived: list[tuple[str, Recipient]] = []
        #: Of them, those that are aliases for others elsewhere.
        self.expanded: list[Address] = []
        self.failing: MailError | None = None

    def report(self, queued: Queued, outcomes: Sequence[Outcome], original: IBody | None) -> Deferred[None]:
        return Deferred.fromCoroutine(self._report(queued.envelope, outcomes, original))

    async def _report(self, envelope: Envelope, outcomes: Sequence[Outcome], original: IBody | None) -> None:
        failing, self.failing = self.failing, None
        if failing is not None:
            raise failing
        if not envelope.sender.is_null and outcomes:
            self.headers.append(b"" if original is None else await original.header())
            self.reported.append((envelope.id, tuple(outcomes)))

    def delivered(
        self, envelope: Envelope, recipients: Sequence[Recipient], header: bytes, expanded: Collection[Address] = ()
    ) -> Deferred[None]:
        self.arrived += [(envelope.id, recipient) for recipient in recipients]
        self.expanded += expanded
        return succeed(None)
