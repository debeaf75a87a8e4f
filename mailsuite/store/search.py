"""Whether a message answers a query (RFC 9051 §6.4.4): cheap keys first, the message is read only if need be."""

from __future__ import annotations

import datetime
from typing import Protocol

from mailsuite import query as q
from mailsuite.model import Flags
from mailsuite.store.flags import has


class Subject(Protocol):
    """What a query asks of a message."""

    @property
    def uid(self) -> int: ...

    @property
    def flags(self) -> Flags: ...

    @property
    def size(self) -> int: ...

    @property
    def date(self) -> float: ...

    @property
    def modseq(self) -> int: ...

    def raw(self) -> bytes:
        """The whole message, LF or CRLF."""


def matches(query: q.Query, message: Subject) -> bool:
    """The answer for one message."""
    match query:
        case q.All():
            return True
        case q.And(parts):
            return all(matches(part, message) for part in sorted(parts, key=cost))
        case q.Or(left, right):
            return any(matches(part, message) for part in sorted((left, right), key=cost))
        case q.Not(part):
            return not matches(part, message)
        case q.SentDate() | q.Header() | q.Body() | q.Text():
            return _text_matches(query, message)
    return _known(query, message)


def _known(query: q.Query, message: Subject) -> bool:
    """The keys that the index answers."""
    match query:
        case q.HasFlag(flag):
            return has(message.flags, flag)
        case q.Uids(ranges):
            return any(low <= message.uid <= high for low, high in ranges)
        case q.Larger(octets):
            return message.size > octets
        case q.Smaller(octets):
            return message.size < octets
        case q.InternalDate(when, day):
            return _compare(when, _day(message.date), day)
        case q.Modified(modseq):
            return message.modseq >= modseq
    raise ValueError(f"{type(query).__name__} must not reach a mailbox")


def _compare(when: q.When, day: int, wanted: int) -> bool:
    if when is q.When.ON:
        return day == wanted
    return day < wanted if when is q.When.BEFORE else day >= wanted


def _day(date: float) -> int:
    return datetime.datetime.fromtimestamp(date, datetime.UTC).toordinal()


def cost(query: q.Query) -> int:
    """0: the index knows; 1: the header must be read; 2: the body too."""
    match query:
        case q.And(parts):
            return max((cost(part) for part in parts), default=0)
        case q.Or(left, right):
            return max(cost(left), cost(right))
        case q.Not(part):
            return cost(part)
        case q.SentDate() | q.Header():
            return 1
        case q.Body() | q.Text():
            return 2
    return 0


def _text_matches(query: q.SentDate | q.Header | q.Body | q.Text, message: Subject) -> bool:
    octets = message.raw().lower()
    if isinstance(query, q.Header):
        return query.field.lower().encode() + b":" in octets and query.text.lower().encode() in octets
    return not isinstance(query, q.SentDate) and query.text.lower().encode() in octets
