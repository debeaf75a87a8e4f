"""Search keys, RFC 3501 sections 6.4.4 and 9 and the RFC beside each, to ``query`` values."""

from __future__ import annotations

import re
from collections.abc import Callable

from mailsuite import query
from mailsuite.imap import sets
from mailsuite.imap.events import Criteria
from mailsuite.imap.syntax import charsets, dates, strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError, over_limit
from mailsuite.model import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from mailsuite.query import Query, When

_WORD = re.compile(rb"[A-Za-z]+")
# search-modseq-ext = SP entry-name SP entry-type-req ; RFC 7162 §7
_ENTRY_TYPE = re.compile(rb" (?:priv|shared|all) ", re.IGNORECASE)
_FLAG_ENTRY = re.compile(rb"/flags/\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+", re.IGNORECASE)
#: Keys in one search (a count), and how deep they nest.
_MOST, _DEEPEST = 1000, 50

_UNSEEN = query.Not(query.HasFlag(SEEN))
#: Each is a key, and another one behind ``UN``.
_FLAGS = {b"ANSWERED": ANSWERED, b"DELETED": DELETED, b"DRAFT": DRAFT, b"FLAGGED": FLAGGED, b"SEEN": SEEN}
#: Keys without arguments.
_PLAIN: dict[bytes, Query] = {
    b"ALL": query.All(),
    b"NEW": query.And((query.IsRecent(), _UNSEEN)),
    b"OLD": query.Not(query.IsRecent()),
    b"RECENT": query.IsRecent(),
    b"SAVEDATESUPPORTED": query.All(),  # RFC 8514 §4.3: every mailbox knows
    **{word: query.HasFlag(flag) for word, flag in _FLAGS.items()},
    **{b"UN" + word: query.Not(query.HasFlag(flag)) for word, flag in _FLAGS.items()},
}


#: [SP "CHARSET" SP astring]
_CHARSET = re.compile(rb" CHARSET ", re.IGNORECASE)


def program(cursor: Cursor) -> Criteria:
    """search-program = ["CHARSET" SP charset SP] search-key *(SP search-key), the space in front too."""
    if cursor.match(_CHARSET) is None:
        return criteria(cursor, b"UTF-8")
    if cursor.dialect.utf8_accept:  # RFC 9755 §3
        raise ProtocolError("after ENABLE UTF8=ACCEPT a search names no charset")
    return criteria(cursor, strings.astring(cursor, "a charset"))


def mandatory_charset(cursor: Cursor) -> bytes:
    """That of SORT and THREAD."""
    charset = strings.astring(cursor, "a charset")
    if cursor.dialect.utf8_accept and charset.upper() != b"UTF-8":  # RFC 9755 §3
        raise ProtocolError("after ENABLE UTF8=ACCEPT the charset is UTF-8")
    return charset


def criteria(cursor: Cursor, charset: bytes) -> Criteria:
    """1*(SP search-key) up to the end of the command."""
    codec = charsets.codec(charset)
    cursor.space()
    keys = SearchKeys(cursor, codec)
    asked = keys.keys()
    cursor.end()
    return Criteria(asked, keys.modseq, keys.numbers, keys.fuzzy)


class SearchKeys:
    """Reads the keys of one command: one charset, one budget."""

    def __init__(self, cursor: Cursor, codec: str) -> None:
        """``codec``: from ``charsets.codec``."""
        #: Whether MODSEQ and sequence numbers were among the keys.
        self.modseq = self.numbers = False
        #: Whether any is to be matched fuzzily, and whether the next is.
        self.fuzzy = self._fuzzy = False
        self._cursor = cursor
        self._codec = codec
        self._count = 0

    def keys(self, depth: int = 0) -> Query:
        """search-key *(SP search-key): all of them must match."""
        parts = [self._key(depth)]
        while self._cursor.skip(b" "):
            parts.append(self._key(depth))
        return parts[0] if len(parts) == 1 else query.And(tuple(parts))

    def _key(self, depth: int) -> Query:
        self._count += 1
        if self._count > _MOST or depth > _DEEPEST:
            raise over_limit("the search is too complex")
        cursor = self._cursor
        if cursor.skip(b"("):
            inner = self.keys(depth + 1)
            cursor.need(b")")
            return inner
        if (numbers := cursor.match(sets.SEQUENCE_SET)) is not None:
            ranges = _ranges(numbers.group())
            self.numbers = self.numbers or ranges != query.SAVED
            return query.Numbers(ranges)
        start = cursor.pos
        word = cursor.take(_WORD, "a search key").upper()
        if word in _PLAIN:
            return _PLAIN[word]
        reader = _WITH_ARGUMENTS.get(word)
        if reader is None:
            cursor.pos = start
            raise cursor.expected("a search key")
        cursor.space()
        return reader(self, depth + 1)

    # -- keys with arguments

    def _not(self, depth: int) -> Query:
        return query.Not(self._key(depth))

    def _or(self, depth: int) -> Query:
        left = self._key(depth)
        self._cursor.space()
        return query.Or(left, self._key(depth))

    def _fuzzily(self, depth: int) -> Query:
        """ "FUZZY" SP search-key ; RFC 6203 §3, where only texts are anything else than exact"""
        before, self.fuzzy, self._fuzzy = self._fuzzy, True, True
        key = self._key(depth)
        self._fuzzy = before
        return key

    def _text(self, key: query.Header | query.Body | query.Text) -> Query:
        return query.Fuzzy(key) if self._fuzzy else key

    def _header(self, depth: int) -> Query:
        field = strings.astring(self._cursor, "a header field name")
        if not field.isascii():
            raise ProtocolError("not a header field name")
        self._cursor.space()
        return self._text(query.Header(field.decode("ascii").lower(), self._string()))

    def _string(self) -> str:
        return charsets.decode(strings.astring(self._cursor, "a string"), self._codec)

    def _field(self, name: str) -> Query:
        return self._text(query.Header(name, self._string()))

    def _keyword(self, depth: int) -> Query:
        return query.HasFlag(strings.atom(self._cursor, "a keyword").decode("ascii"))

    def _day(self) -> int:
        return dates.day(self._cursor)

    def _age(self, older: bool) -> Query:
        """nz-number"""
        seconds = strings.number(self._cursor, "a number of seconds")
        if not seconds:
            raise ProtocolError("a number of seconds is at least 1")
        return query.Age(older, seconds)

    def _octets(self) -> int:
        return strings.number64(self._cursor, "a number of octets")

    def _modseq(self, depth: int) -> Query:
        """search-modseq-ext and mod-sequence-valzer; a message has one MODSEQ here, whatever the entry."""
        self.modseq = True
        cursor = self._cursor
        entry = strings.string(cursor) if cursor.looking_at(b'"') else b""
        if entry and (_FLAG_ENTRY.fullmatch(entry) is None or cursor.match(_ENTRY_TYPE) is None):
            raise cursor.expected('"/flags/..." and priv, shared or all')
        return query.Modified(strings.modseq_or_zero(cursor))

    def _object_id(self) -> bytes:
        return strings.object_id(self._cursor)

    def _one_uid(self) -> int:
        """uniqueid = nz-number"""
        uid = strings.number(self._cursor, "a UID")
        if not uid:
            raise ProtocolError("a UID is at least 1")
        return uid

    def _uid(self, depth: int) -> Query:
        return query.Uids(strings.sequence_set(self._cursor))


def _from_to(low: int, high: int) -> query.Ranges:
    return ((low, high),) if low <= high else ()


def _ranges(text: bytes) -> query.Ranges:
    try:
        return sets.parse(text)
    except ValueError as error:
        raise ProtocolError(str(error)) from None


_WITH_ARGUMENTS: dict[bytes, Callable[[SearchKeys, int], Query]] = {
    b"NOT": SearchKeys._not,
    b"FUZZY": SearchKeys._fuzzily,
    b"OR": SearchKeys._or,
    b"HEADER": SearchKeys._header,
    b"BCC": lambda keys, _: keys._field("bcc"),
    b"CC": lambda keys, _: keys._field("cc"),
    b"FROM": lambda keys, _: keys._field("from"),
    b"SUBJECT": lambda keys, _: keys._field("subject"),
    b"TO": lambda keys, _: keys._field("to"),
    b"BODY": lambda keys, _: keys._text(query.Body(keys._string())),
    b"TEXT": lambda keys, _: keys._text(query.Text(keys._string())),
    b"KEYWORD": SearchKeys._keyword,
    b"UNKEYWORD": lambda keys, depth: query.Not(keys._keyword(depth)),
    b"BEFORE": lambda keys, _: query.InternalDate(When.BEFORE, keys._day()),
    b"ON": lambda keys, _: query.InternalDate(When.ON, keys._day()),
    b"SINCE": lambda keys, _: query.InternalDate(When.SINCE, keys._day()),
    b"SENTBEFORE": lambda keys, _: query.SentDate(When.BEFORE, keys._day()),
    b"SENTON": lambda keys, _: query.SentDate(When.ON, keys._day()),
    b"SENTSINCE": lambda keys, _: query.SentDate(When.SINCE, keys._day()),
    b"OLDER": lambda keys, _: keys._age(True),  # RFC 5032 §3
    b"YOUNGER": lambda keys, _: keys._age(False),
    # search-key =/ "SAVEDBEFORE" SP date / "SAVEDON" SP date / "SAVEDSINCE" SP date ; RFC 8514 §5
    b"SAVEDBEFORE": lambda keys, _: query.SavedDate(When.BEFORE, keys._day()),
    b"SAVEDON": lambda keys, _: query.SavedDate(When.ON, keys._day()),
    b"SAVEDSINCE": lambda keys, _: query.SavedDate(When.SINCE, keys._day()),
    b"LARGER": lambda keys, _: query.Larger(keys._octets()),
    b"SMALLER": lambda keys, _: query.Smaller(keys._octets()),
    b"UID": SearchKeys._uid,
    b"UIDBEFORE": lambda keys, _: query.Uids(_from_to(1, keys._one_uid() - 1)),  # RFC 9738 §3.2
    b"UIDAFTER": lambda keys, _: query.Uids(_from_to(keys._one_uid() + 1, sets.MAX_NUMBER)),
    b"EMAILID": lambda keys, _: query.EmailId(keys._object_id()),  # RFC 8474 §6
    b"THREADID": lambda keys, _: query.ThreadId(keys._object_id()),
    b"MODSEQ": SearchKeys._modseq,
}
