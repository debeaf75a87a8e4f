"""MYRIGHTS: RFC 4314 section 3.5."""

from __future__ import annotations

from mailsuite.imap.events import MyRights
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> MyRights:
    """myrights = "MYRIGHTS" SP mailbox"""
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.end()
    return MyRights(tag, mailbox)
