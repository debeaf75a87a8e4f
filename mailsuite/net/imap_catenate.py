"""CATENATE, RFC 4469: parts of messages that are here already, added to one that is put together.

Read in pieces into the draft, as they are sent to clients, so that a part of any size costs little memory.  No flag
changes, and no mailbox is selected.
"""

from __future__ import annotations

from mailsuite.errors import InvalidName, NotFound
from mailsuite.imap import codes
from mailsuite.imap.events import AppendUrl
from mailsuite.imap.syntax import urls
from mailsuite.interfaces import IBody, IMailStore
from mailsuite.net.imap_append import add
from mailsuite.net.imap_sections import Stream
from mailsuite.net.imap_session import Session


async def url(session: Session, event: AppendUrl) -> None:
    """Add what a URL names to the message that was begun."""
    base = session.selection.mailbox.name if session.selected else ""
    try:
        message = urls.message(event.url, base)
        body = await open_message(session.store, message)
    except (ValueError, NotFound, InvalidName):
        await _bad_url(session, event)
        return
    try:
        found = await _copy(session, body, message)
    finally:
        body.close()
    if found:
        session.core.accept()
    else:
        await _bad_url(session, event)


async def _bad_url(session: Session, event: AppendUrl) -> None:
    session.discard_offered()
    await session.tell()
    session.core.no(event.tag, b"the URL names no message or part here", codes.badurl(event.url))


async def open_message(store: IMailStore, message: urls.MessageUrl) -> IBody:
    """The message that a URL is about; NotFound, InvalidName."""
    if message.uidvalidity:
        status = await store.status(message.mailbox)
        if status.uidvalidity != message.uidvalidity:
            raise NotFound("the mailbox is another one now")
    mailbox = await store.open(message.mailbox)
    return await mailbox.body(message.uid)


async def _copy(session: Session, body: IBody, message: urls.MessageUrl) -> bool:
    """Whether the message has such a part."""
    stream = Stream(session, body)
    [span] = await stream.locate({}, message.uid, [message.section])
    if span is None:
        return False
    async for data in stream.contents(message.section, span):
        await add(session, session.offered[-1], data)
    return True
