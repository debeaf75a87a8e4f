"""GETACL: RFC 4314 section 3.3."""

from __future__ import annotations

from mailsuite.imap.events import GetAcl
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> GetAcl:
    """getacl = "GETACL" SP mailbox"""
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.end()
    return GetAcl(tag, mailbox)
