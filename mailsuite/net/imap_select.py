"""IMAP commands that begin and end a selection, and IDLE: SELECT, EXAMINE, CLOSE, UNSELECT, IDLE."""

from __future__ import annotations

import contextlib

from mailsuite.errors import MailError, NotAllowed
from mailsuite.imap import codes, listing, responses
from mailsuite.imap.events import Close, IdleBegin, IdleEnd, Select, Unselect
from mailsuite.imap.modseqs import Awareness
from mailsuite.net import imap_resync
from mailsuite.net.imap_parts import BadCommand
from mailsuite.net.imap_selection import open_selection
from mailsuite.net.imap_session import Session
from mailsuite.query import STAR, Uids

_EVERYTHING = Uids(((1, STAR),))


async def select(session: Session, event: Select) -> None:
    """RFC 3501 §6.3.1, §6.3.2, RFC 7162 §3.2.5.  The earlier selection has ended whatever comes of it."""
    if session.selected:
        session.deselect()
        session.core.untagged(responses.ok(b"the earlier mailbox is closed", codes.CLOSED))  # RFC 7162 §3.2.11
    if event.resync is not None and session.awareness is not Awareness.QRESYNC:
        raise BadCommand("ENABLE QRESYNC first")
    session.refuse_numbers(event.resync is not None and bool(event.resync.numbers))
    if event.condstore or event.resync is not None:
        session.become(Awareness.CONDSTORE)
    rev2 = session.core.dialect.rev2
    listed = await _listed(session, event.mailbox) if rev2 else b""
    selection = await open_selection(session.store, event.mailbox, event.read_only, rev2, session.woken)
    session.select(selection)
    session.core.untagged(responses.ok(b"the mailbox's id", codes.mailboxid(selection.mailbox.id)))  # RFC 8474 §4.2
    session.core.untagged(responses.ok(b"how URLs are made", codes.URLMECH))  # RFC 4467 §5
    session.core.untagged_all(selection.view.opening())
    session.core.untagged(listed)
    if event.resync is not None and event.resync.uidvalidity == selection.view.uidvalidity:
        try:
            await imap_resync.resync(session, event.resync)
        except Exception:
            session.deselect()  # a SELECT that fails leaves nothing selected
            raise
    session.core.ok(event.tag, b"selected", codes.READ_ONLY if selection.view.may.read_only else codes.READ_WRITE)


async def _listed(session: Session, name: str) -> bytes:
    """RFC 9051 §6.3.2: the LIST response of the mailbox, with all that is known of it."""
    found = await session.store.list(name)
    return listing.opened_line(found[0] if found else name, session.core.dialect.utf8)


async def close(session: Session, event: Close) -> None:
    """RFC 3501 §6.4.2: what is marked \\Deleted goes, and nothing is told."""
    selection = session.selection
    if not selection.view.may.read_only:
        await selection.catch_up()
        uids = selection.view.deleted(_EVERYTHING)
        if uids:
            with contextlib.suppress(NotAllowed):  # RFC 4314 §4: without that right CLOSE only closes
                await selection.mailbox.expunge(uids)
    session.deselect()
    session.core.ok(event.tag, b"closed")


def unselect(session: Session, event: Unselect) -> None:
    """RFC 3691."""
    session.deselect()
    session.core.ok(event.tag, b"unselected")


async def begin_idle(session: Session, event: IdleBegin) -> None:
    """RFC 2177: what happened until now is told first, then whatever happens."""
    session.core.begin_idle()
    mailbox = session.selection.mailbox if session.selected else None
    session.parts.lookout.add(session, mailbox)
    session.flush()
    if mailbox is not None:
        with contextlib.suppress(MailError):  # the lookout goes on trying
            await mailbox.look()
        session.woken()


async def end_idle(session: Session, event: IdleEnd) -> None:
    """DONE."""
    session.parts.lookout.remove(session)
    await session.complete(event, b"idled")
