"""RENAME: RFC 3501 section 6.3.5."""

from __future__ import annotations

from mailsuite.imap.events import Rename
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor
from mailsuite.model import DELIMITER


def parse(cursor: Cursor, tag: bytes) -> Rename:
    """rename = "RENAME" SP mailbox SP mailbox"""
    cursor.space()
    old = strings.mailbox(cursor)
    cursor.space()
    new = strings.new_mailbox(cursor)
    cursor.end()
    return Rename(tag, old, new.removesuffix(DELIMITER))
