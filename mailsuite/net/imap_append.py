"""APPEND, RFC 3501 §6.3.11, several messages at once (RFC 3502), in binary (RFC 3516) or put together (RFC 4469), and
REPLACE (RFC 8508): each message goes into a draft as it arrives.

A draft that cannot keep up holds back the connection, so a message of any size costs little memory.  Nothing is stored
before all of it has come; a client that leaves half-way leaves nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from twisted.internet.defer import Deferred

from mailsuite.errors import Expunged, MailError, NotFound, OverQuota, ReadOnly, TooBig, Undecodable, Unsupported
from mailsuite.imap import codes, responses
from mailsuite.imap.events import AppendAbort, AppendBegin, AppendChunk, AppendEnd, AppendText
from mailsuite.mime.ascii_header import AsciiHeader
from mailsuite.mime.binary import TextForm
from mailsuite.mime.seven_bit import Unconvertible
from mailsuite.model import Appended
from mailsuite.net.imap_acl import uids_told
from mailsuite.net.imap_parts import Offered
from mailsuite.net.imap_session import Session
from mailsuite.query import Numbers, Uids


async def begin(session: Session, event: AppendBegin) -> None:
    """Take the message if its mailbox is there (the core has looked at its size)."""
    if event.index == 0:
        session.discard_offered()
        session.append_to = event.mailbox
        session.replaced = None if event.replaces is None else _replaced(session, event.replaces)
        try:
            await session.store.open(event.mailbox)
        except NotFound:
            await _no_mailbox(session, event)
            return
    else:
        await _finish_last(session)
    await _demand_room(session, event)
    date = session.clock.seconds() if event.date is None else event.date
    form = TextForm(mends=True) if event.binary else None
    free = session.core.dialect.utf8 or session.settings.eight_bit_headers
    header = None if free else AsciiHeader()
    session.offered.append(Offered(session.parts.drafts(), event.flags, date, form, header))
    session.core.accept()


async def _demand_room(session: Session, event: AppendBegin) -> None:
    """RFC 9208 §4.3.1: ``OverQuota`` before the octets come, where it is sure already; when all are there, the store
    decides, and it alone of what is others' or makes room itself (REPLACE)."""
    if event.replaces is None and session.store.notes.owner(event.mailbox) == session.account:
        octets = sum(offered.draft.size for offered in session.offered) + event.size
        room = session.parts.quotas.room(session.account, octets)
        if not (room if isinstance(room, bool) else await room):
            raise OverQuota("the message does not fit into what is left of the quota")


def _replaced(session: Session, message: Numbers | Uids) -> int:
    """The UID of the message that REPLACE is to remove."""
    view = session.selection.view
    if view.may.read_only:
        raise ReadOnly("the mailbox is open for reading only")
    uids = session.resolve(message)
    if not uids:
        raise Expunged("the message to be replaced is not there")
    return uids[0]


def text(session: Session, event: AppendText) -> None:
    """The next part of a message comes as octets."""
    session.core.accept()


async def _no_mailbox(session: Session, event: AppendBegin | AppendEnd) -> None:
    await session.tell()
    session.core.no(event.tag, b"no such mailbox, create it first", codes.TRYCREATE)


def chunk(session: Session, event: AppendChunk) -> Deferred[object] | None:
    """Octets into the draft; the connection waits while the disk does."""
    offered = session.offered[-1]
    if offered.form is not None:
        return session.carry_out(event, _convert(session, offered, offered.form, event.data))
    if offered.header is not None:
        return session.carry_out(event, add(session, offered, event.data))
    written = offered.draft.write(event.data)
    if offered.draft.size > session.settings.limits.message:
        return session.carry_out(event, _too_big())
    return None if written is None else session.carry_out(event, _wait(written))


async def _wait(written: Deferred[None]) -> None:
    await written


async def _too_big() -> None:
    raise TooBig("the message is too big")


async def _convert(session: Session, offered: Offered, form: TextForm, data: bytes) -> None:
    """RFC 3516 §4.4: what is binary is kept as base64, which every client can read."""
    try:
        await add(session, offered, form.feed(data))
    except Unconvertible as error:
        raise Undecodable(str(error)) from None


async def _finish_last(session: Session) -> None:
    """All of the message that was offered last is there."""
    offered = session.offered[-1]
    if offered.form is not None:
        try:
            await add(session, offered, offered.form.end())
        except Unconvertible as error:
            raise Undecodable(str(error)) from None
    if not offered.draft.size:
        raise MailError("a message cannot be empty")


async def add(session: Session, offered: Offered, data: bytes) -> None:
    """Octets to the message; ``TooBig`` if it is too large with them."""
    if offered.draft.size + len(data) > session.settings.limits.message:
        raise TooBig("the message is too big")  # RFC 4469 §4.2
    if offered.header is not None and not offered.header.feed(data):
        raise Unsupported("8-bit octets in the header, say ENABLE IMAP4rev2 or UTF8=ACCEPT first")  # RFC 9755 §4
    written = offered.draft.write(data)
    if written is not None:
        await written


async def end(session: Session, event: AppendEnd) -> None:
    """Store all of them; OK when they are on disk."""
    try:
        await _finish_last(session)
        messages = [(offered.draft, offered.flags, offered.date) for offered in session.offered]
        if session.replaced is not None:
            [message] = messages
            mailbox = session.selection.mailbox
            appended = await session.store.replace(mailbox, session.replaced, session.append_to, message)
            session.made(session.append_to, (appended.uid,))
            # RFC 8508 §4.3: before the EXPUNGE response
            session.core.untagged(responses.ok(b"this is the new one", await _code(session, [appended])))
            await session.complete(event, b"replaced")
        else:
            stored = await session.store.append(session.append_to, messages)
            session.made(session.append_to, (each.uid for each in stored))
            await _hear_of_it(session)
            await session.complete(event, b"stored", await _code(session, stored))
    except NotFound as error:
        if isinstance(error, Expunged):
            raise
        await _no_mailbox(session, event)  # deleted meanwhile
    finally:
        session.discard_offered()


async def _code(session: Session, stored: Sequence[Appended]) -> bytes:
    return codes.appenduid(stored) if await uids_told(session, session.append_to) else b""


async def _hear_of_it(session: Session) -> None:
    """RFC 3501 §6.3.11: of a message for the selected mailbox the client should be told at once."""
    if session.selected and session.selection.mailbox.name == session.append_to:
        with contextlib.suppress(MailError):  # it is stored, whether or not it can be seen
            await session.selection.mailbox.look()


def abort(session: Session, event: AppendAbort) -> None:
    """The command was malformed; the core has said so."""
    session.discard_offered()
