"""Answers of DNS, known again until they expire: positive and negative ones alike (RFC 2308 §5).

Bounded: of more answers than the limit those go first that nobody has asked for the longest.  A failure is no answer
and is never kept.  One thread.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

#: Seconds for which an answer is good at least, whatever its TTL: what asks for a route asks several times.
SHORTEST = 1.0
#: And at most: a slip of the pen in somebody's zone is not to last for years (RFC 8767 §4 has a day or more).
LONGEST = 86_400.0
#: The same for *there is no such thing*: RFC 2308 §5 finds one to three hours to work well.
LONGEST_NEGATIVE = 10_800.0


class Believe(enum.Enum):
    """Whose word counts that an answer is signed and right."""

    NOBODY = "nobody"
    #: Name servers on this machine: nobody is between them and us.
    LOCAL = "local"
    ALL = "all"


class Answer(msgspec.Struct, frozen=True):
    """What DNS said for sure.  ``exists`` is false where there is no such name, ``records`` are empty where it has none
    of the type; ``secure``: the resolver has checked the signatures, of absence too, and is believed in that."""

    records: tuple[Any, ...]
    exists: bool = True
    secure: bool = False
    #: Where CNAMEs have led to; empty where there is no such name.
    name: str = ""


#: A name in lower case, and the type of the records.
Question: TypeAlias = tuple[str, str]


class AnswerCache:
    """At most ``most`` answers; ``now`` gives seconds."""

    def __init__(self, most: int, now: Callable[[], float]) -> None:
        self._most = most
        self._now = now
        self._known: dict[Question, tuple[float, Answer]] = {}

    def get(self, question: Question) -> Answer | None:
        """The answer if it is still good."""
        known = self._known.get(question)
        if known is None:
            return None
        del self._known[question]
        if known[0] <= self._now():
            return None
        self._known[question] = known  # asked last, forgotten last
        return known[1]

    def keep(self, question: Question, answer: Answer, ttl: float) -> None:
        """``ttl`` in seconds, of the answer or of its absence."""
        longest = LONGEST if answer.records else LONGEST_NEGATIVE
        self._known.pop(question, None)
        self._known[question] = self._now() + min(max(ttl, SHORTEST), longest), answer
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
