"""ENABLE: RFC 5161."""

from __future__ import annotations

from mailsuite.imap.events import Enable
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Enable:
    """enable = "ENABLE" 1*(SP capability)"""
    names: list[str] = []
    while not names or not cursor.at_end:
        cursor.space()
        names.append(strings.atom(cursor, "a capability").decode().upper())
    return Enable(tag, tuple(names))
