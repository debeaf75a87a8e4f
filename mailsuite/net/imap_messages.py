"""IMAP commands about messages of the selected mailbox, without FETCH: SEARCH STORE COPY MOVE EXPUNGE."""

from __future__ import annotations

from mailsuite.errors import Expunged, NotFound, ReadOnly
from mailsuite.imap import codes, responses
from mailsuite.imap.events import Copy, Expunge, Search, Store
from mailsuite.net.imap_selection import Selection
from mailsuite.net.imap_session import Session
from mailsuite.query import STAR, Uids

_EVERYTHING = Uids(((1, STAR),))


def writable(session: Session) -> Selection:
    """The selected mailbox; ReadOnly after EXAMINE."""
    selection = session.selection
    if selection.view.read_only:
        raise ReadOnly("the mailbox is open for reading only")
    return selection


async def search(session: Session, event: Search) -> None:
    """RFC 3501 §6.4.4."""
    selection = session.selection
    view = selection.view
    found = await selection.mailbox.search(view.localize(event.query), session.resolve(_EVERYTHING))
    known = [uid for uid in found if view.holds(uid)]
    session.core.untagged(responses.search(known if event.uid else view.numbers(known)))
    await session.complete(event, b"searched", uid=event.uid)


async def store(session: Session, event: Store) -> None:
    """RFC 3501 §6.4.6."""
    selection = writable(session)
    uids = session.resolve(event.messages)
    if uids:
        results, _ = await selection.mailbox.store(uids, event.op, event.flags, None)
        selection.view.stored(results, event.op, event.flags, event.silent)
    await session.complete(event, b"stored", uid=event.uid)


async def copy(session: Session, event: Copy) -> None:
    """COPY and MOVE, RFC 3501 §6.4.7, RFC 6851, RFC 4315 §3 (COPYUID)."""
    selection = writable(session) if event.move else session.selection
    uids = session.resolve(event.messages)
    if not uids:
        await session.complete(event, b"nothing to do", uid=event.uid)
        return
    try:
        copied = await session.store.copy(selection.mailbox, uids, event.mailbox, event.move)
    except NotFound as error:
        if isinstance(error, Expunged):
            raise
        await session.tell(event.uid)
        session.core.no(event.tag, b"no such mailbox, create it first", codes.TRYCREATE)
        return
    code = codes.copyuid(copied)
    if event.move:  # RFC 6851 §4.3: before the EXPUNGE responses
        if code:
            session.core.untagged(responses.ok(b"moved", code))
        await session.complete(event, b"done", uid=event.uid)
    else:
        await session.complete(event, b"copied", code, uid=event.uid)


async def expunge(session: Session, event: Expunge) -> None:
    """EXPUNGE and UID EXPUNGE, RFC 3501 §6.4.3, RFC 4315 §2.1."""
    selection = writable(session)
    await selection.catch_up()
    uids = selection.view.deleted(event.messages)
    if uids:
        await selection.mailbox.expunge(uids)
    await session.complete(event, b"expunged")
