"""NAMESPACE: RFC 2342 section 5."""

from __future__ import annotations

from mailsuite.imap.events import Namespace
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Namespace:
    """namespace = "NAMESPACE" """
    cursor.end()
    return Namespace(tag)
