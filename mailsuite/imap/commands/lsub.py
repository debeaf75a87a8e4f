"""LSUB: RFC 3501 section 6.3.9."""

from __future__ import annotations

from mailsuite.imap.commands.list import joined
from mailsuite.imap.events import Lsub
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Lsub:
    """lsub = "LSUB" SP mailbox SP list-mailbox"""
    cursor.space()
    reference = strings.name(cursor, "a reference name")
    cursor.space()
    pattern = strings.list_mailbox(cursor)
    cursor.end()
    return Lsub(tag, *joined(reference, [pattern]))
