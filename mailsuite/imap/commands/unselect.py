"""UNSELECT: RFC 3691."""

from __future__ import annotations

from mailsuite.imap.events import Unselect
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Unselect:
    """unselect = "UNSELECT" """
    cursor.end()
    return Unselect(tag)
