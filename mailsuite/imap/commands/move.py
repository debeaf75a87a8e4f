"""MOVE and UID MOVE: RFC 6851."""

from __future__ import annotations

from mailsuite.imap.commands.copy import parse_as
from mailsuite.imap.events import Copy
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Copy:
    """move = "MOVE" SP sequence-set SP mailbox"""
    return parse_as(cursor, tag, uid=False, move=True)


def parse_uid(cursor: Cursor, tag: bytes) -> Copy:
    """uid = "UID" SP move"""
    return parse_as(cursor, tag, uid=True, move=True)
