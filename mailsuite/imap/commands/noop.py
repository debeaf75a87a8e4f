"""NOOP: RFC 3501 section 6.1.2."""

from __future__ import annotations

from mailsuite.imap.events import Noop
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Noop:
    """noop = "NOOP" """
    cursor.end()
    return Noop(tag)
