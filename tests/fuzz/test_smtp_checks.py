"""The checks of the fuzzer, on its seeds, on seeds with a few octets changed, and on random octets."""

from __future__ import annotations

import pytest
from changes import changed
from hypothesis import given, settings
from hypothesis import strategies as st
from smtp_checks import check, seeds

SEEDS = dict(seeds())


@pytest.mark.parametrize("name", SEEDS)
def test_a_seed_passes(name: str) -> None:
    check(SEEDS[name])


CHANGES = st.lists(st.tuples(st.integers(3, 4000), st.sampled_from(b"\r\n\0. <>:@\xff2")), max_size=8)


@settings(max_examples=max(300, settings().max_examples))
@given(st.sampled_from(sorted(SEEDS)), CHANGES, st.integers(0, 255), st.integers(0, 255))
def test_a_seed_with_octets_changed_passes(name: str, changes: list[tuple[int, int]], setup: int, cut: int) -> None:
    check(changed(SEEDS[name][:1] + bytes((setup, cut)) + SEEDS[name][3:], 3, changes))


@settings(max_examples=max(300, settings().max_examples))
@given(st.integers(0, 4), st.binary(max_size=300))
def test_random_octets_pass(which: int, data: bytes) -> None:
    check(bytes((which,)) + data)
