"""``store.columns``: what comes out in one step is what a plain SELECT gives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.store.columns import Kind, read

COLUMNS = [("wire", Kind.INTEGER), ("date", Kind.REAL), ("text", Kind.OCTETS)]


def opened() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE message (key INTEGER PRIMARY KEY, wire INTEGER, date REAL, text BLOB)")
    return db


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    db = opened()
    for mailbox in (6, 7, 8):
        keep(db, mailbox, dict.fromkeys((1, 2, 3, 5, 90, 4294967295), b"(\xff{2}\r\n\xc3)"))
    yield db
    db.close()


def keep(db: sqlite3.Connection, mailbox: int, texts: dict[int, bytes]) -> None:
    rows = [(mailbox << 32 | uid, uid * 10, uid + 0.25, text) for uid, text in texts.items()]
    db.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", rows)


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ([1, 2, 3], [1, 2, 3]),  # as they lie
        ([1, 3], [1, 3]),  # a range that holds more
        ([1, 2, 4, 5], [1, 2, 5]),  # one that holds less
        ([1, 90, 4294967295], [1, 90, 4294967295]),  # far apart
        ([2, 70, 4294967294], [2]),
        ([4], []),
        ([], []),
    ],
)
def test_those_that_are_there_come_in_order(db: sqlite3.Connection, asked: list[int], there: list[int]) -> None:
    uids, (wires, dates, texts) = read(db, "message WHERE", COLUMNS, 7, asked)
    assert uids == there
    assert list(wires) == [uid * 10 for uid in there]
    assert list(dates) == [uid + 0.25 for uid in there]
    assert list(texts) == [b"(\xff{2}\r\n\xc3)"] * len(there)


def test_octets_with_nul_are_no_two_values(db: sqlite3.Connection) -> None:
    keep(db, 9, {1: b"a\0b", 2: b"c", 3: b""})
    assert read(db, "message WHERE", COLUMNS[2:], 9, [1, 2]) == ([1, 2], [(b"a\0b", b"c")])
    assert read(db, "message WHERE", COLUMNS[2:], 9, [2, 3]) == ([2, 3], [[b"c", b""]])


@given(
    texts=st.dictionaries(st.integers(1, 40), st.binary(max_size=4), max_size=20),
    asked=st.sets(st.integers(1, 40)),
)
def test_it_is_what_a_plain_select_gives(texts: dict[int, bytes], asked: set[int]) -> None:
    db = opened()
    keep(db, 3, texts)
    uids, (wires, _, found) = read(db, "message WHERE", COLUMNS, 3, sorted(asked))
    assert uids == sorted(asked & texts.keys())
    assert list(wires) == [uid * 10 for uid in uids]
    assert list(found) == [texts[uid] for uid in uids]
    db.close()
