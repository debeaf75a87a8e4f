"""LOGOUT: RFC 3501 section 6.1.3."""

from __future__ import annotations

from mailsuite.imap.events import Logout
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Logout:
    """logout = "LOGOUT" """
    cursor.end()
    return Logout(tag)
