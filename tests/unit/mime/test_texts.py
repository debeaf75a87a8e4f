"""The texts of a message in pieces are those of the whole, and take little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.collation import casemap, searchable
from mailsuite.mime.encodings import decode, to_text
from mailsuite.mime.header import in_blocks
from mailsuite.mime.header_text import header_text
from mailsuite.mime.lines import to_crlf
from mailsuite.mime.structure import Kind, Part, scan
from mailsuite.mime.texts import body_pieces, is_in

MIB = 1 << 20


def whole(message: bytes) -> str:
    """The same, of everything at once."""
    octets = to_crlf(message)
    return "".join("\n" + text for _, text in sorted(_texts(scan(octets), octets), key=lambda pair: pair[0]))


def _texts(root: Part, message: bytes) -> Iterator[tuple[int, str]]:
    parts = [root]
    while parts:
        part = parts.pop()
        if part is not root:
            yield part.start, header_text(message[part.start : part.body])
        if part.kind is Kind.LEAF and part.type.main.lower().startswith((b"text/", b"message/")):
            content = decode(message[part.body : part.end], part.fields.get(b"content-transfer-encoding", b""))
            yield part.body, searchable(to_text(content, part.type.parameter(b"charset")))
        parts.extend(part.children)


def pieces_of(message: bytes, size: int) -> list[bytes]:
    return [message[start : start + size] for start in range(0, len(message), size)]


CHARSETS = ("utf-8", "iso-8859-1", "utf-16", "iso-2022-jp", "x-none", "punycode", "idna", "unicode_escape")
LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"--b", b"--b--", b"", b"Content-Type: text/plain; charset=utf-8", b"Content-Type: message/rfc822",
             b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"Subject: inner",
             b"Content-Type: multipart/alternative; boundary=c", b"--c", b"--c--", b"=C3=A9 a=", b"emVicmE="]
        ),
        st.text(max_size=20).map(str.encode),
        st.binary(max_size=20),
    ),
    max_size=20,
)  # fmt: skip


@given(LINES, st.sampled_from([b"\n", b"\r\n"]), st.integers(1, 80))
def test_any_cut_gives_the_texts_of_the_whole(lines: list[bytes], end: bytes, size: int) -> None:
    message = end.join([b"Content-Type: multipart/mixed; boundary=b", b"", b"--b", *lines])
    assert "".join(body_pieces(lambda: pieces_of(message, size))) == whole(message)


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_charsets_and_encodings_in_pieces(charset: str, encoding: str, size: int) -> None:
    head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n".encode()
    for body in (
        b"Gr=FC=DFe,\n  und  \xfc\xdf \xc3\xa9 mehr =\n",
        b"R3LDvMOfZSBhbGxlcnNlaXRz\nR3LDvMOf",
        b"\xff\xfea\x00",
    ):
        message = head + body
        assert "".join(body_pieces(lambda: pieces_of(message, size))) == whole(message)  # noqa: B023


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape"])
def test_what_is_no_charset_of_mail_is_none(charset: str) -> None:
    """Python's punycode takes minutes for a MiB, and nobody writes letters in it."""
    message = f"Content-Type: text/plain; charset={charset}\n\nab-caf\\u00e9".encode()
    assert "".join(body_pieces(lambda: (message,))) == "\nAB-CAF\\U00E9"


@pytest.mark.parametrize("charset", ["", "; charset=us-ascii", "; charset=utf-8", "; charset=unknown-8bit"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_octets_that_are_no_utf_8_are_latin_1(charset: str, size: int) -> None:
    message = f"Content-Type: text/plain{charset}\n\n".encode() + b"Gr\xfc\xdfe, Gr\xc3\xbc\xc3\x9fe \xc3"
    assert "".join(body_pieces(lambda: pieces_of(message, size))) == "\n" + casemap("Grüße, Grüße Ã")


@given(st.lists(st.text("ab ", max_size=5)), st.text("ab ", max_size=4))
def test_what_is_cut_is_found(pieces: list[str], text: str) -> None:
    assert is_in(text, pieces) == (text in "".join(pieces))


@given(st.lists(st.sampled_from(["A: b", "B: c\n d", " e", "C:", ": =?utf-8?q?=C3=A9?="])), st.integers(1, 30))
def test_header_in_blocks_is_the_whole_header(lines: list[str], octets: int) -> None:
    block = "\n".join(["Subject: x", *lines, ""]).encode()
    assert "".join(map(header_text, in_blocks(block, octets))) == header_text(block)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\n", "ﷺ".encode() * 25 + b"\r\n"),  # eighteen letters each
        (b"Content-Transfer-Encoding: base64\r\n\r\n", b"=" * 76 + b"\r\n"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\n", b"=41" * 25 + b"=\r\n"),
        (b"", b"X-A: b\r\n"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b"--b\r\n\r\n\r\n"),
    ],
)
def test_bombs_take_little_memory(head: bytes, line: bytes) -> None:
    piece = line * (65536 // len(line))
    tracemalloc.start()
    try:
        assert not is_in("NEEDLE", body_pieces(lambda: (head, *[piece] * (MIB // len(piece)))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB
