"""Writes down what happens to messages (IObserver), a second's worth at a time, in a thread.

Cheap for who tells: one append to a list.  What a crash finds in memory is lost, at most ``EVERY`` seconds of it; what
piles up past ``MOST`` (a disk that does not answer) is counted and let go, never waited for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.happenings import Accepted, Happening, Moved, Read, Removed
from mailsuite.interfaces import IObserver, IOffload
from mailsuite.mime.header import first, split
from mailsuite.track.database import Row

#: Seconds between batches; happenings that wait for one at most.
EVERY = 1.0
MOST = 50_000
_LANE = "track"
#: Octets of a Message-ID that are kept.
_LONGEST_ID = 500
#: Header fields of checks that are kept, and characters of each.
_MOST_RESULTS, _LONGEST_RESULT = 20, 1000

_encode = msgspec.json.Encoder().encode


class Rows(Protocol):
    """Where they go; blocking."""

    def write(self, rows: Sequence[Row], now: float) -> None: ...

    def close(self) -> None: ...


@implementer(IObserver)
class Recorder:
    """Into ``rows``."""

    log = Logger()
    listens = True

    def __init__(self, rows: Rows, clock: IReactorTime, offload: IOffload) -> None:
        self._rows = rows
        self._clock = clock
        self._offload = offload
        self._waiting: list[Happening] = []
        self._lost = 0
        self._timer: IDelayedCall | None = None
        self._writing: Deferred[None] = succeed(None)
        self._closed = False

    def happened(self, what: Happening) -> None:
        if self._closed:  # what was in a thread when the server stopped
            return
        if len(self._waiting) >= MOST:
            self._lost += 1
            return
        self._waiting.append(what)
        if self._timer is None:
            self._timer = self._clock.callLater(EVERY, self._write)

    def _write(self) -> None:
        self._timer = None
        if self._lost:
            self.log.warn("track: {count} happenings were not written down", count=self._lost)
            self._lost = 0
        batch, self._waiting = self._waiting, []
        if batch:
            self._writing = self._offload.run_in(_LANE, self._keep, batch, self._clock.seconds())
            self._writing.addErrback(self._failed, len(batch))

    def _keep(self, batch: Sequence[Happening], now: float) -> None:
        """In a thread."""
        self._rows.write([_row(one) for one in _joined(batch)], now)

    def _failed(self, failure: Failure, count: int) -> None:
        self.log.error("track: {count} happenings lost: {why}", count=count, why=failure.getErrorMessage())

    def close(self) -> Deferred[None]:
        """Everything is written when it fires; what happens later is let go."""
        self._closed = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._write()
        return self._offload.run_in(_LANE, self._rows.close)


def _joined(batch: Sequence[Happening]) -> Iterator[Happening]:
    """What a client reads one by one within a batch is one happening: who fetches all his mail would else write as
    much here as the mail itself brought."""
    for place, ones in itertools.groupby(batch, _read_in):
        if place is None:
            yield from ones
            continue
        reads = [one for one in ones if isinstance(one, Read)]
        uids = tuple(dict.fromkeys(itertools.chain.from_iterable(one.uids for one in reads)))
        yield msgspec.structs.replace(reads[0], uids=uids)


def _read_in(what: Happening) -> tuple[str, str] | None:
    """Where and how something was read; None for anything else."""
    return (what.place, what.how) if isinstance(what, Read) else None


def _row(what: Happening) -> Row:
    if isinstance(what, Read | Moved | Removed):
        return (what.at, what.place, _encode(what))
    if isinstance(what, Accepted) and (what.header or what.fields):
        id = first(what.header, b"message-id")[:_LONGEST_ID].decode("utf-8", "replace")
        found = _results(what.fields) if what.fields else ()
        what = msgspec.structs.replace(what, header=b"", message_id=id, fields=b"", results=found)
    return (what.at, what.id, _encode(what))


def _results(fields: bytes) -> tuple[str, ...]:
    """What checks found: header fields, each on a line of its own."""
    texts = (field.raw.decode("utf-8", "replace") for field in itertools.islice(split(fields), _MOST_RESULTS))
    return tuple(" ".join(text.split())[:_LONGEST_RESULT] for text in texts)
