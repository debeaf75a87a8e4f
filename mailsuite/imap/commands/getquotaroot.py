"""GETQUOTAROOT: RFC 9208 §4.1.2."""

from __future__ import annotations

from mailsuite.imap.events import GetQuotaRoot
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> GetQuotaRoot:
    """getquotaroot = "GETQUOTAROOT" SP mailbox"""
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.end()
    return GetQuotaRoot(tag, mailbox)
