"""LIST and LSUB: RFC 3501 §6.3.8 and §6.3.9, RFC 5258, RFC 5819 (STATUS), RFC 8440 (MYRIGHTS), RFC
9590 (METADATA).

A plain LIST is answered at once from ``IMailStore.list``.  One that asks for more tells each mailbox with what was
asked of it, one after the other, against the client's reading speed.
"""

from __future__ import annotations

import contextlib

from mailsuite.errors import MailError, NotAllowed, NotFound
from mailsuite.imap import listing, responses
from mailsuite.imap.events import List, Lsub
from mailsuite.imap.items import ListReturn, StatusItem
from mailsuite.imap.listing import Listed
from mailsuite.imap.modseqs import Awareness
from mailsuite.net.imap_session import Session

#: What more than the names is asked for.
_MORE = frozenset({ListReturn.STATUS, ListReturn.MYRIGHTS, ListReturn.METADATA})


async def list_mailboxes(session: Session, event: List) -> None:
    """RFC 3501 §6.3.8, RFC 5258."""
    if StatusItem.HIGHESTMODSEQ in event.status:  # RFC 7162 §3.1: who asks for it knows CONDSTORE
        session.become(Awareness.CONDSTORE)
    infos = await session.store.list() if event.patterns else ()
    if event.returns & _MORE:
        for each in listing.listed(event, infos):
            session.core.untagged_all(await _with_status(session, event, each))
            if each.there:
                session.core.untagged_all(await _noted(session, event, each.info.name))
            session.flush()
            await session.drained()
    else:
        session.core.untagged_all(listing.lines(event, infos, session.core.dialect.utf8))
    await session.complete(event, b"listed")


async def _with_status(session: Session, event: List, each: Listed) -> list[bytes]:
    """RFC 5819 §2: the LIST response, and behind it the STATUS response.  What cannot be opened any more is told as
    that; what cannot be counted for another reason has no STATUS response."""
    utf8 = session.core.dialect.utf8
    if not (event.status and each.telling):
        return [listing.line(event, each, utf8)]
    try:
        counters = await session.store.status(each.info.name)
    except (NotFound, NotAllowed):
        return [listing.line(event, each.barred(), utf8)]
    except MailError as error:
        session.log.warn("no STATUS of {mailbox} in LIST: {error}", mailbox=each.info.name, error=error)
        return [listing.line(event, each, utf8)]
    limit = session.settings.limits.message
    return [
        listing.line(event, each, utf8),
        responses.status(session.written(each.info.name), event.status, counters, limit),
    ]


async def _noted(session: Session, event: List, name: str) -> list[bytes]:
    """RFC 8440 (MYRIGHTS), RFC 9590 (METADATA); nothing of what cannot be had."""
    found: list[bytes] = []
    with contextlib.suppress(MailError):
        if ListReturn.MYRIGHTS in event.returns:
            found.append(
                responses.my_rights(session.written(name), await session.store.notes.rights(name, session.account))
            )
        if event.entries:
            held = await session.store.notes.annotations(name, session.account)
            found.append(responses.metadata(session.written(name), {entry: held.get(entry) for entry in event.entries}))
    return found


async def lsub(session: Session, event: Lsub) -> None:
    """RFC 3501 §6.3.9."""
    session.core.untagged_all(listing.lsub_lines(event, await session.store.list(), session.core.dialect.utf8))
    await session.complete(event, b"listed")
