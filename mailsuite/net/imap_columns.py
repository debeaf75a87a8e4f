"""What FETCH asks of the store for some messages, and what goes with it."""

from __future__ import annotations

from collections.abc import Sequence

from mailsuite.errors import MailError
from mailsuite.imap.rows import Plan
from mailsuite.imap.view import View
from mailsuite.model import SEEN, Fetched, FlagOp
from mailsuite.net import imap_resync, imap_structures
from mailsuite.net.imap_session import Session

_MODSEQ = "modseq"


async def fetch(session: Session, plan: Plan, items: Sequence[str], uids: Sequence[int]) -> Fetched:
    """``IMailbox.fetch`` of these items; where the plan says so the messages are read from now on."""
    if plan.sets_seen:
        await _mark_seen(session, plan, uids)
    if not items:
        return Fetched(uids, ())
    if _MODSEQ in items:
        found = await imap_resync.fetch_modseqs(session.selection, uids, items, items.index(_MODSEQ))
    else:
        found = await session.selection.mailbox.fetch(uids, items)
    return await imap_structures.for_client(session, items, found)


def flags(view: View, plan: Plan, uids: Sequence[int]) -> Sequence[bytes]:
    """As rows show them, if they do."""
    return view.rendered(uids) if plan.flags else [b""] * len(uids)


async def _mark_seen(session: Session, plan: Plan, uids: Sequence[int]) -> None:
    """RFC 3501 §6.4.5: reading sets \\Seen.  A disk that takes no flag is no reason not to read."""
    await session.selection.catch_up()  # somebody may have marked it as unread just now
    view = session.selection.view
    unseen = [uid for uid in uids if SEEN not in view.flags_of(uid)]
    if not unseen:
        return
    seen = frozenset((SEEN,))
    try:
        results, _ = await session.selection.mailbox.store(unseen, FlagOp.ADD, seen, None)
    except MailError as error:
        session.log.warn("cannot mark as seen for {account}: {error}", account=session.account, error=error)
        return
    view.stored(results, FlagOp.ADD, seen, plan.flags)
