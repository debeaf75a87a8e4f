"""What a client that comes back knows, and what HIGHESTMODSEQ it may count on (RFC 7162)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.imap import known, sets
from mailsuite.imap.modseqs import Awareness, ModSeqs
from mailsuite.query import STAR, Ranges

pairs = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9)).map(lambda each: (each[0], sum(each))), max_size=6)


def numbers(ranges: Ranges) -> list[int]:
    return [number for low, high in ranges for number in range(low, high + 1)]


@given(pairs, st.sets(st.integers(1, 50)))
def test_common_is_what_is_in_both(one: list[tuple[int, int]], other: set[int]) -> None:
    found = numbers(sets.common(tuple(one), sets.ranges_of(sorted(other))))
    assert found == sorted(set(numbers(tuple(one))) & other)


@given(st.sets(st.integers(1, 50)), st.sets(st.integers(1, 50)))
def test_absent_is_what_no_message_has(present: set[int], asked: set[int]) -> None:
    assert numbers(known.absent(sorted(present), sets.ranges_of(sorted(asked)))) == sorted(asked - present)


@pytest.mark.parametrize(
    ("ns", "uids", "last"),
    [
        ((), (), 0),
        (((2, 2),), ((5, 5),), 5),
        (((2, 2),), ((6, 6),), 0),
        (((1, 4),), ((3, 3), (5, 5), (8, 9)), 9),
        (((1, 2), (4, 4)), ((3, 3), (6, 6), (9, 9)), 3),  # after a pair that is wrong none is believed
        (((4, 9),), ((9, 14),), 9),
        (((5, 5),), ((9, 9),), 0),
    ],
)
def test_pairs_match_up_to_the_first_that_is_wrong(ns: Ranges, uids: Ranges, last: int) -> None:
    assert known.matched([3, 5, 8, 9], ns, uids) == last


def test_the_last_of_all_that_ever_were_is_not_known() -> None:
    assert known.past(((1, 3), (7, STAR), (STAR, STAR))) == ((1, 3), (7, sets.MAX_NUMBER))


def aware() -> ModSeqs:
    modseqs = ModSeqs(10)
    modseqs.awareness = Awareness.QRESYNC
    return modseqs


def test_nothing_is_said_to_who_announced_nothing() -> None:
    modseqs = ModSeqs(10)
    modseqs.hold(11)
    modseqs.show(1, 12)
    modseqs.release()
    assert modseqs.code() == b""


def test_the_first_announcement_asks_for_the_highest_once() -> None:
    modseqs = ModSeqs(10)
    modseqs.raise_to(Awareness.CONDSTORE)
    assert [modseqs.code(), modseqs.code()] == [b"HIGHESTMODSEQ 10", b""]
    modseqs.raise_to(Awareness.QRESYNC)
    modseqs.raise_to(Awareness.CONDSTORE)
    assert (modseqs.code(), modseqs.awareness) == (b"", Awareness.QRESYNC)


def test_no_client_counts_past_an_expunge_that_is_held_back() -> None:
    modseqs = aware()
    for modseq in (12, 14):
        modseqs.reached(modseq)
        modseqs.hold(modseq)
    modseqs.show(1, 11)
    assert modseqs.code() == b""
    modseqs.show(1, 12)
    assert modseqs.code() == b"HIGHESTMODSEQ 11"
    modseqs.release()
    assert modseqs.code() == b"HIGHESTMODSEQ 14"


def test_the_newest_modseq_of_a_message_is_shown_once() -> None:
    modseqs = aware()
    modseqs.note((3,), (12,))
    modseqs.note((3,), (11,))
    assert modseqs.show(3, 10) == 12
    assert modseqs.heard == {}
