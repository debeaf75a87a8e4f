"""IDLE: RFC 2177 section 3; the DONE that ends it is read by the core."""

from __future__ import annotations

from mailsuite.imap.events import IdleBegin
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> IdleBegin:
    """idle = "IDLE" CRLF "DONE" """
    cursor.end()
    return IdleBegin(tag)
