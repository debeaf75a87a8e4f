"""RESETKEY: RFC 4467 §7."""

from __future__ import annotations

from mailsuite.imap.events import ResetKey
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError


def parse(cursor: Cursor, tag: bytes) -> ResetKey:
    """resetkey = "RESETKEY" [SP mailbox *(SP mechanism)]"""
    if cursor.at_end:
        return ResetKey(tag, "")
    cursor.space()
    mailbox = strings.mailbox(cursor)
    while cursor.skip(b" "):
        if strings.atom(cursor, "a mechanism").upper() != b"INTERNAL":
            raise ProtocolError("INTERNAL is the only mechanism")
    cursor.end()
    return ResetKey(tag, mailbox)
