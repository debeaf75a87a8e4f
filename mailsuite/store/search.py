"""Whether a message answers a query (RFC 9051 §6.4.4): cheap keys first, the message is read only if need be."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Protocol

from mailsuite import query as q
from mailsuite.mime.search import Content, Key, day_matches
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
    def saved(self) -> float: ...

    @property
    def modseq(self) -> int: ...

    def email_id(self) -> bytes: ...

    def thread_id(self) -> bytes: ...

    def header(self) -> bytes:
        """The header block, LF or CRLF."""

    def pieces(self) -> Iterable[bytes]:
        """The whole message, LF or CRLF, each time anew."""


class Examined:
    """A message under search: opened when the first text key asks, its header read once."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._content: Content | None = None

    def holds(self, key: Key) -> bool:
        return self._opened().holds(key)

    def score(self, key: q.Header | q.Body | q.Text) -> int:
        """How well a fuzzy key is met, 0 to 100."""
        return self._opened().score(key)

    def _opened(self) -> Content:
        if self._content is None:
            self._content = Content(self._subject.header(), self._subject.pieces)
        return self._content

    def relevance(self, query: q.Query) -> int:
        """1 to 100: of its fuzzy keys that are met, on average."""
        scores = [score for fuzzy in fuzzy_keys(query) if (score := self.score(fuzzy.key))]
        return average(scores)

    def matches(self, query: q.Query) -> bool:
        match query:
            case q.All():
                return True
            case q.And(parts):
                return all(self.matches(part) for part in sorted(parts, key=cost))
            case q.Or(left, right):
                return any(self.matches(part) for part in sorted((left, right), key=cost))
            case q.Not(part):
                return not self.matches(part)
            case q.SentDate() | q.Header() | q.Body() | q.Text():
                return self.holds(query)
            case q.Fuzzy(key):
                return self.score(key) > 0
        return known_answer(query, self._subject)


def fuzzy_keys(query: q.Query) -> list[q.Fuzzy]:
    """Those in it, each once."""
    found: dict[q.Fuzzy, None] = {}
    waiting = [query]
    while waiting:
        match waiting.pop():
            case q.And(parts):
                waiting += parts
            case q.Or(left, right):
                waiting += (left, right)
            case q.Fuzzy() as key:
                found[key] = None
    return list(found)


def average(scores: Sequence[int]) -> int:
    """1 for none."""
    return max(1, sum(scores) // len(scores)) if scores else 1


def matches(query: q.Query, message: Subject) -> bool:
    """The answer for one message."""
    return Examined(message).matches(query)


def known_answer(query: q.Query, message: Subject) -> bool:
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
            return day_matches(when, _day(message.date), day)
        case q.Dated(when, at):
            return dated(when, message.date, at)
        case q.SavedDate(when, day):
            return day_matches(when, _day(message.saved), day)
        case q.Modified(modseq):
            return message.modseq >= modseq
        case q.EmailId(id):
            return message.email_id() == id
        case q.ThreadId(id):
            return message.thread_id() == id
    raise ValueError(f"{type(query).__name__} must not reach a mailbox")


def dated(when: q.When, date: float, at: int) -> bool:
    """Whether an internal date fits ``query.Dated``."""
    if when is q.When.BEFORE:
        return int(date) <= at
    return int(date) >= at if when is q.When.SINCE else int(date) == at


def _day(date: float) -> int:
    return datetime.datetime.fromtimestamp(date, datetime.UTC).toordinal()


def cost(query: q.Query) -> int:
    """0: the index knows; 1: the header must be read; 2: the body too."""
    return max(map(_cost_of_key, q.keys(query)), default=0)


def _cost_of_key(key: q.Query) -> int:
    match key:
        case q.SentDate() | q.Header() | q.EmailId() | q.ThreadId():
            return 1
        case q.Body() | q.Text():
            return 2
        case q.Fuzzy(of):
            return _cost_of_key(of)
    return 0


def identifies(query: q.Query) -> bool:
    """Whether it names messages or threads by their ids."""
    return any(isinstance(key, q.EmailId | q.ThreadId) for key in q.keys(query))
