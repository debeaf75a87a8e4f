"""A selected mailbox: the store's mailbox, this session's view of it, and the watch that keeps the view up to date."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, DeferredLock

from mailsuite.imap.view import View
from mailsuite.interfaces import IMailbox, IMailStore
from mailsuite.mime.structure import Part
from mailsuite.model import Snapshot


class Selection:
    """``woken`` is called when there are changes after there were none."""

    def __init__(self, mailbox: IMailbox, snapshot: Snapshot, read_only: bool, woken: Callable[[], None]) -> None:
        self.mailbox = mailbox
        self.view = View(snapshot, read_only)
        #: The structure of the message whose parts were fetched last: clients ask for one part after the other.
        self.scanned: dict[int, Part] = {}
        self._read_only = read_only
        self._woken = woken
        self._watch = mailbox.watch(snapshot.at, woken, take_recent=not read_only)
        self._lock = DeferredLock()

    async def catch_up(self) -> None:
        """Take what happened into the view; after an overflow by comparing with the mailbox as it is now."""
        self.view.apply(self._watch.take())
        if self.view.overflowed:
            await self._lock.run(lambda: Deferred.fromCoroutine(self._resync()))

    async def _resync(self) -> None:
        if not self.view.overflowed:
            return
        snapshot = await self.mailbox.snapshot(not self._read_only)
        self._watch.close()
        self._watch = self.mailbox.watch(snapshot.at, self._woken, take_recent=not self._read_only)
        self.view.resync(snapshot)

    def close(self) -> None:
        self._watch.close()


async def open_selection(store: IMailStore, name: str, read_only: bool, woken: Callable[[], None]) -> Selection:
    """Raises NotFound."""
    mailbox = await store.open(name)
    snapshot = await mailbox.snapshot(not read_only)
    return Selection(mailbox, snapshot, read_only, woken)
