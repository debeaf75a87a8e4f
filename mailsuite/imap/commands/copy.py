"""COPY and UID COPY: RFC 3501 section 6.4.7."""

from __future__ import annotations

from mailsuite.imap.events import Copy
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor
from mailsuite.imap.syntax.messages import messages


def parse(cursor: Cursor, tag: bytes) -> Copy:
    """copy = "COPY" SP sequence-set SP mailbox"""
    return parse_as(cursor, tag, uid=False, move=False)


def parse_uid(cursor: Cursor, tag: bytes) -> Copy:
    """uid = "UID" SP copy"""
    return parse_as(cursor, tag, uid=True, move=False)


def parse_as(cursor: Cursor, tag: bytes, uid: bool, move: bool) -> Copy:
    """What COPY and MOVE have in common: SP sequence-set SP mailbox."""
    wanted = messages(cursor, uid)
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.end()
    return Copy(tag, wanted, mailbox, move)
