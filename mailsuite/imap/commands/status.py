"""STATUS: RFC 3501 section 6.3.10, RFC 8438 (SIZE), RFC 9051 section 6.3.11 (DELETED), RFC 7162 §3.1.7, RFC 7889
(APPENDLIMIT), RFC 9208 (DELETED-STORAGE), RFC 8474 (MAILBOXID)."""

from __future__ import annotations

import re

from mailsuite.imap.events import Status
from mailsuite.imap.items import StatusItem
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor

_ITEM = re.compile(rb"[A-Za-z-]+")
_ITEMS = {item.value: item for item in StatusItem}


def parse(cursor: Cursor, tag: bytes) -> Status:
    """status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")" """
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.space()
    wanted = items(cursor)
    cursor.end()
    return Status(tag, mailbox, wanted)


def items(cursor: Cursor) -> tuple[StatusItem, ...]:
    """ "(" status-att *(SP status-att) ")", duplicates removed."""
    cursor.need(b"(")
    wanted = {_item(cursor): None}
    while cursor.skip(b" "):
        wanted[_item(cursor)] = None
    cursor.need(b")")
    return tuple(wanted)


def _item(cursor: Cursor) -> StatusItem:
    start = cursor.pos
    item = _ITEMS.get(cursor.take(_ITEM, "a status item").decode().upper())
    if item is None:
        cursor.pos = start
        raise cursor.expected("a status item")
    return item
