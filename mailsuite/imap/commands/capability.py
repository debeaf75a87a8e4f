"""CAPABILITY: RFC 3501 section 6.1.1."""

from __future__ import annotations

from mailsuite.imap.events import Capability
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Capability:
    """capability = "CAPABILITY" """
    cursor.end()
    return Capability(tag)
