"""The tree of parts: offsets and sizes in the CRLF form, nesting, malformed input, bounds."""

import itertools
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.mime import structure
from mailsuite.mime.lines import to_crlf
from mailsuite.mime.structure import Kind, Part, Scanner, scan


def shape(part: Part, message: bytes) -> object:
    """The tree as nested lists: content of leaves, type of everything."""
    wire = to_crlf(message)
    main = part.type.main.decode()
    if part.kind is Kind.LEAF:
        return (main, wire[part.body : part.end])
    return (main, [shape(child, message) for child in part.children])


def outline(part: Part) -> list[object]:
    """Everything that offsets say."""
    own = (part.start, part.body, part.end, part.lines, part.kind, part.type, tuple(part.fields.items()))
    return [own, *(outline(child) for child in part.children)]


MIXED = b"Content-Type: multipart/mixed; boundary=b\n\n"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"", ("text/plain", b"")),
        (b"A: b\n\nhello\n", ("text/plain", b"hello\r\n")),
        (b"A: b\r\n\r\nhello\r\n", ("text/plain", b"hello\r\n")),
        (b"\nhello", ("text/plain", b"hello")),
        (b"A: b", ("text/plain", b"")),
        (b"Content-Type: text/html\n\nx", ("text/html", b"x")),
        (b"Content-Type: rubbish\n\nx", ("text/plain", b"x")),
        (
            MIXED + b"--b\n\none\n--b\n\ntwo\n--b--\n",
            ("multipart/mixed", [("text/plain", b"one"), ("text/plain", b"two")]),
        ),
        # preamble and epilogue belong to no part
        (MIXED + b"pre\n--b\n\none\n\n--b--\nepilogue\n--b\n", ("multipart/mixed", [("text/plain", b"one\r\n")])),
        # white space behind a delimiter, a delimiter as the beginning of a line (RFC 2046 section 5.1.1)
        (
            MIXED + b"--b  \n\none\n--bx\n\ntwo\n--b--",
            ("multipart/mixed", [("text/plain", b"one"), ("text/plain", b"two")]),
        ),
        # no closing delimiter, no empty line, no content
        (MIXED + b"--b\n\none\n", ("multipart/mixed", [("text/plain", b"one\r\n")])),
        (MIXED + b"--b\nContent-Type: a/b\n--b--", ("multipart/mixed", [("a/b", b"")])),
        (MIXED + b"--b\n--b\n--b--", ("multipart/mixed", [("text/plain", b""), ("text/plain", b"")])),
        (MIXED + b"nothing", ("multipart/mixed", [])),
        (MIXED + b"--b", ("multipart/mixed", [])),
        # the delimiter does not begin a line
        (MIXED + b"--b\n\none --b--\n x--b\n--b--", ("multipart/mixed", [("text/plain", b"one --b--\r\n x--b")])),
        (b"Content-Type: multipart/mixed\n\n--b\n\nx", ("multipart/mixed", b"--b\r\n\r\nx")),
        # RFC 2046 section 5.1.5
        (
            b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\nhi\n--b--\n",
            ("multipart/digest", [("message/rfc822", [("text/plain", b"hi")])]),
        ),
        (b"Content-Type: message/rfc822\n\nA: b\n\nhi\n", ("message/rfc822", [("text/plain", b"hi\r\n")])),
        # an outer delimiter ends the inner part (section 5.1.2)
        (
            MIXED + b"--b\nContent-Type: multipart/x; boundary=c\n\n--c\n\none\n--b\n\ntwo\n--c\nx\n--b--",
            ("multipart/mixed", [("multipart/x", [("text/plain", b"one")]), ("text/plain", b"two\r\n--c\r\nx")]),
        ),
        # one delimiter begins like the other: the longer counts
        (
            MIXED + b"--b\nContent-Type: multipart/x; boundary=bb\n\n--bb\n\none\n--bb--\n--b--",
            ("multipart/mixed", [("multipart/x", [("text/plain", b"one")])]),
        ),
        # the same delimiter twice: the innermost counts
        (
            MIXED + b"--b\nContent-Type: multipart/x; boundary=b\n\n--b\n\none\n--b--\n--b--",
            ("multipart/mixed", [("multipart/x", [("text/plain", b"one")])]),
        ),
    ],
)
@pytest.mark.parametrize("form", [bytes, to_crlf])
def test_trees(message: bytes, expected: object, form: type[bytes]) -> None:
    assert shape(scan(form(message)), message) == expected


def test_offsets_and_lines_count_crlf() -> None:
    message = MIXED + b"--b\nX: y\n\none\ntwo\n--b--\n"
    root = scan(message)
    (part,) = root.children
    assert (root.body, root.end, root.lines) == (45, len(to_crlf(message)), 6)
    assert (part.start, part.body, part.end, part.lines) == (50, 58, 66, 1)


def test_text_without_a_charset_is_ascii() -> None:
    assert scan(b"Content-Type: text/x; a=b\n\n").type.parameters == ((b"a", b"b"), (b"charset", b"us-ascii"))


LINES = [
    b"", b"--b", b"--b--", b"--bb", b"--bb--", b"--c", b"-- ", b"text", b"\r", b"Subject: x", b" folded",
    b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: multipart/x; boundary=bb",
    b"Content-Type: multipart/digest;\n boundary=\"c\"", b"Content-Type: message/rfc822", b"Content-Type: text/html",
]  # fmt: skip
MESSAGES = st.lists(st.sampled_from(LINES), max_size=25).flatmap(
    lambda lines: st.lists(st.sampled_from([b"\n", b"\r\n"]), min_size=len(lines), max_size=len(lines)).map(
        lambda ends: b"".join(line + end for line, end in zip(lines, ends, strict=True))
    )
)


@settings(max_examples=200)
@given(MESSAGES, st.lists(st.integers(0, 200), max_size=6))
def test_any_cut_gives_the_same_tree(message: bytes, cuts: list[int]) -> None:
    whole = outline(scan(message))
    for points in ([0, *sorted(cuts), len(message)], list(range(len(message) + 1))):
        scanner = Scanner()
        for start, end in itertools.pairwise(points):
            scanner.feed(message[start:end])
        assert outline(scanner.finish()) == whole


@settings(max_examples=200)
@given(MESSAGES)
def test_line_ends_make_no_difference(message: bytes) -> None:
    assert outline(scan(message)) == outline(scan(to_crlf(message)))


@settings(max_examples=200)
@given(MESSAGES)
def test_parts_lie_within_their_parents_in_order(message: bytes) -> None:
    wire = to_crlf(message)
    pending = [scan(message)]
    assert pending[0].end == len(wire)
    while pending:
        part = pending.pop()
        assert 0 <= part.start <= part.body <= part.end
        assert part.lines == wire[part.body : part.end].count(b"\n")
        position = part.body
        for child in part.children:
            assert position <= child.start
            assert child.end <= part.end
            position = child.end
        pending += part.children


def naive(message: bytes, boundary: bytes) -> list[bytes]:
    """The bodies of a flat multipart, by splitting lines: an oracle."""
    body = to_crlf(message).partition(b"\r\n\r\n")[2]
    pieces = re.split(rb"(?:\A|\r\n)--" + boundary + rb"(?!--)[^\n]*(?:\n|\Z)", body)
    ended = next((i for i, p in enumerate(pieces) if re.search(rb"(?:\A|\r\n)--" + boundary + rb"--", p)), None)
    if ended is not None:
        pieces = pieces[: ended + 1]
        pieces[-1] = re.split(rb"(?:\A|\r\n)--" + boundary + rb"--", pieces[-1])[0]
    return [piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:]]


@settings(max_examples=200)
@given(st.lists(st.sampled_from([b"x", b"", b"--c", b"-- ", b"--b--c"]), max_size=5), st.integers(0, 3))
def test_flat_parts_agree_with_splitting(body: list[bytes], count: int) -> None:
    message = MIXED + b"".join(b"--b\nA: b\n\n" + b"\n".join(body) + b"\n" for _ in range(count)) + b"--b--\n"
    root = scan(message)
    wire = to_crlf(message)
    assert [wire[part.body : part.end] for part in root.children] == naive(message, b"b")


# -- bounds ------------------------------------------------------------------------------------------------------------


def nested(levels: int) -> bytes:
    return (
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(levels))
        + b"\nend"
    )


def depth(part: Part) -> int:
    return 1 + max((depth(child) for child in part.children), default=0)


def test_nesting_is_bounded() -> None:
    assert depth(scan(nested(structure.MAX_DEPTH - 1))) == structure.MAX_DEPTH
    assert depth(scan(nested(1000))) == structure.MAX_DEPTH
    assert depth(scan(b"Content-Type: message/rfc822\n\n" * 1000)) == structure.MAX_DEPTH


def test_the_number_of_parts_is_bounded() -> None:
    root = scan(MIXED + b"--b\n\nx\n" * (structure.MAX_PARTS + 100))
    assert len(root.children) == structure.MAX_PARTS - 1
    assert root.children[-1].lines > 100


def test_an_endless_header_ends_at_the_limit() -> None:
    message = b"A: " + b"x" * (2 * structure.MAX_HEADER)
    assert scan(message).body == structure.MAX_HEADER
    scanner = Scanner()
    for start in range(0, len(message), 100_000):
        scanner.feed(message[start : start + 100_000])
    assert outline(scanner.finish()) == outline(scan(message))


def test_an_overlong_boundary_is_none() -> None:
    boundary = b"b" * (structure.MAX_BOUNDARY + 1)
    message = b"Content-Type: multipart/mixed; boundary=" + boundary + b"\n\n--" + boundary + b"\n\nx"
    assert scan(message).kind is Kind.LEAF


def test_the_scanner_keeps_little_of_a_long_body() -> None:
    scanner = Scanner()
    scanner.feed(MIXED + b"--b\n\n")
    for _ in range(100):
        scanner.feed(b"0123456789\n" * 1000)
        assert len(scanner._buffer) < 12_000


@pytest.mark.parametrize("body", [b"\n--b" * 250_000, b"--" * 500_000, b"\n--b0" * 200_000, b"\n--bx--" * 140_000])
def test_a_bomb_of_a_megabyte_is_scanned_in_a_blink(body: bytes) -> None:
    started = time.process_time()
    scan(nested(1000) + body)
    scan(MIXED + body)
    assert time.process_time() - started < 4.0
