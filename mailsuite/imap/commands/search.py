"""SEARCH and UID SEARCH: RFC 3501 section 6.4.4, RFC 7162 §3.1.5 (MODSEQ)."""

from __future__ import annotations

import re

from mailsuite.imap.events import Search
from mailsuite.imap.syntax import charsets, strings
from mailsuite.imap.syntax.cursor import Cursor
from mailsuite.imap.syntax.search_keys import SearchKeys

_CHARSET = re.compile(rb" CHARSET ", re.IGNORECASE)


def parse(cursor: Cursor, tag: bytes) -> Search:
    """search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)"""
    return _parse(cursor, tag, uid=False)


def parse_uid(cursor: Cursor, tag: bytes) -> Search:
    """uid = "UID" SP search"""
    return _parse(cursor, tag, uid=True)


def _parse(cursor: Cursor, tag: bytes, uid: bool) -> Search:
    charset = strings.astring(cursor, "a charset") if cursor.match(_CHARSET) else b"UTF-8"
    codec = charsets.codec(charset)
    cursor.space()
    keys = SearchKeys(cursor, codec)
    query = keys.keys()
    cursor.end()
    return Search(tag, query, uid, keys.modseq, keys.numbers)
