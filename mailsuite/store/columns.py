"""Columns of many rows of the index in one step of SQLite.

A row that becomes Python objects costs thrice what SQLite needs to find it, and each step takes the interpreter's lock
from the reactor and gives it back.  So SQLite puts numbers into one JSON array, names of files into one string with
``/`` between them, and octets into one with NUL, which no octets have that IMAP sends (RFC 9051 §9 ``CHAR8``); what has
some all the same is read row by row.  Blocking, with the account's lock held.
"""

from __future__ import annotations

import enum
import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from itertools import compress
from typing import TypeAlias

import msgspec

_UID = 0xFFFFFFFF
#: UIDs are asked for as one range if at most so many numbers lie between the first and the last for each of them.
_SPREAD = 4
_integers = msgspec.json.Decoder(list[int]).decode
_reals = msgspec.json.Decoder(list[float]).decode

#: (UIDs ascending, columns in step with them).
Columns: TypeAlias = tuple[list[int], list[Sequence[object]]]


class Kind(enum.Enum):
    """What a column holds."""

    INTEGER = enum.auto()
    REAL = enum.auto()
    OCTETS = enum.auto()
    NAME = enum.auto()


def _numbers(decode: Callable[[str], Sequence[object]]) -> Callable[[bytes | str | None], Sequence[object]]:
    return lambda text: decode(str(text))


def _octets(text: bytes | str | None) -> Sequence[object]:
    return text.split(b"\0") if isinstance(text, bytes) else ()


def _names(text: bytes | str | None) -> Sequence[object]:
    return text.split("/") if isinstance(text, str) else ()


_SELECT = {
    Kind.INTEGER: "json_group_array({})",
    Kind.REAL: "json_group_array({})",
    Kind.OCTETS: "cast(group_concat({}, char(0)) AS BLOB)",
    Kind.NAME: "group_concat({}, '/')",
}
_DECODE = {Kind.INTEGER: _numbers(_integers), Kind.REAL: _numbers(_reals), Kind.OCTETS: _octets, Kind.NAME: _names}


def read(
    db: sqlite3.Connection, table: str, columns: Sequence[tuple[str, Kind]], id: int, uids: Collection[int]
) -> Columns:
    """These columns of those of ``uids``, ascending, that are there.  ``table`` is ``NAME WHERE`` or ``NAME WHERE
    CONDITION AND``; its ``key`` is the mailbox's ``id`` and the UID in one number."""
    if not uids:
        return [], [() for _ in columns]
    asked = list(uids)
    low, high = asked[0], asked[-1]
    dense = high - low < _SPREAD * len(asked)
    among = "BETWEEN ? AND ?" if dense else "IN (SELECT ? + value FROM json_each(?))"
    values = (id << 32 | low, id << 32 | high) if dense else (id << 32, json.dumps(asked))
    source = f"FROM {table} key {among}"
    made = ", ".join(_SELECT[kind].format(name) for name, kind in columns)
    found = db.execute(f"SELECT json_group_array(key & {_UID}), {made} {source}", values).fetchone()
    there = _integers(found[0])
    parts = [_DECODE[kind](part) for (_, kind), part in zip(columns, found[1:], strict=True)]
    if any(len(part) != len(there) for part in parts):
        names = ", ".join(name for name, _ in columns)
        parts = [*zip(*db.execute(f"SELECT {names} {source}", values).fetchall(), strict=True)]
    return _only(asked, there, parts)


def _only(asked: list[int], there: list[int], parts: list[Sequence[object]]) -> Columns:
    """A range may hold more than was asked for."""
    if there == asked:
        return there, parts
    wanted = frozenset(asked)
    chosen = [uid in wanted for uid in there]
    return list(compress(there, chosen)), [list(compress(part, chosen)) for part in parts]
