"""The checks of the IMAP fuzzer, on its seeds, on seeds with a few octets changed, and on random octets."""

from __future__ import annotations

import pytest
from changes import changed
from hypothesis import given, settings
from hypothesis import strategies as st
from imap_checks import check, seeds

SEEDS = dict(seeds())


@pytest.mark.parametrize("name", SEEDS)
def test_an_imap_seed_passes(name: str) -> None:
    check(SEEDS[name])


CHANGES = st.lists(st.tuples(st.integers(2, 3000), st.sampled_from(b"\r\n\0. <>:@*\xff\xc32")), max_size=8)


@settings(max_examples=max(300, settings().max_examples))
@given(st.sampled_from(sorted(SEEDS)) | st.just("message"), CHANGES, st.integers(0, 15), st.integers(0, 255))
def test_an_imap_seed_with_octets_changed_passes(
    name: str, changes: list[tuple[int, int]], setup: int, cut: int
) -> None:
    check(changed(bytes((setup, cut)) + SEEDS[name][2:], 2, changes))


@settings(max_examples=max(300, settings().max_examples))
@given(st.binary(max_size=300))
def test_random_octets_pass_imap(data: bytes) -> None:
    check(data)
