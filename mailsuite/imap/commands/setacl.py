"""SETACL: RFC 4314 section 3.1."""

from __future__ import annotations

from mailsuite.imap.events import SetAcl
from mailsuite.imap.syntax import rights, strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> SetAcl:
    """setacl = "SETACL" SP mailbox SP identifier SP mod-rights"""
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.space()
    identifier = rights.identifier(cursor)
    cursor.space()
    op, given = rights.modification(cursor)
    cursor.end()
    return SetAcl(tag, mailbox, identifier, op, given)
