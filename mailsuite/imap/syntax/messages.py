"""Which messages a command is about: sequence numbers, or UIDs after ``UID`` (RFC 3501 section 6.4.8)."""

from __future__ import annotations

from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor
from mailsuite.query import Numbers, Uids


def messages(cursor: Cursor, uid: bool) -> Numbers | Uids:
    """SP sequence-set"""
    cursor.space()
    ranges = strings.sequence_set(cursor)
    return Uids(ranges) if uid else Numbers(ranges)
