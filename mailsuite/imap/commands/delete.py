"""DELETE: RFC 3501 section 6.3.4."""

from __future__ import annotations

from mailsuite.imap.events import Delete
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Delete:
    """delete = "DELETE" SP mailbox"""
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.end()
    return Delete(tag, mailbox)
