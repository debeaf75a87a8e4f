"""A client that does what ADDTO and REMOVEFROM say has the results, RFC 5267 section 4.3."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite import query as q
from mailsuite.imap.contexts import Context, lasting
from mailsuite.imap.sets import MAX_NUMBER, parse
from mailsuite.imap.view import View
from mailsuite.model import Snapshot
from mailsuite.query import SAVED, STAR, SortBy, SortKey

ORDER = (SortBy(SortKey.DATE),)
LINE = re.compile(rb'\* ESEARCH \(TAG "t"\) UID (ADDTO|REMOVEFROM) \(([0-9:, ]+)\)\r\n')


def do(results: list[int], line: bytes) -> list[int]:
    """What a client makes of a response."""
    found = LINE.fullmatch(line)
    assert found is not None, line
    words = found[2].split()
    for position, text in zip(words[::2], words[1::2], strict=True):
        uids = [uid for low, high in parse(text) for uid in range(low, high + 1)]
        place = int(position) - 1
        if found[1] == b"ADDTO":
            results = sorted(results + uids) if place < 0 else [*results[:place], *uids, *results[place:]]
        elif place < 0:
            assert set(uids) <= set(results)
            results = [uid for uid in results if uid not in uids]
        else:
            assert results[place : place + len(uids)] == uids
            del results[place : place + len(uids)]
    return results


@given(st.booleans(), st.randoms(use_true_random=False), st.lists(st.sets(st.integers(1, 20)), max_size=8))
def test_the_client_has_the_results(sorted_: bool, rng: object, steps: list[set[int]]) -> None:
    rank = list(range(21))
    if sorted_:
        rng.shuffle(rank)  # type: ignore[attr-defined]
    context = Context(b"t", True, q.All(), ORDER if sorted_ else (), [])
    client: list[int] = []
    for step in steps:
        wanted = sorted(step, key=rank.__getitem__)
        for line in context.remove(set(context.found) - step, lambda uids: uids):
            client = do(client, line)
        for line in context.replace(wanted, lambda uids: uids):
            client = do(client, line)
        assert client == context.found == wanted


def view() -> View:
    made = View(
        Snapshot(
            uidvalidity=1, uidnext=50, highestmodseq=1, uids=(10, 20, 30), flags=(frozenset(),) * 3,
            recent=frozenset(), keywords=(), at=0,
        )
    )  # fmt: skip
    made.saved = ((20, 20),)
    return made


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (q.Numbers(((2, STAR),)), q.Uids(((20, 30),))),
        (q.Numbers(SAVED), q.Uids(((20, 20),))),
        (q.Uids(SAVED), q.Uids(((20, 20),))),
        (q.Uids(((15, STAR),)), q.Uids(((15, MAX_NUMBER),))),
        (q.Not(q.Numbers(((1, 1),))), q.Not(q.Uids(((10, 10),)))),
        (q.Or(q.IsRecent(), q.Age(True, 5)), q.Or(q.IsRecent(), q.Age(True, 5))),
        (q.And((q.All(), q.Numbers(((9, 9),)))), q.And((q.All(), q.Uids(())))),
    ],
)
def test_what_a_context_means_by_numbers(asked: q.Query, kept: q.Query) -> None:
    assert lasting(asked, view()) == kept
