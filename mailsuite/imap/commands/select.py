"""SELECT and EXAMINE: RFC 3501 sections 6.3.1 and 6.3.2."""

from __future__ import annotations

from mailsuite.imap.events import Select
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Select:
    """select = "SELECT" SP mailbox"""
    return _parse(cursor, tag, read_only=False)


def parse_examine(cursor: Cursor, tag: bytes) -> Select:
    """examine = "EXAMINE" SP mailbox"""
    return _parse(cursor, tag, read_only=True)


def _parse(cursor: Cursor, tag: bytes, read_only: bool) -> Select:
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.end()
    return Select(tag, mailbox, read_only)
