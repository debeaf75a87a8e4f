"""IMAP commands about mailboxes by name: NAMESPACE STATUS CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE."""

from __future__ import annotations

from mailsuite.imap import codes, responses
from mailsuite.imap.events import Create, Delete, Namespace, Rename, Status, Subscribe
from mailsuite.imap.items import StatusItem
from mailsuite.imap.modseqs import Awareness
from mailsuite.net.imap_session import Session

#: For these STATUS "SHOULD NOT be used on the currently selected mailbox" (RFC 3501 §6.3.10; RFC 5530 §3, CLIENTBUG).
_TOLD_OF_THE_SELECTED = frozenset(
    {StatusItem.MESSAGES, StatusItem.RECENT, StatusItem.UIDNEXT, StatusItem.UIDVALIDITY, StatusItem.UNSEEN}
)


def namespace(session: Session, event: Namespace) -> None:
    """RFC 2342."""
    session.core.untagged(responses.namespace(session.settings.other_users, session.core.dialect.utf8))
    session.core.ok(event.tag, b"told")


async def status(session: Session, event: Status) -> None:
    """RFC 3501 §6.3.10, RFC 7889 §3.1 (APPENDLIMIT)."""
    if StatusItem.HIGHESTMODSEQ in event.items:  # RFC 7162 §3.1: who asks for it knows CONDSTORE
        session.become(Awareness.CONDSTORE)
    counters = await session.store.status(event.mailbox)
    limit = session.settings.limits.message
    session.core.untagged(responses.status(session.written(event.mailbox), event.items, counters, limit))
    known = session.has_selected(event.mailbox) and _TOLD_OF_THE_SELECTED.issuperset(event.items)
    await session.complete(event, b"told", codes.CLIENTBUG if known else b"")


async def create(session: Session, event: Create) -> None:
    """RFC 3501 §6.3.3, RFC 6154 §3, RFC 8474 §4.1."""
    made = await session.store.create(event.mailbox, event.special_use)
    await session.complete(event, b"created", codes.mailboxid(made))


async def delete(session: Session, event: Delete) -> None:
    """RFC 3501 §6.3.4.  A client that deletes the mailbox it has selected has nothing selected after that."""
    await session.store.delete(event.mailbox)
    if session.selected and session.selection.mailbox.name == event.mailbox:
        session.deselect()
        session.core.deselect()
        session.core.untagged(responses.ok(b"the deleted mailbox is closed", codes.CLOSED))
    await session.complete(event, b"deleted")


async def rename(session: Session, event: Rename) -> None:
    """RFC 3501 §6.3.5."""
    await session.store.rename(event.old, event.new)
    await session.complete(event, b"renamed")


async def subscribe(session: Session, event: Subscribe) -> None:
    """SUBSCRIBE and UNSUBSCRIBE, RFC 3501 §6.3.6, §6.3.7."""
    await session.store.subscribe(event.mailbox, event.wanted)
    await session.complete(event, b"subscribed" if event.wanted else b"unsubscribed")
