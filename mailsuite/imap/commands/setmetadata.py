"""SETMETADATA: RFC 5464 section 4.3."""

from __future__ import annotations

from mailsuite.imap import codes
from mailsuite.imap.events import SetMetadata
from mailsuite.imap.syntax import entries, strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError

#: Octets of a value; section 4.1 wants at least 1,024.
LARGEST = 32_768


def parse(cursor: Cursor, tag: bytes) -> SetMetadata:
    """setmetadata = "SETMETADATA" SP mailbox SP entry-values
    entry-values = "(" entry-value *(SP entry-value) ")"

    Of an entry that stands there twice the last value counts."""
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.need(b" (")
    given: dict[str, bytes | None] = {}
    while not given or cursor.skip(b" "):
        name = entries.entry(cursor)
        cursor.space()
        given[name] = entries.value(cursor)
    cursor.need(b")")
    cursor.end()
    values = {name: value for name, value in given.items() if value is not None}
    if any(len(value) > LARGEST for value in values.values()):
        raise ProtocolError("the value is too large", codes.metadata_maxsize(LARGEST), b"NO")
    return SetMetadata(tag, mailbox, values, tuple(name for name in given if name not in values))
