"""The change feed of one mailbox (IWatch): a bounded log of what happened, and positions in it.

``publish`` may be called in any thread; whoever holds the mailbox's lock decides the order, so a snapshot that reads
``position`` under the same lock misses nothing and repeats nothing.  ``wake``, ``watch`` and the watches belong to
the reactor thread.  A watch that falls behind the log gets one ``Overflow`` and nothing after it, so the cost of a
session that does not read is nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import msgspec
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.interfaces import IWatch
from mailsuite.model import Arrived, Change, FlagsChanged, Gone, Overflow, Vanished

#: Messages that the changes in one log may name together, and while nobody watches: there are many mailboxes, and who
#: comes next takes a snapshot first.
MAX_NAMED = 10_000
MAX_UNWATCHED = 100

_log = Logger()


def _named(change: Change) -> int:
    return len(change.uids) if isinstance(change, Arrived | FlagsChanged | Vanished) else 1


def _not_recent(change: Change) -> Change:
    return msgspec.structs.replace(change, recent=False) if isinstance(change, Arrived) else change


class Feed:
    """What happened in a mailbox, newest last; ``max_named`` bounds it by the messages its changes name."""

    def __init__(self, max_named: int = MAX_NAMED) -> None:
        self._changes: deque[Change] = deque()
        self._oldest = 0
        self._named = 0
        self._max_named = max_named
        self._lock = threading.Lock()
        self._watches: list[Watch] = []
        self._claimed_to = 0  # the position up to which arrivals were told as recent
        self._claims: set[int] = set()  # UIDs of those that the mailbox does not know of yet
        #: Called when the last watch is closed; reactor.
        self.unwatched: Callable[[], None] = lambda: None

    @property
    def position(self) -> int:
        """How many changes there ever were; what ``Snapshot.at`` holds."""
        return self._oldest + len(self._changes)

    @property
    def watched(self) -> bool:
        """Whether any session looks at it."""
        return bool(self._watches)

    def publish(self, change: Change) -> None:
        """Add to the log; any thread.  Nobody hears of it before ``wake``."""
        with self._lock:
            self._changes.append(change)
            self._named += _named(change)
            most = self._max_named if self._watches else min(self._max_named, MAX_UNWATCHED)
            while self._named > most and len(self._changes) > 1:
                self._named -= _named(self._changes.popleft())
                self._oldest += 1

    def since(self, position: int, take_recent: bool = False) -> tuple[Sequence[Change], int]:
        """The changes after ``position``, and the position after them; a lone ``Overflow`` if some are lost.  With
        ``take_recent`` the arrivals among them are recent for nobody else."""
        with self._lock:
            skip = position - self._oldest
            if skip < 0:
                return (Overflow(),), self.position
            changes = tuple(self._changes[at] for at in range(skip - len(self._changes), 0))  # the end of it is near
            claimed = max(0, self._claimed_to - position)
            if take_recent:
                self._claimed_to = self.position
                for change in changes[claimed:]:
                    if isinstance(change, Arrived):
                        self._claims.update(change.uids)
            return (*map(_not_recent, changes[:claimed]), *changes[claimed:]), self.position

    def claim_all(self) -> None:
        """A snapshot took what is recent: it is not for the watches."""
        with self._lock:
            self._claimed_to = self.position

    def take_claims(self) -> Sequence[int]:
        """UIDs that watches took as recent since the last call; any thread."""
        with self._lock:
            claims, self._claims = sorted(self._claims), set()
            return claims

    def watch(self, at: int, woken: Callable[[], None], take_recent: bool = False) -> Watch:
        """A new position in the log, right after ``at``."""
        watch = Watch(self, at, woken, take_recent)
        self._watches.append(watch)
        return watch

    def forget(self, watch: Watch) -> None:
        if watch in self._watches:
            self._watches.remove(watch)
            if not self._watches:
                self.unwatched()

    def wake(self) -> None:
        """Tell the watches that have something new to read."""
        for watch in tuple(self._watches):
            watch.wake()


@implementer(IWatch)
class Watch:
    """One session's position."""

    def __init__(self, feed: Feed, at: int, woken: Callable[[], None], take_recent: bool = False) -> None:
        self._take_recent = take_recent
        self._feed = feed
        self._at = at
        self._woken = woken
        self._told = False
        self._ended = False

    def take(self) -> Sequence[Change]:
        self._told = False
        if self._ended or self._at == self._feed.position:
            return ()
        changes, self._at = self._feed.since(self._at, self._take_recent)
        if changes and isinstance(changes[-1], Overflow | Gone):
            self.close()
        return changes

    def close(self) -> None:
        self._ended = True
        self._feed.forget(self)

    def wake(self) -> None:
        if self._told or self._ended or self._at == self._feed.position:
            return
        self._told = True
        try:
            self._woken()
        except Exception:
            _log.failure("a session failed when told of a change")
