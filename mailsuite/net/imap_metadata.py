"""GETMETADATA and SETMETADATA, RFC 5464.

Annotations of mailboxes, and of the server: of those each user keeps private ones, and what is shared is what the
configuration says.  No session is told unasked of what another changed (section 4.4 leaves that free).
"""

from __future__ import annotations

from collections.abc import Mapping

from mailsuite.errors import NotAllowed, TooMany, Unsupported
from mailsuite.imap import codes, metadata, responses
from mailsuite.imap.events import GetMetadata, SetMetadata
from mailsuite.net.imap_session import Session


async def get_metadata(session: Session, event: GetMetadata) -> None:
    """§4.2."""
    held = dict(await session.store.notes.annotations(event.mailbox, session.account))
    if not event.mailbox:
        held |= _of_server(session)
    chosen = metadata.chosen(event.entries, event.depth, event.largest, held)
    if chosen.entries:
        session.core.untagged(responses.metadata(session.written(event.mailbox), chosen.entries))
    code = codes.metadata_longentries(chosen.longest) if chosen.longest else b""
    await session.complete(event, b"told", code)


def _of_server(session: Session) -> Mapping[str, bytes]:
    """§3.2.1.1, read-only."""
    settings = session.settings
    entries = {"/shared/admin": settings.administrator_contact, "/shared/comment": settings.comment}
    return {entry: value.encode() for entry, value in entries.items() if value}


async def set_metadata(session: Session, event: SetMetadata) -> None:
    """§4.3."""
    if not event.mailbox and any(entry.startswith("/shared/") for entry in (*event.values, *event.removed)):
        raise NotAllowed("what the server shares is set by its administrator")
    try:
        await session.store.notes.annotate(event.mailbox, session.account, event.values, event.removed)
    except TooMany as error:
        session.core.no(event.tag, str(error).encode("ascii", "replace"), codes.METADATA_TOOMANY)
        return
    except Unsupported as error:  # RFC 6154 §4
        session.core.no(event.tag, str(error).encode("ascii", "replace"), codes.USEATTR)
        return
    await session.complete(event, b"set")
