"""CHECK: RFC 3501 section 6.4.1."""

from __future__ import annotations

from mailsuite.imap.events import Check
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Check:
    """check = "CHECK" """
    cursor.end()
    return Check(tag)
