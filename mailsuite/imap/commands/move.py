"""MOVE and UID MOVE: RFC 6851."""

from __future__ import annotations

from mailsuite.imap.events import Copy
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor
from mailsuite.imap.syntax.messages import messages


def parse(cursor: Cursor, tag: bytes) -> Copy:
    """move = "MOVE" SP sequence-set SP mailbox"""
    return _parse(cursor, tag, uid=False)


def parse_uid(cursor: Cursor, tag: bytes) -> Copy:
    """uid = "UID" SP move"""
    return _parse(cursor, tag, uid=True)


def _parse(cursor: Cursor, tag: bytes, uid: bool) -> Copy:
    wanted = messages(cursor, uid)
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.end()
    return Copy(tag, wanted, mailbox, move=True)
