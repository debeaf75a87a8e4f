"""SORT and UID SORT: RFC 5256 §3, RFC 5957 (DISPLAYFROM, DISPLAYTO), RFC 5267 §3 (RETURN)."""

from __future__ import annotations

import re

from mailsuite.imap.events import SearchRefused, Sort
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.imap.syntax.search_keys import criteria, mandatory_charset
from mailsuite.imap.syntax.search_return import needs_fuzzy, returns
from mailsuite.query import SortBy, SortKey

_REVERSE = re.compile(rb"REVERSE ", re.IGNORECASE)
_WORD = re.compile(rb"[A-Za-z]+")
_KEYS = {key.value.encode(): key for key in SortKey}


def parse(cursor: Cursor, tag: bytes) -> Sort | SearchRefused:
    """extended-sort = "SORT" [search-return-opts] SP sort-criteria SP search-criteria"""
    return _parse(cursor, tag, uid=False)


def parse_uid(cursor: Cursor, tag: bytes) -> Sort | SearchRefused:
    """extended-sort = "UID" SP "SORT" ..."""
    return _parse(cursor, tag, uid=True)


def _parse(cursor: Cursor, tag: bytes, uid: bool) -> Sort | SearchRefused:
    wanted = returns(cursor)
    order = _criteria(cursor)
    cursor.space()
    try:  # search-criteria = charset 1*(SP search-key)
        found = criteria(cursor, mandatory_charset(cursor))
    except ProtocolError as error:
        if wanted is None or not wanted.saves or error.word != b"NO":
            raise
        return SearchRefused(tag, error.text, error.code)
    needs_fuzzy(found, wanted, order)
    return Sort(tag, found, uid, wanted, order)


def _criteria(cursor: Cursor) -> tuple[SortBy, ...]:
    """SP "(" sort-criterion *(SP sort-criterion) ")" ; one that stands there again decides nothing more"""
    cursor.need(b" (")
    found: dict[SortKey, SortBy] = {}
    while not found or cursor.skip(b" "):
        each = _criterion(cursor)
        found.setdefault(each.key, each)
    cursor.need(b")")
    return tuple(found.values())


def _criterion(cursor: Cursor) -> SortBy:
    """sort-criterion = ["REVERSE" SP] sort-key"""
    reverse = cursor.match(_REVERSE) is not None
    start = cursor.pos
    key = _KEYS.get(cursor.take(_WORD, "a sort key").upper())
    if key is None:
        cursor.pos = start
        raise cursor.expected("a sort key")
    return SortBy(key, reverse)
