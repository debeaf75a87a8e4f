"""LIST and LSUB: RFC 3501 §6.3.8 and §6.3.9, RFC 5258, RFC 5819 (STATUS).

A plain LIST is answered at once from ``IMailStore.list``.  One that asks for more tells each mailbox with what was
asked of it, one after the other, against the client's reading speed.
"""

from __future__ import annotations

from mailsuite.errors import MailError, NotAllowed, NotFound
from mailsuite.imap import listing, responses
from mailsuite.imap.events import List, Lsub
from mailsuite.imap.items import StatusItem
from mailsuite.imap.listing import Listed
from mailsuite.imap.modseqs import Awareness
from mailsuite.net.imap_session import Session


async def list_mailboxes(session: Session, event: List) -> None:
    """RFC 3501 §6.3.8, RFC 5258."""
    if StatusItem.HIGHESTMODSEQ in event.status:  # RFC 7162 §3.1: who asks for it knows CONDSTORE
        session.become(Awareness.CONDSTORE)
    infos = await session.store.list() if event.patterns else ()
    if event.status:
        for each in listing.listed(event, infos):
            session.core.untagged_all(await _told(session, event, each))
            session.flush()
            await session.drained()
    else:
        session.core.untagged_all(listing.lines(event, infos))
    await session.complete(event, b"listed")


async def _told(session: Session, event: List, each: Listed) -> list[bytes]:
    """RFC 5819 §2: the LIST response, and behind it the STATUS response.  What cannot be opened any more is told as
    that; what cannot be counted for another reason has no STATUS response."""
    if not each.telling:
        return [listing.line(event, each)]
    try:
        counters = await session.store.status(each.info.name)
    except (NotFound, NotAllowed):
        return [listing.line(event, each.barred())]
    except MailError as error:
        session.log.warn("no STATUS of {mailbox} in LIST: {error}", mailbox=each.info.name, error=error)
        return [listing.line(event, each)]
    limit = session.settings.limits.message
    return [listing.line(event, each), responses.status(each.info.name, event.status, counters, limit)]


async def lsub(session: Session, event: Lsub) -> None:
    """RFC 3501 §6.3.9."""
    session.core.untagged_all(listing.lsub_lines(event, await session.store.list()))
    await session.complete(event, b"listed")
