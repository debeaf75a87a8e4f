"""Search queries as values, RFC 9051 section 6.4.4: parsed by ``imap``, answered by ``store`` with ``mime``'s help.

Sequence numbers, \\Recent and what is saved belong to a session, and ages to a moment, so ``imap.view`` turns
``Numbers``, ``IsRecent`` and ``Age`` into ``Uids`` and ``Dated`` before a query goes to a mailbox.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

#: Inclusive ranges; ``STAR`` stands for ``*``, the highest number in use.
Ranges: TypeAlias = tuple[tuple[int, int], ...]
STAR = -1
#: ``$``, the messages that the last SEARCH with SAVE found (RFC 5182): ranges that are this one and no other.
SAVED: Ranges = ((0, 0),)


class When(enum.Enum):
    """How a day is compared."""

    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"


class SortKey(enum.Enum):
    """What messages are sorted by, RFC 5256 §3, RFC 5957 and RFC 6203; the value is the name in IMAP."""

    ARRIVAL = "ARRIVAL"
    CC = "CC"
    DATE = "DATE"
    DISPLAYFROM = "DISPLAYFROM"
    DISPLAYTO = "DISPLAYTO"
    FROM = "FROM"
    RELEVANCY = "RELEVANCY"
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    TO = "TO"


class SortBy(msgspec.Struct, frozen=True):
    """One criterion; ``reverse``: the greatest first."""

    key: SortKey
    reverse: bool = False


class ThreadAlgorithm(enum.Enum):
    """RFC 5256 §3, draft-ietf-morg-inthread-01; the value is the name in IMAP."""

    ORDEREDSUBJECT = "ORDEREDSUBJECT"
    REFERENCES = "REFERENCES"
    REFS = "REFS"


class All(msgspec.Struct, frozen=True, tag=True):
    """Every message."""


class And(msgspec.Struct, frozen=True, tag=True):
    parts: tuple[Query, ...]


class Or(msgspec.Struct, frozen=True, tag=True):
    left: Query
    right: Query


class Not(msgspec.Struct, frozen=True, tag=True):
    part: Query


class HasFlag(msgspec.Struct, frozen=True, tag=True):
    """A system flag (``\\Seen``) or a keyword, compared without case."""

    flag: str


class IsRecent(msgspec.Struct, frozen=True, tag=True):
    """RECENT; never reaches a mailbox."""


class Numbers(msgspec.Struct, frozen=True, tag=True):
    """Message sequence numbers; never reaches a mailbox."""

    ranges: Ranges


class Uids(msgspec.Struct, frozen=True, tag=True):
    """UIDs; ``STAR`` never reaches a mailbox."""

    ranges: Ranges


class Larger(msgspec.Struct, frozen=True, tag=True):
    octets: int


class Smaller(msgspec.Struct, frozen=True, tag=True):
    octets: int


class InternalDate(msgspec.Struct, frozen=True, tag=True):
    """``day`` is a proleptic Gregorian ordinal (``date.toordinal``); time and zone are disregarded."""

    when: When
    day: int


class SavedDate(msgspec.Struct, frozen=True, tag=True):
    """The same of the moment when the message came into its mailbox (RFC 8514)."""

    when: When
    day: int


class Age(msgspec.Struct, frozen=True, tag=True):
    """OLDER or YOUNGER than so many seconds (RFC 5032); never reaches a mailbox."""

    older: bool
    seconds: int


class Dated(msgspec.Struct, frozen=True, tag=True):
    """The internal date, in whole seconds, is at most this (BEFORE), exactly this (ON) or at least this (SINCE), in
    epoch seconds."""

    when: When
    at: int


class SentDate(msgspec.Struct, frozen=True, tag=True):
    """``day`` as above, of the Date header field."""

    when: When
    day: int


class Header(msgspec.Struct, frozen=True, tag=True):
    """``field`` contains ``text`` after decoding, without case; the empty text asks only whether it is there."""

    field: str
    text: str


class Body(msgspec.Struct, frozen=True, tag=True):
    """The decoded text of the body contains ``text``, without case."""

    text: str


class Text(msgspec.Struct, frozen=True, tag=True):
    """Header or body contain ``text``, without case."""

    text: str


class Fuzzy(msgspec.Struct, frozen=True, tag=True):
    """The words of the key's text are there, in any order, perhaps with typing errors (RFC 6203)."""

    key: Header | Body | Text


class Modified(msgspec.Struct, frozen=True, tag=True):
    """MODSEQ at least this (RFC 7162)."""

    modseq: int


class EmailId(msgspec.Struct, frozen=True, tag=True):
    """EMAILID is this (RFC 8474)."""

    id: bytes


class ThreadId(msgspec.Struct, frozen=True, tag=True):
    """THREADID is this (RFC 8474)."""

    id: bytes


Query: TypeAlias = (
    All
    | And
    | Or
    | Not
    | HasFlag
    | IsRecent
    | Numbers
    | Uids
    | Larger
    | Smaller
    | InternalDate
    | Age
    | Dated
    | SavedDate
    | SentDate
    | Header
    | Body
    | Text
    | Fuzzy
    | Modified
    | EmailId
    | ThreadId
)


def keys(query: Query) -> Iterator[Query]:
    """All that it asks for, without what joins them: neither And nor Or nor Not."""
    match query:
        case And(parts):
            for part in parts:
                yield from keys(part)
        case Or(left, right):
            yield from keys(left)
            yield from keys(right)
        case Not(part):
            yield from keys(part)
        case _:
            yield query


def unheard(done: int, goal: int) -> None:
    """How far a search is, where nobody wants to know."""
