"""CLOSE: RFC 3501 section 6.4.2."""

from __future__ import annotations

from mailsuite.imap.events import Close
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Close:
    """close = "CLOSE" """
    cursor.end()
    return Close(tag)
