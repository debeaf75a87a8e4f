"""STORE and UID STORE: RFC 3501 section 6.4.6, RFC 7162 §3.1.3 (UNCHANGEDSINCE)."""

from __future__ import annotations

import re

from mailsuite.imap.events import Store
from mailsuite.imap.syntax import flags, strings
from mailsuite.imap.syntax.cursor import Cursor
from mailsuite.imap.syntax.messages import messages
from mailsuite.model import FlagOp

# store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
_ATTRIBUTE = re.compile(rb"([+-]?FLAGS)(\.SILENT)?(?= )", re.IGNORECASE)

# store-modifier = "UNCHANGEDSINCE" SP mod-sequence-valzer ; at most one, RFC 7162 §7
_MODIFIER = re.compile(rb"\(UNCHANGEDSINCE ", re.IGNORECASE)


def parse(cursor: Cursor, tag: bytes) -> Store:
    """store = "STORE" SP sequence-set [SP "(" store-modifier ")"] SP store-att-flags"""
    return _parse(cursor, tag, uid=False)


def parse_uid(cursor: Cursor, tag: bytes) -> Store:
    """uid = "UID" SP store"""
    return _parse(cursor, tag, uid=True)


def _parse(cursor: Cursor, tag: bytes, uid: bool) -> Store:
    wanted = messages(cursor, uid)
    cursor.space()
    unchanged_since = _unchanged_since(cursor)
    attribute = cursor.match(_ATTRIBUTE)
    if attribute is None:
        raise cursor.expected("FLAGS, +FLAGS or -FLAGS")
    cursor.space()
    values = flags.store_flags(cursor)
    cursor.end()
    op = FlagOp(attribute.group(1).decode().upper())
    return Store(tag, wanted, op, values, attribute.group(2) is not None, unchanged_since)


def _unchanged_since(cursor: Cursor) -> int | None:
    if cursor.match(_MODIFIER) is None:
        return None
    value = strings.modseq_or_zero(cursor)
    cursor.need(b") ")
    return value
