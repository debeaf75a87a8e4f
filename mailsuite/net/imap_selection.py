"""A selected mailbox: the store's mailbox, this session's view of it, and the watch that keeps the view up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from twisted.internet.defer import Deferred, DeferredLock

from mailsuite.imap.modseqs import Awareness
from mailsuite.imap.view import View
from mailsuite.interfaces import IMailbox, IMailStore
from mailsuite.mime.structure import Part
from mailsuite.model import Snapshot
from mailsuite.net.imap_contexts import Contexts, News

#: Messages asked of the store in one call.
AT_ONCE = 1000


class Selection:
    """``woken`` is called when there are changes after there were none."""

    def __init__(
        self, mailbox: IMailbox, snapshot: Snapshot, read_only: bool, take_recent: bool, woken: Callable[[], None]
    ) -> None:
        self.mailbox = mailbox
        self.view = View(snapshot, read_only)
        self.contexts = Contexts()
        #: The structure of the message whose parts were fetched last: clients ask for one part after the other.
        self.scanned: dict[int, Part] = {}
        self._take_recent = take_recent
        self._woken = woken
        self._watch = mailbox.watch(snapshot.at, woken, take_recent)
        self._lock = DeferredLock()

    def take(self) -> bool:
        """Take what happened into the view; False if ``catch_up`` is needed for that."""
        if changes := self._watch.take():
            self.contexts.note(changes)
            self.view.apply(changes)
        return not self.view.overflowed

    async def catch_up(self) -> None:
        """Take what happened into the view; after an overflow by comparing with the mailbox as it is now."""
        if not self.take():
            await self._lock.run(lambda: Deferred.fromCoroutine(self._resync()))

    async def news(self, now: float) -> News:
        """What to tell of searches whose results are kept up to date."""
        return await self.contexts.news(self.mailbox, self.view, now)

    async def _resync(self) -> None:
        if not self.view.overflowed:
            return
        snapshot = await self.mailbox.snapshot(self._take_recent)
        self._watch.close()
        self._watch = self.mailbox.watch(snapshot.at, self._woken, self._take_recent)
        self.view.resync(snapshot, await self._modseqs())

    async def _modseqs(self) -> dict[int, int]:
        """Of messages that changed unheard, where the client wants to know (RFC 7162 §3.2.4)."""
        modseqs = self.view.modseqs
        if modseqs.awareness is Awareness.NONE:
            return {}
        return await modseqs_of(self.mailbox, await self.mailbox.changed_since(modseqs.highest))

    def close(self) -> None:
        self._watch.close()


async def modseqs_of(mailbox: IMailbox, uids: Sequence[int]) -> dict[int, int]:
    """UID -> MODSEQ; those that are gone are left out."""
    found: dict[int, int] = {}
    for start in range(0, len(uids), AT_ONCE):
        rows = await mailbox.fetch(uids[start : start + AT_ONCE], ("modseq",))
        found |= zip(rows.uids, cast(Sequence[int], rows.columns[0]), strict=True)
    return found


async def open_selection(
    store: IMailStore, name: str, read_only: bool, rev2: bool, woken: Callable[[], None]
) -> Selection:
    """Raises NotFound.  IMAP4rev2 has no \\Recent: it is left to those who do (RFC 9051 Appendix E 12)."""
    mailbox = await store.open(name)
    take_recent = not (read_only or rev2)
    snapshot = await mailbox.snapshot(take_recent)
    return Selection(mailbox, snapshot, read_only, take_recent, woken)
