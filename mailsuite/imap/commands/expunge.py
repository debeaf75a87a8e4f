"""EXPUNGE and UID EXPUNGE: RFC 3501 section 6.4.3, RFC 4315 section 2.1."""

from __future__ import annotations

from mailsuite.imap.events import Expunge
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor
from mailsuite.query import STAR, Uids

_EVERY = Uids(((1, STAR),))


def parse(cursor: Cursor, tag: bytes) -> Expunge:
    """expunge = "EXPUNGE" """
    cursor.end()
    return Expunge(tag, _EVERY)


def parse_uid(cursor: Cursor, tag: bytes) -> Expunge:
    """uid-expunge = "UID" SP "EXPUNGE" SP sequence-set"""
    cursor.space()
    ranges = strings.sequence_set(cursor)
    cursor.end()
    return Expunge(tag, Uids(ranges), uid=True)
