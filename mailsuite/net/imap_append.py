"""APPEND, RFC 3501 §6.3.11, with several messages at once (RFC 3502): each goes into a draft as it arrives.

A draft that cannot keep up holds back the connection, so a message of any size costs little memory.  Nothing is stored
before all of it has come; a client that leaves half-way leaves nothing.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from mailsuite.errors import NotFound
from mailsuite.imap import codes
from mailsuite.imap.events import AppendAbort, AppendBegin, AppendChunk, AppendEnd
from mailsuite.net.imap_session import Offered, Session


async def begin(session: Session, event: AppendBegin) -> None:
    """Take the message if its mailbox is there (the core has looked at its size)."""
    if event.index == 0:
        session.discard_offered()
        session.append_to = event.mailbox
        try:
            await session.store.open(event.mailbox)
        except NotFound:
            await _no_mailbox(session, event)
            return
    date = session.clock.seconds() if event.date is None else event.date
    session.offered.append(Offered(session.parts.drafts(), event.flags, date))
    session.core.accept()


async def _no_mailbox(session: Session, event: AppendBegin | AppendEnd) -> None:
    await session.tell()
    session.core.no(event.tag, b"no such mailbox, create it first", codes.TRYCREATE)


def chunk(session: Session, event: AppendChunk) -> Deferred[object] | None:
    """Octets into the draft; the connection waits while the disk does."""
    written = session.offered[-1].draft.write(event.data)
    return None if written is None else session.carry_out(event, _wait(written))


async def _wait(written: Deferred[None]) -> None:
    await written


async def end(session: Session, event: AppendEnd) -> None:
    """Store all of them; OK when they are on disk."""
    messages = [(offered.draft, offered.flags, offered.date) for offered in session.offered]
    try:
        appended = await session.store.append(session.append_to, messages)
    except NotFound:  # deleted meanwhile
        await _no_mailbox(session, event)
        return
    finally:
        session.discard_offered()
    await session.complete(event, b"stored", codes.appenduid(appended))


def abort(session: Session, event: AppendAbort) -> None:
    """The command was malformed; the core has said so."""
    session.discard_offered()
