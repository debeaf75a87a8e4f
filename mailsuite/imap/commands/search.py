"""SEARCH and UID SEARCH: RFC 3501 section 6.4.4, RFC 4731 (RETURN), RFC 5182 (SAVE), RFC 7162 §3.1.5 (MODSEQ)."""

from __future__ import annotations

from mailsuite.imap.events import Search, SearchRefused
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.imap.syntax.search_keys import program
from mailsuite.imap.syntax.search_return import ALL, needs_fuzzy, returns


def parse(cursor: Cursor, tag: bytes) -> Search | SearchRefused:
    """search = "SEARCH" [search-return-opts] SP search-program"""
    return _parse(cursor, tag, uid=False)


def parse_uid(cursor: Cursor, tag: bytes) -> Search | SearchRefused:
    """uid = "UID" SP search"""
    return _parse(cursor, tag, uid=True)


def _parse(cursor: Cursor, tag: bytes, uid: bool) -> Search | SearchRefused:
    wanted = returns(cursor)
    if wanted is None and cursor.dialect.rev2:  # RFC 9051 §6.4.4: the SEARCH response is no more
        wanted = ALL
    try:
        criteria = program(cursor)
    except ProtocolError as error:
        if wanted is None or not wanted.saves or error.word != b"NO":
            raise
        return SearchRefused(tag, error.text, error.code)
    needs_fuzzy(criteria, wanted)
    return Search(tag, criteria, uid, wanted)
