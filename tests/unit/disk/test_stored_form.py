"""CRLF becomes LF and comes back, at any cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.disk.lines import StoredForm
from mailsuite.mime.lines import to_crlf

pieces = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"", b"\r\r", b"bc\r"]), max_size=20)


def converted(parts: list[bytes]) -> tuple[bytes, StoredForm]:
    form = StoredForm()
    return b"".join([form.convert(part) for part in parts]) + form.end(), form


@settings(max_examples=300)
@given(pieces)
def test_cuts_make_no_difference_and_sizes_are_right(parts: list[bytes]) -> None:
    stored, form = converted(parts)
    assert stored == converted([b"".join(parts)])[0]
    assert form.size == len(stored)
    assert form.wire == len(to_crlf(stored))


@settings(max_examples=300)
@given(pieces)
def test_what_has_no_bare_lf_comes_back_whatever_crs_it_holds(parts: list[bytes]) -> None:
    octets = re.sub(rb"(?<!\r)\n", b"\r\n", b"".join(parts))
    assert to_crlf(converted([octets])[0]) == octets


@pytest.mark.parametrize(
    ("octets", "stored"),
    [
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"a\nb\n", b"a\nb\n"),
        (b"a\rb\r\n", b"a\rb\n"),
        (b"a\r\r\n", b"a\r\r\n"),
        (b"a\r", b"a\r"),
    ],
)
def test_stored_form(octets: bytes, stored: bytes) -> None:
    assert converted([octets])[0] == stored
    assert converted([octets[at : at + 1] for at in range(len(octets))])[0] == stored
