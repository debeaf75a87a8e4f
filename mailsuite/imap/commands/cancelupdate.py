"""CANCELUPDATE: RFC 5267 §4.3.5."""

from __future__ import annotations

from mailsuite.imap.events import CancelUpdate
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> CancelUpdate:
    """ "CANCELUPDATE" 1*(SP quoted)"""
    tags: list[bytes] = []
    while not tags or not cursor.at_end:
        cursor.space()
        tags.append(strings.string(cursor, "a tag in quotes"))
    return CancelUpdate(tag, tuple(tags))
