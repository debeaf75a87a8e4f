"""Mailboxes for views, and what a view tells of them."""

from __future__ import annotations

from collections.abc import Iterable

from mailsuite.imap.view import View
from mailsuite.model import SEEN, Flags, Snapshot
from mailsuite.query import STAR, Uids

NONE: Flags = frozenset()
ALL = Uids(((1, STAR),))


def snapshot(
    uids: Iterable[int], flags: dict[int, Flags] | None = None, recent: Iterable[int] = (), uidvalidity: int = 7
) -> Snapshot:
    uids = tuple(uids)
    keywords = sorted({flag for values in (flags or {}).values() for flag in values if flag[0] != "\\"})
    return Snapshot(
        uidvalidity=uidvalidity,
        uidnext=max(uids, default=0) + 1,
        highestmodseq=1,
        uids=uids,
        flags=tuple((flags or {}).get(uid, NONE) for uid in uids),
        recent=frozenset(recent),
        keywords=tuple(keywords),
        at=0,
        first_unseen=next((n for n, uid in enumerate(uids, 1) if SEEN not in (flags or {}).get(uid, NONE)), 0),
    )


def flagged(*flags: str) -> Flags:
    return frozenset(flags)


def told(view: View, expunges: bool = True, uid: bool = False) -> str:
    return b"".join(view.tell(expunges, uid)).decode()
