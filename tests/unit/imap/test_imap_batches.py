"""Ranges of UIDs that hold so many messages each, RFC 10022."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.imap.batches import batches, response


@pytest.mark.parametrize(
    ("uids", "size", "first", "last", "ranges"),
    [
        ((), 2, 1, 9, []),
        ((7,), 2, 1, 9, [(7, 1)]),
        ((3, 5, 7, 9), 2, 1, 9, [(9, 7), (6, 1)]),
        ((3, 5, 7, 9, 20), 2, 1, 9, [(20, 9), (8, 5), (4, 1)]),
        ((3, 5, 7, 9, 20), 2, 2, 2, [(8, 5)]),
        ((3, 5, 7, 9, 20), 2, 3, 9, [(4, 1)]),
        ((3, 5, 7, 9, 20), 2, 4, 9, []),
    ],
)
def test_batches(uids: tuple[int, ...], size: int, first: int, last: int, ranges: list[tuple[int, int]]) -> None:
    assert batches(uids, size, first, last) == ranges


@given(st.sets(st.integers(1, 1000)), st.integers(1, 20))
def test_every_message_is_in_one_batch_and_all_are_full_but_the_last(uids: set[int], size: int) -> None:
    ranges = batches(sorted(uids), size, 1, 2**32 - 1)
    held = [sum(low <= uid <= high for uid in uids) for high, low in ranges]
    assert sum(held) == len(uids)
    assert all(count == size for count in held[:-1])
    assert all(below[0] == above[1] - 1 for above, below in pairwise(ranges))


def test_response() -> None:
    assert response(b"a1", [(215295, 99696), (99695, 1)]) == b'* UIDBATCHES (TAG "a1") 215295:99696,99695:1\r\n'
    assert response(b"a1", []) == b'* UIDBATCHES (TAG "a1")\r\n'
