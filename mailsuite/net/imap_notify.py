"""NOTIFY, RFC 5465."""

from __future__ import annotations

import contextlib

import msgspec

from mailsuite.errors import NotFound
from mailsuite.imap import codes
from mailsuite.imap.events import Notify
from mailsuite.imap.items import Attribute
from mailsuite.imap.modseqs import Awareness
from mailsuite.net.imap_notices import Notices, TooManyMailboxes
from mailsuite.net.imap_session import Session


async def notify(session: Session, event: Notify) -> None:
    """§3.1: what was wished before counts until all of this is watched."""
    wishes = msgspec.structs.replace(event.wishes, others=session.settings.other_users)
    if Attribute.MODSEQ in wishes.selected.fetch:
        session.become(Awareness.CONDSTORE)
    fresh = Notices(session, wishes)
    try:
        await fresh.begin(event.status)
    except TooManyMailboxes:
        fresh.close()
        session.core.no(event.tag, b"these are too many mailboxes", codes.NOTIFICATIONOVERFLOW)
        return
    except BaseException:
        fresh.close()
        raise
    session.heed(fresh, wishes.selected)
    if session.selected:
        with contextlib.suppress(NotFound):
            await session.selection.mailbox.look()
    await session.complete(event, b"so be it", uid=True)
