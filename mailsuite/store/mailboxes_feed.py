"""What becomes of an account's mailboxes (IMailboxesWatch): made, removed, renamed, subscribed, annotated, shared.

Each watch keeps what it has not given out, at most ``MOST`` changes; more are a single ``Overflow``.  Reactor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.interfaces import IMailboxesWatch
from mailsuite.model import MailboxesChange, Overflow

#: Changes that a watch keeps.
MOST = 1000

_log = Logger()


class MailboxesFeed:
    """Of one account."""

    def __init__(self) -> None:
        self._watches: list[MailboxesWatch] = []

    def publish(self, changes: Iterable[MailboxesChange], origin: object) -> None:
        """Tell everybody; ``origin`` is the store through which it was done."""
        told = tuple(changes)
        for watch in tuple(self._watches) if told else ():
            watch.hear(told, origin)

    @property
    def watched(self) -> bool:
        """Whether anybody would hear; any thread."""
        return bool(self._watches)

    def watch(
        self, origin: object, woken: Callable[[], None], look: Callable[[], Deferred[None]] = lambda: succeed(None)
    ) -> MailboxesWatch:
        """From now on, for who acts through that store.  ``look`` finds what other programs did, and publishes it."""
        watch = MailboxesWatch(self, origin, woken, look)
        self._watches.append(watch)
        return watch

    def forget(self, watch: MailboxesWatch) -> None:
        if watch in self._watches:
            self._watches.remove(watch)


@implementer(IMailboxesWatch)
class MailboxesWatch:
    """One session's ear."""

    def __init__(
        self, feed: MailboxesFeed, origin: object, woken: Callable[[], None], look: Callable[[], Deferred[None]]
    ) -> None:
        self.look = look
        self._feed = feed
        self._origin = origin
        self._woken = woken
        self._heard: list[MailboxesChange] = []

    def hear(self, changes: Iterable[MailboxesChange], origin: object) -> None:
        quiet = not self._heard
        for change in changes:
            mine = origin is self._origin and not isinstance(change, Overflow)
            self._heard.append(msgspec.structs.replace(change, own=True) if mine else change)
        if len(self._heard) > MOST:
            self._heard = [Overflow()]
        if quiet and self._heard:
            try:
                self._woken()
            except Exception:
                _log.failure("a session failed when told of a mailbox")

    def take(self) -> Deferred[Sequence[MailboxesChange]]:
        heard, self._heard = self._heard, []
        return succeed(heard)

    def close(self) -> None:
        self._feed.forget(self)
        self._heard = []
