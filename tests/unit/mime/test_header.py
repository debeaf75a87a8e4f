"""Header blocks: their end, their fields, fields chosen as they stand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.mime import header
from mailsuite.mime.lines import crlf_size, to_crlf, to_lf

BLOCK = b"From: a@b\nSubject: one\n two\n\tthree\nX-A: 1\nsubject : again\nno colon here\nX-Ab: 2\n\n"


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", 0),
        (b"\nbody", 1),
        (b"\r\nbody", 2),
        (b"A: b\n\nbody", 6),
        (b"A: b\r\n\r\nbody", 8),
        (b"A: b\r\n\nbody\r\n\r\n", 7),
        (b"A: b\n\r\nbody\n\n", 7),
        (b"A: b\n", 5),
        (b"A: b", 4),
        (b"A: b\r\rc\n\n", 9),
    ],
)
def test_the_header_ends_behind_the_first_empty_line(data: bytes, end: int) -> None:
    assert header.header_end(data) == end


def test_the_end_is_looked_for_from_a_start() -> None:
    assert header.header_end(b"--b\nA: b\n\nx\n\n", 4) == 10


@pytest.mark.parametrize("form", [bytes, to_crlf])
def test_fields_are_whole_lines_with_their_continuations(form: type[bytes]) -> None:
    fields = header.split(form(BLOCK))
    assert [field.name for field in fields] == [b"From", b"Subject", b"X-A", b"subject", b"no colon here", b"X-Ab"]
    assert fields[1].raw == b"Subject: one\r\n two\r\n\tthree\r\n"
    assert fields[1].value == b"one two\tthree"


@pytest.mark.parametrize("form", [bytes, to_crlf])
def test_the_index_has_the_first_of_each_name_with_folds_as_one_space(form: type[bytes]) -> None:
    found = header.index(form(BLOCK))
    assert found[b"subject"] == b"one two three"
    assert found[b"x-a"] == b"1"


def test_first_and_all_values_compare_names_without_case_and_as_a_whole() -> None:
    assert header.first(BLOCK, b"SUBJECT") == b"one two\tthree"
    assert header.all_values(BLOCK, b"Subject") == [b"one two\tthree", b"again"]
    assert header.all_values(BLOCK, b"X") == []
    assert header.first(BLOCK, b"X-") == b""


@pytest.mark.parametrize("form", [bytes, to_crlf])
def test_selected_fields_stand_in_their_order_with_the_empty_line(form: type[bytes]) -> None:
    block = form(BLOCK)
    assert header.select(block, [b"x-a", b"FROM"]) == b"From: a@b\r\nX-A: 1\r\n\r\n"
    assert header.select(block, [b"nothing"]) == b"\r\n"
    assert header.select(block, []) == b"\r\n"
    rest = header.select(block, [b"subject", b"no colon here"], negate=True)
    assert rest == b"From: a@b\r\nX-A: 1\r\nX-Ab: 2\r\n\r\n"


def test_odd_names_select_nothing_by_accident() -> None:
    assert header.select(b"A: 1\nB: 2\n\n", [b".", b"a|b", b"("]) == b"\r\n"


_LINE = st.sampled_from([b"", b"A: 1", b" fold", b"\tfold", b"b", b"C:", b": x", b"A : 2", b"\r", b"A: \xff\x00"])


@settings(max_examples=150)
@given(st.lists(_LINE, max_size=12))
def test_selecting_and_its_opposite_share_all_fields(lines: list[bytes]) -> None:
    block = b"\n".join(lines) + b"\n\n"
    block = block[: header.header_end(block)]
    chosen = header.split(header.select(block, [b"a"]))
    others = header.split(header.select(block, [b"a"], negate=True))
    everything = header.split(block)
    assert sorted(f.raw for f in chosen + others) == sorted(f.raw for f in everything)
    assert all(field.name.lower() == b"a" for field in chosen)


@settings(max_examples=100)
@given(st.binary(max_size=60).map(lambda data: data.replace(b"x", b"\n").replace(b"y", b"\r\n")))
def test_both_forms_convert_into_each_other(data: bytes) -> None:
    assert to_crlf(to_lf(data)) == to_crlf(data)
    assert len(to_crlf(data)) == crlf_size(data)
