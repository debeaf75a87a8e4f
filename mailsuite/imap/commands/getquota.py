"""GETQUOTA: RFC 9208 §4.1.1."""

from __future__ import annotations

from mailsuite.imap.events import GetQuota
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> GetQuota:
    """getquota = "GETQUOTA" SP quota-root-name"""
    cursor.space()
    root = quota_root(cursor)
    cursor.end()
    return GetQuota(tag, root)


def quota_root(cursor: Cursor) -> str:
    """quota-root-name = astring"""
    return strings.text(strings.astring(cursor, "the name of a quota root"))
