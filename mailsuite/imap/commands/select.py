"""SELECT and EXAMINE: RFC 3501 sections 6.3.1 and 6.3.2, RFC 7162 §3.1.8 and §3.2.5 (CONDSTORE, QRESYNC)."""

from __future__ import annotations

import re
from itertools import pairwise

from mailsuite.imap.events import Resync, Select
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.query import Ranges

# select-param = "CONDSTORE" / "QRESYNC" SP "(" ... ")" ; RFC 4466 §2.1, RFC 7162 §7
_PARAMETER = re.compile(rb"CONDSTORE(?=[ )])|QRESYNC(?= \()", re.IGNORECASE)


def parse(cursor: Cursor, tag: bytes) -> Select:
    """select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]"""
    return _parse(cursor, tag, read_only=False)


def parse_examine(cursor: Cursor, tag: bytes) -> Select:
    """examine = "EXAMINE" SP mailbox [SP "(" select-param *(SP select-param) ")"]"""
    return _parse(cursor, tag, read_only=True)


def _parse(cursor: Cursor, tag: bytes, read_only: bool) -> Select:
    cursor.space()
    mailbox = strings.mailbox(cursor)
    given: dict[bytes, Resync | None] = {}
    if cursor.skip(b" ("):
        while not given or cursor.skip(b" "):
            name = cursor.take(_PARAMETER, "CONDSTORE or QRESYNC").upper()
            if name in given:
                raise ProtocolError("a parameter stands there twice")
            given[name] = _resync(cursor) if name == b"QRESYNC" else None
        cursor.need(b")")
    cursor.end()
    return Select(tag, mailbox, read_only, b"CONDSTORE" in given, given.get(b"QRESYNC"))


def _resync(cursor: Cursor) -> Resync:
    """SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")" """
    cursor.need(b" (")
    uidvalidity = strings.number(cursor, "UIDVALIDITY")
    if uidvalidity == 0:
        raise ProtocolError("UIDVALIDITY is at least 1")
    cursor.space()
    modseq = strings.modseq(cursor)
    known: Ranges | None = None
    numbers: Ranges = ()
    uids: Ranges = ()
    more = cursor.skip(b" ")
    if more and not cursor.looking_at(b"("):
        known = strings.plain_set(cursor)
        more = cursor.skip(b" ")
    if more:
        numbers, uids = _match_data(cursor)
    cursor.need(b")")
    return Resync(uidvalidity, modseq, known, numbers, uids)


def _match_data(cursor: Cursor) -> tuple[Ranges, Ranges]:
    """seq-match-data = "(" known-sequence-set SP known-uid-set ")" """
    cursor.need(b"(")
    numbers = _ascending(strings.plain_set(cursor))
    cursor.space()
    uids = _ascending(strings.plain_set(cursor))
    cursor.need(b")")
    if _count(numbers) != _count(uids):
        raise ProtocolError("not as many UIDs as sequence numbers")
    return numbers, uids


def _ascending(ranges: Ranges) -> Ranges:
    if any(high >= low for (_, high), (low, _) in pairwise(ranges)):
        raise ProtocolError("the numbers must ascend")
    return ranges


def _count(ranges: Ranges) -> int:
    return sum(high - low + 1 for low, high in ranges)
