"""Names of message files: ``<seconds>.M<usec>P<pid>Q<count>.<host>,S=<stored>,W=<wire>,U=<uid>:2,<letters>``.

What stands before the colon is the *base*; it never changes, so it is what the index knows a file by.  ``S`` and ``W``
are Maildir++'s sizes as stored and as sent (Dovecot reads them too), ``U`` is the IMAP UID.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

_FIELD = re.compile(r",([SWU])=(\d{1,18})(?=[,:]|$)")
_UID_FIELD = re.compile(r",U=\d{1,18}(?=[,:]|$)")
_TIME = re.compile(r"\d{1,18}")
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")
MAX_UID = 0xFFFFFFFF


class Sizes(msgspec.Struct, frozen=True):
    """What a base says of its message; 0 where it says nothing."""

    stored: int
    wire: int
    uid: int


def split(filename: str) -> tuple[str, str]:
    """(base, letters) of a file in ``cur`` or ``new``."""
    base, colon, info = filename.partition(":")
    return base, info[2:] if colon and info.startswith("2,") else ""


def read_base(base: str) -> Sizes:
    """The numbers in a base."""
    found = {letter: int(digits) for letter, digits in _FIELD.findall(base)}
    uid = found.get("U", 0)
    return Sizes(found.get("S", 0), found.get("W", 0), uid if uid <= MAX_UID else 0)


def with_numbers(base: str, sizes: Sizes) -> str:
    """The base with these numbers in place of what it said."""
    return numbered(_FIELD.sub("", base), sizes.stored, sizes.wire, sizes.uid)


def numbered(unique: str, stored: int, wire: int, uid: int) -> str:
    """The base of a name that says nothing yet."""
    return f"{unique},S={stored},W={wire},U={uid}"


def with_uid(base: str, uid: int) -> str:
    """The base with this UID and no other; 0 is none."""
    without = _UID_FIELD.sub("", base)
    return f"{without},U={uid}" if uid else without


def stem(base: str) -> str:
    """The base without its numbers: what stays when a file is renamed to say more of its message."""
    return _FIELD.sub("", base)


def in_cur(base: str, letters: str) -> str:
    """The file name in ``cur``."""
    return f"{base}:2,{letters}"


def all_in_cur(bases: Iterable[str], letters: Sequence[str]) -> list[str]:
    """``in_cur`` of many, in step."""
    ends = {each: in_cur("", each) for each in set(letters)}
    return [base + ends[each] for base, each in zip(bases, letters, strict=True)]


def delivery_order(base: str) -> tuple[int, str]:
    """Sorts names of one folder by the time they were delivered."""
    return (saved_at(base), base)


def saved_at(base: str) -> int:
    """When the file was put into its folder, in epoch seconds; 0 for names that do not begin with a time."""
    time = _TIME.match(base)
    return int(time.group()) if time else 0


class Unique:
    """Makes names that no other delivery on any host has (https://cr.yp.to/proto/maildir.html)."""

    def __init__(self, hostname: str, pid: Callable[[], int]) -> None:
        """``pid`` is asked each time: the process may fork after this was made."""
        self._host = _UNSAFE.sub("_", hostname)[:64] or "localhost"
        self._pid = pid
        self._count = itertools.count(1)

    def name(self, now: float) -> str:
        """At ``now``, epoch seconds."""
        return f"{self._head(now)}{next(self._count)}.{self._host}"

    def names(self, now: float, count: int) -> list[str]:
        """So many, each unlike the others."""
        head = self._head(now)
        return [f"{head}{number}.{self._host}" for number in itertools.islice(self._count, count)]

    def _head(self, now: float) -> str:
        seconds, fraction = divmod(now, 1)
        return f"{int(seconds)}.M{int(fraction * 1_000_000)}P{self._pid()}Q"
