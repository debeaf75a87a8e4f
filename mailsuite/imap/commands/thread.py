"""THREAD and UID THREAD: RFC 5256 §3, draft-ietf-morg-inthread-01 (REFS)."""

from __future__ import annotations

from mailsuite.imap.events import Thread
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor
from mailsuite.imap.syntax.search_keys import criteria, mandatory_charset
from mailsuite.query import ThreadAlgorithm

_ALGORITHMS = {algorithm.value.encode(): algorithm for algorithm in ThreadAlgorithm}


def parse(cursor: Cursor, tag: bytes) -> Thread:
    """thread = "THREAD" SP thread-alg SP search-criteria"""
    return _parse(cursor, tag, uid=False)


def parse_uid(cursor: Cursor, tag: bytes) -> Thread:
    """thread = "UID" SP "THREAD" ..."""
    return _parse(cursor, tag, uid=True)


def _parse(cursor: Cursor, tag: bytes, uid: bool) -> Thread:
    cursor.space()
    start = cursor.pos
    algorithm = _ALGORITHMS.get(strings.atom(cursor, "a threading algorithm").upper())
    if algorithm is None:
        cursor.pos = start
        raise cursor.expected("a threading algorithm")
    cursor.space()
    found = criteria(cursor, mandatory_charset(cursor))  # search-criteria = charset 1*(SP search-key)
    return Thread(tag, found, uid, algorithm)
