"""FETCH and UID FETCH: RFC 3501 section 6.4.5."""

from __future__ import annotations

from mailsuite.imap.events import Fetch
from mailsuite.imap.items import Attribute
from mailsuite.imap.syntax.cursor import Cursor
from mailsuite.imap.syntax.messages import messages
from mailsuite.imap.syntax.sections import fetch_items


def parse(cursor: Cursor, tag: bytes) -> Fetch:
    """fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")"""
    return _parse(cursor, tag, uid=False)


def parse_uid(cursor: Cursor, tag: bytes) -> Fetch:
    """uid = "UID" SP fetch ; the UID is told even if it was not asked (RFC 3501 section 6.4.8)"""
    return _parse(cursor, tag, uid=True)


def _parse(cursor: Cursor, tag: bytes, uid: bool) -> Fetch:
    wanted = messages(cursor, uid)
    cursor.space()
    items = fetch_items(cursor)
    cursor.end()
    if uid and Attribute.UID not in items:
        items = (Attribute.UID, *items)
    return Fetch(tag, wanted, items)
