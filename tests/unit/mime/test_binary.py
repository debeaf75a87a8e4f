"""mime.binary: a message with binary parts as text, any cut alike, no octet lost."""

from __future__ import annotations

import email
import email.message
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.binary import MAX_DEPTH, MAX_HEADER, TextForm
from mailsuite.mime.seven_bit import Unconvertible

OCTETS = bytes(range(256)) * 3 + b"\r\n--x \r\n.\r\n\0\n\r"


def converted(message: bytes, size: int = 0) -> bytes:
    form = TextForm()
    pieces = [message[at : at + size] for at in range(0, len(message), size)] if size else [message]
    return b"".join([*(form.feed(piece) for piece in pieces), form.end()])


def part(encoding: bytes, content: bytes, kind: bytes = b"application/x", more: bytes = b"") -> bytes:
    return b"Content-Type: %b\r\n%bContent-Transfer-Encoding: %b\r\n\r\n%b" % (kind, more, encoding, content)


def multipart(boundary: bytes, *parts: bytes, kind: bytes = b"multipart/mixed", encoding: bytes = b"binary") -> bytes:
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, one) for one in parts)
    return part(encoding, b"%b--%b--\r\n" % (body, boundary), b'%b; boundary="%b"' % (kind, boundary))


def leaves(message: bytes) -> list[bytes]:
    found = email.message_from_bytes(message, policy=email.policy.default)
    return [one.get_payload(decode=True) for one in found.walk() if not one.is_multipart()]


def test_a_binary_message_becomes_base64_with_every_octet() -> None:
    text = converted(b"Subject: x\r\n" + part(b"BINARY", OCTETS))
    assert leaves(text) == [OCTETS]
    assert text.isascii()
    assert max(map(len, text.split(b"\r\n"))) <= 76
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert text.startswith(b"Subject: x\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n")


def test_only_binary_parts_change() -> None:
    plain = part(b"8bit", b"h\xe9llo\r\n--b-\r\nbye", b"text/plain")
    message = b"MIME-Version: 1.0\r\n" + multipart(
        b"b", plain, part(b"binary", b""), part(b"binary", OCTETS), part(b"7bit", b"x")
    )
    text = converted(message + b"\r\nepilogue\r\n")
    assert b"\r\n--b\r\n" + plain + b"\r\n--b\r\n" in text
    assert text.endswith(b"\r\n\r\nx\r\n--b--\r\n\r\nepilogue\r\n")
    assert leaves(text)[1:3] == [b"", OCTETS]
    assert text.startswith(b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n')
    assert b"Content-Transfer-Encoding: 8bit\r\n\r\n--b\r\n" in text
    assert b"binary" not in text.lower()


def test_what_has_no_binary_part_passes_octet_for_octet() -> None:
    message = multipart(b"b", part(b"7bit", b"x"), b"\r\nno header", b"X: no body", encoding=b"7bit")
    message += b"--c\r\nafter\r\n"
    assert converted(message) == message
    assert converted(b"no header at all\r\n") == b"no header at all\r\n"
    assert converted(b"") == b""


def test_parts_within_parts_and_messages_are_found() -> None:
    inner = multipart(b"b2", part(b"binary", OCTETS), part(b"base64", b"eA=="))
    message = multipart(b"b", part(b"binary", b"Subject: in\r\n" + inner, b"message/rfc822"), part(b"binary", b"end\0"))
    text = converted(message)
    assert leaves(text) == [OCTETS, b"x", b"end\0"]
    assert text.count(b"Content-Transfer-Encoding: 8bit") == 3


def test_a_message_cut_off_in_a_part_keeps_what_is_there() -> None:
    assert leaves(converted(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + part(b"binary", OCTETS)))


@pytest.mark.parametrize(
    "message",
    [
        part(b"8bit", b"a\nb"),
        part(b"8bit", b"a\rb"),
        part(b"7bit", b"a\0b"),
        part(b"7bit", b"a\r"),
        b"A: b\nC: d\r\n\r\n",
        multipart(b"b", part(b"binary", b"x"), kind=b"multipart/signed"),
        multipart(b"b", multipart(b"c", part(b"binary", b"x")), kind=b"multipart/encrypted"),
        b"A: " + b"x" * (MAX_HEADER + 1),
        part(b"7bit", b"", b"message/rfc822") * (MAX_DEPTH + 2),
    ],
)
def test_what_has_no_text_form_is_told(message: bytes) -> None:
    with pytest.raises(Unconvertible):
        converted(message)


@pytest.mark.parametrize(
    ("message", "allowed"),
    [
        (b"Subject: x\n", True),
        (b"Subject: x\n\na\rb\n", True),
        (b"Subject: x\n\n" + b"y\n" * 50_000, True),
        (b"Subject: x\n\na\0b\n", False),
        (part(b"8bit", b"a\0b"), False),
    ],
)
def test_line_ends_are_free_where_they_are_mended_later(message: bytes, allowed: bool) -> None:
    form = TextForm(mends=True)
    try:
        assert form.feed(message) + form.end() == message
    except Unconvertible:
        assert not allowed
    else:
        assert allowed


def test_whether_there_are_octets_above_127_is_told() -> None:
    form = TextForm()
    form.feed(part(b"binary", b"\xff"))
    form.end()
    assert not form.eight_bit
    form = TextForm()
    form.feed(part(b"8bit", b"\xff\r\n"))
    form.end()
    assert form.eight_bit


TOKENS = [
    b"\r\n", b"\r", b"\n", b"--", b"--b", b"--b--", b"--bc", b" ", b"\0", b"text", b"\xff",
    b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: multipart/mixed; boundary=bc\r\n",
    b"Content-Transfer-Encoding: binary\r\n", b"Content-Type: message/rfc822\r\n", b"x" * 60,
]  # fmt: skip


def outcome(message: bytes, size: int) -> bytes | str:
    try:
        return converted(message, size)
    except Unconvertible as error:
        return str(error)


@given(st.lists(st.sampled_from(TOKENS), max_size=40), st.integers(1, 40))
def test_any_cut_gives_the_same(tokens: list[bytes], size: int) -> None:
    message = b"".join(tokens)
    assert outcome(message, size) == outcome(message, 1) == outcome(message, 0)


@given(st.binary(max_size=300), st.integers(1, 100))
def test_every_binary_content_comes_back(content: bytes, size: int) -> None:
    text = converted(multipart(b"=_boundary", part(b"binary", content), part(b"7bit", b"x")), size)
    assert leaves(text) == [content, b"x"]
