"""FETCH and UID FETCH: RFC 3501 section 6.4.5, RFC 7162 §3.1.4 and §3.2.6 (CHANGEDSINCE, VANISHED)."""

from __future__ import annotations

import re

import msgspec

from mailsuite.imap.events import Fetch
from mailsuite.imap.items import Attribute
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.imap.syntax.messages import messages
from mailsuite.imap.syntax.sections import fetch_items

# fetch-modifier = "CHANGEDSINCE" SP mod-sequence-value / "VANISHED" ; RFC 4466 §2.4, RFC 7162 §7
_MODIFIER = re.compile(rb"CHANGEDSINCE(?= )|VANISHED(?=[ )])", re.IGNORECASE)


class _Modifiers(msgspec.Struct, frozen=True):
    changed_since: int = 0
    vanished: bool = False


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
    return Fetch(tag, wanted, items, modifiers.changed_since, modifiers.vanished)


def _modifiers(cursor: Cursor, uid: bool) -> _Modifiers:
    """[SP "(" fetch-modifier *(SP fetch-modifier) ")"]"""
    if not cursor.skip(b" ("):
        return _Modifiers()
    found: dict[bytes, int] = {}
    while not found or cursor.skip(b" "):
        name = cursor.take(_MODIFIER, "CHANGEDSINCE or VANISHED").upper()
        if name in found:
            raise ProtocolError("a modifier stands there twice")
        found[name] = _since(cursor) if name == b"CHANGEDSINCE" else 1
    cursor.need(b")")
    if b"VANISHED" in found and not (uid and b"CHANGEDSINCE" in found):
        raise ProtocolError("VANISHED goes with UID FETCH and CHANGEDSINCE")
    return _Modifiers(found.get(b"CHANGEDSINCE", 0), b"VANISHED" in found)


def _since(cursor: Cursor) -> int:
    cursor.space()
    return strings.modseq(cursor)
