"""What changed since a client was here last: SELECT (QRESYNC) and FETCH with CHANGEDSINCE and VANISHED, RFC 7162 §3.2.

The store answers by UID; the session's view says which of them the client may hear of.  What happens meanwhile is told
as ever: nothing is lost between the state that SELECT told and the session's first change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from mailsuite.imap import known, responses, rows, sets
from mailsuite.imap.events import Resync
from mailsuite.imap.items import Attribute
from mailsuite.model import Fetched
from mailsuite.net.imap_selection import AT_ONCE, Selection
from mailsuite.net.imap_session import Session
from mailsuite.query import STAR, Ranges, Uids

_EVERY: Ranges = ((1, STAR),)
_ROW = (Attribute.UID, Attribute.FLAGS, Attribute.MODSEQ)


async def resync(session: Session, client: Resync) -> None:
    """§3.2.5: first what is gone, then the flags that changed, of the messages that the client knows."""
    selection = session.selection
    view = selection.view
    wanted = _EVERY if client.known is None else client.known
    above = known.matched(view.uids, client.numbers, client.uids)
    await tell_vanished(session, wanted, client.modseq, above)
    plan = rows.plan(_ROW, view.may.keep_seen, view.uid_only)
    uids = await changed_since(selection, view.resolve(Uids(wanted)), client.modseq)
    for start in range(0, len(uids), AT_ONCE):
        if start:
            await session.breathe()
        found = await fetch_modseqs(selection, uids[start : start + AT_ONCE], plan.wanted, 0)
        shown = view.rendered(found.uids)
        session.core.untagged(plan.rows(view.numbers(found.uids), found.uids, shown, found.columns))


async def tell_vanished(session: Session, wanted: Ranges, modseq: int, above: int = 0) -> None:
    """§3.2.6: which of these UIDs, of those above one, were expunged since."""
    selection = session.selection
    gone = await selection.mailbox.vanished_since(modseq)
    asked = sets.common(known.past(wanted), gone)
    earlier = known.absent(selection.view.uids, sets.common(((above + 1, sets.MAX_NUMBER),), asked))
    if earlier:
        session.core.untagged(responses.vanished(earlier, earlier=True))


async def changed_since(selection: Selection, uids: Sequence[int], modseq: int) -> list[int]:
    """Those of these that came or changed since, §3.1.4.1."""
    changed = frozenset(await selection.mailbox.changed_since(modseq))
    return [uid for uid in uids if uid in changed]


async def fetch_modseqs(selection: Selection, uids: Sequence[int], items: Sequence[str], place: int) -> Fetched:
    """``IMailbox.fetch``, where MODSEQ is at that ``place`` of ``items``: the flags that the view has afterwards are
    those of that MODSEQ, which counts as told."""
    found = await selection.mailbox.fetch(uids, items)
    await selection.catch_up()
    show = selection.view.modseqs.show
    shown = [show(uid, cast(int, modseq)) for uid, modseq in zip(found.uids, found.columns[place], strict=True)]
    return Fetched(found.uids, (*found.columns[:place], shown, *found.columns[place + 1 :]))
