"""LISTRIGHTS: RFC 4314 section 3.4."""

from __future__ import annotations

from mailsuite.imap.events import ListRights
from mailsuite.imap.syntax import rights, strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> ListRights:
    """listrights = "LISTRIGHTS" SP mailbox SP identifier"""
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.space()
    identifier = rights.identifier(cursor)
    cursor.end()
    return ListRights(tag, mailbox, identifier)
