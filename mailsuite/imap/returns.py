"""What a SEARCH or SORT is asked to return, and that as an ESEARCH response: RFC 4731, RFC 9051 §6.4.4 and §7.3.4,
RFC 5182 (SAVE), RFC 9394 and RFC 5267 §4.4 (PARTIAL), RFC 5267 §4 (CONTEXT, UPDATE), RFC 6203 §4 (RELEVANCY).

Results are numbers in the order of the answer: ascending for SEARCH, sorted for SORT.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from mailsuite.imap import responses
from mailsuite.imap.items import FetchItem
from mailsuite.imap.sets import compress, ranges_of
from mailsuite.query import Ranges


class ReturnOption(enum.Enum):
    """The value is the name on the wire."""

    MIN = "MIN"
    MAX = "MAX"
    ALL = "ALL"
    COUNT = "COUNT"
    SAVE = "SAVE"
    RELEVANCY = "RELEVANCY"
    CONTEXT = "CONTEXT"
    UPDATE = "UPDATE"


_ENDS = frozenset({ReturnOption.MIN, ReturnOption.MAX})
_WHOLE = frozenset({ReturnOption.ALL, ReturnOption.COUNT})


class Window(msgspec.Struct, frozen=True):
    """Results ``first`` to ``last``, counted from 1, or ``from_end`` backwards from the last one; ``text`` as asked."""

    first: int
    last: int
    from_end: bool
    text: bytes

    def cut(self, found: Sequence[int]) -> Sequence[int]:
        """Those of the results that lie in it."""
        if self.from_end:
            return found[max(len(found) - self.last, 0) : max(len(found) - self.first + 1, 0)]
        return found[self.first - 1 : self.last]


class Returns(msgspec.Struct, frozen=True):
    """``partial``: None where PARTIAL was not asked for.  ``fetch``: what UPDATE is to tell of new messages that become
    results (RFC 5465 §7)."""

    options: frozenset[ReturnOption]
    partial: Window | None = None
    fetch: tuple[FetchItem, ...] = ()

    @property
    def saves(self) -> bool:
        return ReturnOption.SAVE in self.options

    @property
    def updates(self) -> bool:
        return ReturnOption.UPDATE in self.options

    @property
    def silent(self) -> bool:
        """SAVE alone: no ESEARCH response (RFC 5182 §2.1)."""
        return self.options == {ReturnOption.SAVE} and self.partial is None


def told(returns: Returns, found: Sequence[int]) -> Sequence[int]:
    """Which of the results the answer is about, where it is not about all: RFC 5182 §2.4, RFC 9394 §3.2."""
    if not returns.options & _WHOLE and (returns.options & _ENDS or returns.partial is not None):
        picked = list(returns.partial.cut(found)) if returns.partial is not None else []
        if ReturnOption.MIN in returns.options:
            picked += found[:1]
        if ReturnOption.MAX in returns.options:
            picked += found[-1:]
        return picked
    return found


def saved(returns: Returns, found: Sequence[int]) -> Ranges:
    """What ``$`` stands for afterwards, of UIDs."""
    return ranges_of(sorted(set(told(returns, found))))


def esearch(tag: bytes, uid: bool, items: Sequence[bytes], mailbox: bytes = b"") -> bytes:
    """esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data) ; ``mailbox`` are the
    further correlators of RFC 7377 §2.1."""
    correlator = b"(TAG %b%b)" % (responses.string(tag), b" " + mailbox if mailbox else b"")
    return b" ".join((b"* ESEARCH", correlator, *([b"UID"] if uid else []), *items)) + b"\r\n"


def items(returns: Returns, found: Sequence[int], modseq: int = 0, scores: Sequence[int] = ()) -> list[bytes]:
    """search-return-data for these results; ``modseq`` is the highest of those that are told, 0 where nobody asked;
    ``scores`` are those of what ``told`` gives, in step."""
    words: list[bytes] = []
    options = returns.options
    if found and ReturnOption.MIN in options:
        words.append(b"MIN %d" % found[0])
    if found and ReturnOption.MAX in options:
        words.append(b"MAX %d" % found[-1])
    if ReturnOption.COUNT in options:
        words.append(b"COUNT %d" % len(found))
    if returns.partial is not None:
        words.append(b"PARTIAL (%b %b)" % (returns.partial.text, compress(returns.partial.cut(found)) or b"NIL"))
    if found and ReturnOption.ALL in options:
        words.append(b"ALL " + compress(found))
    if found and modseq:
        words.append(b"MODSEQ %d" % modseq)  # RFC 7162 §3.1.10
    if scores:
        words.append(b"RELEVANCY (%b)" % b" ".join(b"%d" % each for each in scores))  # RFC 6203 §4
    return words
