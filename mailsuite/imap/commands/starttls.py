"""STARTTLS: RFC 3501 section 6.2.1."""

from __future__ import annotations

from mailsuite.imap.events import StartTls
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> StartTls:
    """starttls = "STARTTLS" """
    cursor.end()
    return StartTls(tag)
