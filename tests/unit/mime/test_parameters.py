"""Content-Type and Content-Disposition values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.mime.parameters import MAX_PARAMETERS, as_meant, is_type, parse_value


@pytest.mark.parametrize(
    ("field", "main", "parameters"),
    [
        (b"text/plain", b"text/plain", ()),
        (b"Text/Plain; Charset=UTF-8", b"Text/Plain", ((b"Charset", b"UTF-8"),)),
        (b'a/b; name="x y; z"; n=2', b"a/b", ((b"name", b"x y; z"), (b"n", b"2"))),
        (b'a/b; name="q\\"q\\\\"', b"a/b", ((b"name", b'q"q\\'),)),
        (b'a/b; name="open', b"a/b", ((b"name", b"open"),)),
        (b"a/b ; x = y ;", b"a/b", ((b"x", b"y"),)),
        (b"a/b (comment (nested)); x=y (z)", b"a/b", ((b"x", b"y"),)),
        (b'a/b; x="(kept)"', b"a/b", ((b"x", b"(kept)"),)),
        (b"a/b;;x=", b"a/b", ((b"x", b""),)),
        (b"", b"", ()),
        # RFC 2231 section 3: continuations
        (b"a/b; n*0=one; m=x; n*1=two", b"a/b", ((b"m", b"x"), (b"n", b"onetwo"))),
        (b"a/b; n*1=two; n*0=one; n*3=gap", b"a/b", ((b"n", b"onetwo"),)),
        # section 4 and 4.1: extended values stay extended
        (b"a/b; n*=utf-8''%c3%a4", b"a/b", ((b"n*", b"utf-8''%c3%a4"),)),
        (b"a/b; n*0*=utf-8''%c3; n*1*=%a4; n*2=\"a b\"", b"a/b", ((b"n*", b"utf-8''%c3%a4a%20b"),)),
    ],
)
def test_values(field: bytes, main: bytes, parameters: tuple[tuple[bytes, bytes], ...]) -> None:
    value = parse_value(field)
    assert (value.main, value.parameters) == (main, parameters)


def test_a_parameter_is_found_without_case() -> None:
    assert parse_value(b"a/b; BOUNDARY=x").parameter(b"boundary") == b"x"
    assert parse_value(b"a/b").parameter(b"boundary") == b""


@pytest.mark.parametrize(
    ("main", "valid"), [(b"a/b", True), (b"a", False), (b"/b", False), (b"a/", False), (b"a b/c", False)]
)
def test_types_are_two_tokens(main: bytes, valid: bool) -> None:
    assert is_type(main) is valid


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([b";", b"=", b'"', b"\\", b"(", b")", b"*", b"0", b"a", b" ", b"'", b"%C3"])).map(b"".join)
)
def test_anything_is_read_without_raising(field: bytes) -> None:
    parse_value(field)
    as_meant(field)


def test_parameters_are_bounded() -> None:
    assert len(parse_value(b"a/b" + b"; x=y" * 10_000).parameters) == MAX_PARAMETERS
    parse_value(b"a/b" + b"(" * 100_000)
