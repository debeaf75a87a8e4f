"""UNAUTHENTICATE: RFC 8437."""

from __future__ import annotations

from mailsuite.imap.events import Unauthenticate
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Unauthenticate:
    """command-auth =/ "UNAUTHENTICATE" """
    cursor.end()
    return Unauthenticate(tag)
