"""DELETEACL: RFC 4314 section 3.2."""

from __future__ import annotations

from mailsuite.imap.events import SetAcl
from mailsuite.imap.syntax import rights, strings
from mailsuite.imap.syntax.cursor import Cursor
from mailsuite.model import FlagOp


def parse(cursor: Cursor, tag: bytes) -> SetAcl:
    """deleteacl = "DELETEACL" SP mailbox SP identifier"""
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.space()
    identifier = rights.identifier(cursor)
    cursor.end()
    return SetAcl(tag, mailbox, identifier, FlagOp.REPLACE, "")
