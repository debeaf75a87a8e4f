"""``store.among`` and ``store.places``: the rows of exactly those messages, whatever lies between them."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from mailsuite.store import places
from mailsuite.store.among import among
from mailsuite.store.places import Places

UIDS = st.lists(st.integers(1, 12), max_size=12)


def index(uids: list[int]) -> sqlite3.Connection:
    """Messages of mailbox 7, some in ``new``, and others beside it."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE message (key INTEGER PRIMARY KEY, base TEXT, recent, letters TEXT, wire, modseq)")
    for mailbox, there in ((6, range(1, 13)), (7, set(uids)), (8, range(1, 13))):
        rows = [(mailbox << 32 | uid, f"b{uid}", uid % 3, "" if uid % 3 else "S" * (uid % 2), uid, 9) for uid in there]
        db.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?)", rows)
    return db


@given(there=UIDS, asked=UIDS)
def test_a_condition_is_true_of_those_that_were_asked_for(there: list[int], asked: list[int]) -> None:
    condition, values = among(7, asked)
    found = index(there).execute(f"SELECT key FROM message WHERE {condition}", values)
    assert {key for (key,) in found} == {7 << 32 | uid for uid in set(there).intersection(asked)}


@given(there=UIDS, asked=UIDS)
def test_what_lies_in_new_comes_first(there: list[int], asked: list[int]) -> None:
    found = places.read(index(there), 7, asked, Places).new_first()
    wanted = set(there).intersection(asked)
    in_new, in_cur = [sorted(uid for uid in wanted if bool(uid % 3) is new) for new in (True, False)]
    assert list(found.uids) == in_new + in_cur
    assert found.in_new == len(in_new)
    assert found.names() == [f"b{uid}" for uid in in_new] + [f"b{uid}:2,{'S' * (uid % 2)}" for uid in in_cur]
    odd = found.only([uid % 2 for uid in found.uids])
    assert odd.names() == [name for uid, name in zip(found.uids, found.names(), strict=True) if uid % 2]
