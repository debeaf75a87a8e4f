"""IMAP commands about mailboxes by name: LIST LSUB NAMESPACE STATUS CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE."""

from __future__ import annotations

from mailsuite.errors import NotFound
from mailsuite.imap import codes, listing, responses
from mailsuite.imap.events import Create, Delete, List, Lsub, Namespace, Rename, Status, Subscribe
from mailsuite.imap.items import StatusItem
from mailsuite.imap.modseqs import Awareness
from mailsuite.net.imap_session import Session


async def list_mailboxes(session: Session, event: List) -> None:
    """RFC 3501 §6.3.8, RFC 5258; with STATUS lines where asked (RFC 5819)."""
    _become_aware(session, event)
    infos = await session.store.list() if event.patterns else ()
    session.core.untagged_all(listing.lines(event, infos))
    if event.status:
        for name in listing.matching(event, infos):
            await _tell_status(session, event, name)
            await session.drained()
    await session.complete(event, b"listed")


async def _tell_status(session: Session, event: List, name: str) -> None:
    """RFC 5819 §2: a mailbox whose status cannot be had is passed over."""
    try:
        counters = await session.store.status(name)
    except NotFound:
        return
    session.core.untagged(responses.status(name, event.status, counters))
    session.flush()


async def lsub(session: Session, event: Lsub) -> None:
    """RFC 3501 §6.3.9."""
    session.core.untagged_all(listing.lsub_lines(event, await session.store.list()))
    await session.complete(event, b"listed")


def namespace(session: Session, event: Namespace) -> None:
    """RFC 2342."""
    session.core.untagged(responses.NAMESPACE)
    session.core.ok(event.tag, b"told")


async def status(session: Session, event: Status) -> None:
    """RFC 3501 §6.3.10."""
    _become_aware(session, event)
    counters = await session.store.status(event.mailbox)
    session.core.untagged(responses.status(event.mailbox, event.items, counters))
    await session.complete(event, b"told")


def _become_aware(session: Session, event: List | Status) -> None:
    """RFC 7162 §3.1: who asks for HIGHESTMODSEQ knows CONDSTORE."""
    items = event.status if isinstance(event, List) else event.items
    if StatusItem.HIGHESTMODSEQ in items:
        session.become(Awareness.CONDSTORE)


async def create(session: Session, event: Create) -> None:
    """RFC 3501 §6.3.3, RFC 6154 §3."""
    await session.store.create(event.mailbox, event.special_use)
    await session.complete(event, b"created")


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
