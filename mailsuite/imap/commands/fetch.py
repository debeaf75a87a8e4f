"""FETCH and UID FETCH: RFC 3501 section 6.4.5, RFC 7162 §3.1.4 and §3.2.6 (CHANGEDSINCE, VANISHED), RFC 9394 §3.3
(PARTIAL)."""

from __future__ import annotations

import re

import msgspec

from mailsuite.imap.events import Fetch
from mailsuite.imap.items import Attribute
from mailsuite.imap.returns import Window
from mailsuite.imap.syntax import search_return, strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.imap.syntax.messages import messages
from mailsuite.imap.syntax.sections import fetch_items

# fetch-modifier = "CHANGEDSINCE" SP mod-sequence-value / "VANISHED" ; RFC 4466 §2.4, RFC 7162 §7
# fetch-modifier =/ "PARTIAL" SP partial-range ; RFC 9394 §4
_MODIFIER = re.compile(rb"CHANGEDSINCE(?= )|VANISHED(?=[ )])|PARTIAL(?= )", re.IGNORECASE)


class _Modifiers(msgspec.Struct):
    changed_since: int = 0
    vanished: bool = False
    partial: Window | None = None


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
    modifiers = _modifiers(cursor, uid)
    cursor.end()
    if uid and Attribute.UID not in items:
        items = (Attribute.UID, *items)
    if modifiers.changed_since and Attribute.MODSEQ not in items:
        items = (*items, Attribute.MODSEQ)
    return Fetch(tag, wanted, items, modifiers.changed_since, modifiers.vanished, modifiers.partial)


def _modifiers(cursor: Cursor, uid: bool) -> _Modifiers:
    """[SP "(" fetch-modifier *(SP fetch-modifier) ")"]"""
    modifiers = _Modifiers()
    if not cursor.skip(b" ("):
        return modifiers
    found: set[bytes] = set()
    while not found or cursor.skip(b" "):
        name = cursor.take(_MODIFIER, "CHANGEDSINCE, VANISHED or PARTIAL").upper()
        if name in found:
            raise ProtocolError("a modifier stands there twice")
        found.add(name)
        if name == b"CHANGEDSINCE":
            modifiers.changed_since = _since(cursor)
        elif name == b"PARTIAL":
            modifiers.partial = search_return.window(cursor)
        else:
            modifiers.vanished = True
    cursor.need(b")")
    if modifiers.vanished and not (uid and modifiers.changed_since):
        raise ProtocolError("VANISHED goes with UID FETCH and CHANGEDSINCE")
    if modifiers.partial is not None and not uid:
        raise ProtocolError("PARTIAL goes with UID FETCH")
    return modifiers


def _since(cursor: Cursor) -> int:
    cursor.space()
    return strings.modseq(cursor)
