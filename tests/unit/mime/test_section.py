"""BODY[...] sections, by the example of RFC 9051 section 6.4.5.1."""

import pytest

from mailsuite.mime.lines import to_crlf
from mailsuite.mime.render import summary
from mailsuite.mime.section import Which, find_part, locate
from mailsuite.mime.structure import scan

# HEADER, TEXT, 1 TEXT/PLAIN, 2 APPLICATION, 3 MESSAGE/RFC822 (3.1 TEXT, 3.2 APPLICATION), 4 MULTIPART/MIXED
# (4.1 IMAGE, 4.2 MESSAGE/RFC822 (4.2.1 TEXT, 4.2.2 MULTIPART/ALTERNATIVE (4.2.2.1 TEXT, 4.2.2.2 TEXT)))
EXAMPLE = b"""\
Subject: top
Content-Type: multipart/mixed; boundary=a

--a

one
--a
Content-Type: application/octet-stream

two
--a
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=b

--b

three-one
--b
Content-Type: application/octet-stream

three-two
--b--
--a
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: image/gif

four-one
--c
Content-Type: message/rfc822

Subject: four-two
Content-Type: multipart/mixed; boundary=d

--d

four-two-one
--d
Content-Type: multipart/alternative; boundary=e

--e

four-two-two-one
--e
Content-Type: text/richtext

four-two-two-two
--e--
--d--
--c--
--a--
"""
SINGLE = b"Subject: x\n\nbody\n"
WRAPPED = b"Content-Type: message/rfc822\n\n" + SINGLE


def section(message: bytes, numbers: tuple[int, ...], which: Which) -> bytes | None:
    wire = to_crlf(message)
    span = locate(scan(message), numbers, which)
    return None if span is None else wire[span.start : span.start + span.length]


@pytest.mark.parametrize(
    ("numbers", "content"),
    [
        ((1,), b"one"),
        ((2,), b"two"),
        ((3, 1), b"three-one"),
        ((3, 2), b"three-two"),
        ((4, 1), b"four-one"),
        ((4, 2, 1), b"four-two-one"),
        ((4, 2, 2, 1), b"four-two-two-one"),
        ((4, 2, 2, 2), b"four-two-two-two"),
        ((5,), None),
        ((0,), None),
        ((1, 1), None),
        ((3, 3), None),
        ((4, 2, 2, 2, 1), None),
    ],
)
def test_parts_by_number(numbers: tuple[int, ...], content: bytes | None) -> None:
    assert section(EXAMPLE, numbers, Which.ALL) == content


@pytest.mark.parametrize(
    ("numbers", "which", "start", "end"),
    [
        ((), Which.ALL, b"Subject: top", b"--a--\r\n"),
        ((), Which.HEADER, b"Subject: top", b"boundary=a\r\n\r\n"),
        ((), Which.TEXT, b"--a\r\n", b"--a--\r\n"),
        ((1,), Which.MIME, b"\r\n", b"\r\n"),
        ((2,), Which.MIME, b"Content-Type: application", b"stream\r\n\r\n"),
        ((3,), Which.ALL, b"Subject: three", b"--b--"),
        ((3,), Which.HEADER, b"Subject: three", b"boundary=b\r\n\r\n"),
        ((3,), Which.TEXT, b"--b\r\n", b"--b--"),
        ((3,), Which.MIME, b"Content-Type: message", b"rfc822\r\n\r\n"),
        ((4,), Which.ALL, b"--c\r\n", b"--c--"),
        ((4, 2), Which.HEADER, b"Subject: four-two", b"boundary=d\r\n\r\n"),
        ((4, 2), Which.MIME, b"Content-Type: message", b"rfc822\r\n\r\n"),
    ],
)
def test_headers_and_texts(numbers: tuple[int, ...], which: Which, start: bytes, end: bytes) -> None:
    found = section(EXAMPLE, numbers, which)
    assert found is not None
    assert found.startswith(start)
    assert found.endswith(end)


@pytest.mark.parametrize(
    ("numbers", "which"), [((1,), Which.HEADER), ((4,), Which.TEXT), ((), Which.MIME), ((9,), Which.MIME)]
)
def test_sections_that_are_none(numbers: tuple[int, ...], which: Which) -> None:
    assert section(EXAMPLE, numbers, which) is None


def test_part_one_of_a_simple_message_is_its_text() -> None:
    assert section(SINGLE, (1,), Which.ALL) == b"body\r\n"
    assert section(SINGLE, (1,), Which.MIME) == b"Subject: x\r\n\r\n"
    assert section(SINGLE, (2,), Which.ALL) is None
    assert section(SINGLE, (1, 1), Which.ALL) is None


def test_a_message_that_is_a_message() -> None:
    assert section(WRAPPED, (1,), Which.ALL) == to_crlf(SINGLE)
    assert section(WRAPPED, (1,), Which.HEADER) == b"Subject: x\r\n\r\n"
    assert section(WRAPPED, (1, 1), Which.ALL) == b"body\r\n"
    assert section(WRAPPED, (1, 1, 1), Which.ALL) is None


def test_the_part_of_no_numbers_is_the_message() -> None:
    root = scan(SINGLE)
    assert find_part(root, ()) is root


@pytest.mark.parametrize("body", [b"", b"no delimiter at all\r\n", b"--b--\r\n"])
def test_a_multipart_without_parts_has_the_empty_one_that_it_shows(body: bytes) -> None:
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body
    root = scan(message)
    assert b'"text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0' in summary(message).structure
    for which in (Which.ALL, Which.MIME):
        span = locate(root, (1,), which)
        assert span is not None
        assert span.length == 0
    assert find_part(root, (2,)) is None
    assert find_part(root, (1, 1)) is None
