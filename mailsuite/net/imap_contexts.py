"""The searches of a selection whose results are kept up to date: RFC 5267 §4.3, and the command CANCELUPDATE.

What changed is noted as the selection hears of it; when it is told, only those messages are asked about again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from mailsuite.errors import MailError
from mailsuite.imap.contexts import Context
from mailsuite.imap.events import CancelUpdate
from mailsuite.imap.items import FetchItem
from mailsuite.imap.view import View
from mailsuite.interfaces import IMailbox
from mailsuite.model import Arrived, Change, FlagsChanged, Overflow, Vanished

if TYPE_CHECKING:
    from mailsuite.net.imap_session import Session

#: Contexts of one selection (§4.3.1).
MAX_CONTEXTS = 20


class News(msgspec.Struct, frozen=True):
    """``before``: responses to be sent before what changed in the mailbox is told; ``grown``: contexts and their
    results, which are more than before."""

    before: list[bytes]
    grown: list[tuple[Context, Sequence[int]]]

    def wanted(self, fresh: Sequence[int]) -> dict[int, tuple[FetchItem, ...]]:
        """What to tell of those new messages that became results (RFC 5465 §7)."""
        items: dict[int, tuple[FetchItem, ...]] = {}
        for context, ordered in self.grown:
            if context.items:
                for uid in set(fresh).intersection(ordered).difference(context.found):
                    items[uid] = tuple(dict.fromkeys((*items.get(uid, ()), *context.items)))
        return items

    def behind(self, view: View) -> list[bytes]:
        """Responses to be sent when it was told: only then new messages have numbers."""
        lines: list[bytes] = []
        for context, ordered in self.grown:
            lines += context.replace(ordered, partial(view.shown, uid=context.uid))
        return lines


NO_NEWS = News([], [])


class Contexts:
    """Of one selection."""

    def __init__(self) -> None:
        self._contexts: dict[bytes, Context] = {}
        self._changed: set[int] = set()
        self._vanished: set[int] = set()
        self._lost = False  # changes were not heard of

    def __contains__(self, tag: bytes) -> bool:
        return tag in self._contexts

    @property
    def full(self) -> bool:
        return len(self._contexts) >= MAX_CONTEXTS

    def add(self, context: Context) -> None:
        """Keep it up to date from now on."""
        self._contexts[context.tag] = context

    def cancel(self, tag: bytes) -> None:
        """No more of it; nothing if there is none."""
        self._contexts.pop(tag, None)

    def note(self, changes: Iterable[Change]) -> None:
        """What the selection hears."""
        if not self._contexts:
            return
        for change in changes:
            match change:
                case Arrived() | FlagsChanged():
                    self._changed.update(change.uids)
                case Vanished():
                    self._vanished.update(change.uids)
                case Overflow():
                    self._lost = True

    @property
    def stale(self) -> bool:
        """Whether anything was heard that may change results."""
        return bool(self._contexts and (self._changed or self._vanished or self._lost))

    async def news(self, mailbox: IMailbox, view: View, now: float) -> News:
        """What follows from that.  What cannot be found out now is when something changes again."""
        news = News([], [])
        there = view.everything()
        for context in self._contexts.values():
            news.before.extend(context.remove(set(context.found) - there, partial(view.shown, uid=context.uid)))
        self._vanished.clear()
        changed, self._changed = (there if self._lost else self._changed & there), set()
        self._lost = False
        if changed:
            try:
                for context in tuple(self._contexts.values()):
                    await self._ask_again(context, mailbox, view, now, sorted(changed), news)
            except MailError:
                self._changed |= changed
        return news

    async def _ask_again(
        self, context: Context, mailbox: IMailbox, view: View, now: float, changed: Sequence[int], news: News
    ) -> None:
        """Whether messages that changed are results."""
        match = set(await mailbox.search(view.localize(context.query, now), changed))
        unmatched = set(changed).difference(match).intersection(context.found)
        news.before.extend(context.remove(unmatched, partial(view.shown, uid=context.uid)))
        if match.difference(context.found):
            uids = sorted(match.union(context.found))
            news.grown.append((context, await mailbox.sort(uids, context.order, {}) if context.order else uids))


def cancel_update(session: Session, event: CancelUpdate) -> None:
    """RFC 5267 §4.3.5."""
    for tag in event.tags:
        session.selection.contexts.cancel(tag)
    session.core.ok(event.tag, b"no more updates")
