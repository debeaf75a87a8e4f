"""8-bit messages in 7-bit form: what comes out is ASCII, and says the same to the standard library's parser."""

from __future__ import annotations

import contextlib
import email
import email.policy
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.seven_bit import Unconvertible, to_seven_bit

TOP = b"MIME-Version: 1.0\r\nSubject: x\r\n"


def mixed(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    body = b"".join(b"--=b\r\n%b\r\n" % part for part in parts)
    return (
        TOP
        + b'Content-Type: multipart/%b; boundary="=b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n' % kind
        + (b"preamble\r\n" + body + b"--=b--\r\nepilogue\r\n")
    )


def text(words: str, encoding: str = "8bit") -> bytes:
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return (head + words).encode()


def parsed(message: bytes) -> EmailMessage:
    assert message.isascii()
    assert b"\n" not in message.replace(b"\r\n", b"")
    assert max(map(len, message.split(b"\r\n"))) < 999
    return cast(EmailMessage, email.message_from_bytes(message, policy=email.policy.default))


def leaves(message: bytes) -> list[bytes]:
    return [cast(bytes, part.get_payload(decode=True)) for part in parsed(message).walk() if not part.is_multipart()]


def test_7_bit_stays_as_it_is() -> None:
    message = TOP + b"\r\n.hello=\r\n"
    assert to_seven_bit(message) is message


def test_text_becomes_quoted_printable() -> None:
    converted = to_seven_bit(TOP + text("Grüße =\r\n.\r\nend \r\n"))
    assert parsed(converted)["Content-Transfer-Encoding"] == "quoted-printable"
    assert leaves(converted) == ["Grüße =\r\n.\r\nend \r\n".encode()]
    assert converted.count(b"Content-Transfer-Encoding") == 1


def test_a_message_without_mime_gets_a_version() -> None:
    """RFC 2045 §4."""
    converted = to_seven_bit("Subject: x\r\n\r\ngrün\r\n".encode())
    assert parsed(converted)["MIME-Version"] == "1.0"
    assert leaves(converted) == ["grün\r\n".encode()]


def test_only_the_parts_that_need_it_are_converted() -> None:
    plain, picture = (
        text("plain\r\n", "7bit"),
        b"Content-Type: image/png\r\n\r\n\xff\xd8\x00" + bytes(range(1, 256)) * 9,
    )
    message = mixed(
        plain, text("grün"), picture.replace(b"\r", b"").replace(b"\n", b"").replace(b"png", b"png\r\n\r\n")
    )
    converted = to_seven_bit(message)
    assert plain in converted
    first, second, third = leaves(converted)
    assert (first, second) == (b"plain\r\n", "grün".encode())
    assert third.startswith(b"\xff\xd8\x00")
    encodings = [part["Content-Transfer-Encoding"] for part in parsed(converted).walk()]
    assert encodings == ["7bit", "7bit", "quoted-printable", "base64"]
    assert b"preamble\r\n" in converted
    assert converted.endswith(b"epilogue\r\n")


def test_an_embedded_message_is_converted_inside() -> None:
    """RFC 2046 §5.2.1: message/rfc822 itself is never encoded."""
    inner = b"Content-Type: message/rfc822\r\n\r\n" + TOP + text("grün\r\n")
    converted = to_seven_bit(mixed(inner))
    assert leaves(converted) == ["grün\r\n".encode()]


def test_what_is_international_is_encoded_whole() -> None:
    """RFC 6532 §3.7, RFC 6533 §4.4."""
    inner = "Content-Type: message/global-headers\r\n\r\nSubject: grün\r\n".encode()
    converted = to_seven_bit(mixed(inner, kind=b"report"))
    assert b"Content-Transfer-Encoding: quoted-printable\r\n\r\nSubject: gr=C3=BCn\r\n" in converted


@pytest.mark.parametrize(
    "message",
    [
        "Subject: grün\r\n\r\nx\r\n".encode(),
        mixed(text("grün"), kind=b"signed"),
        mixed(text("grün"), kind=b"encrypted"),
        mixed("X-Y: ü\r\n\r\nx".encode()),
        mixed(text("x")).replace(b"preamble", "prä".encode()),
        mixed(text("x")).replace(b"epilogue", "ü".encode()),
        mixed("Content-Type: message/rfc822\r\n\r\nSubject: grün\r\n\r\nx\r\n".encode()),
    ],
)
def test_what_has_no_7_bit_form_says_so(message: bytes) -> None:
    with pytest.raises(Unconvertible):
        to_seven_bit(message)


pieces = st.sampled_from(
    [b"--=b\r\n", b"--=b--\r\n", b"\r\n", b"Content-Type: text/plain\r\n", b"\xc3\xbc", b"x", b"=", b"."]
)


@given(st.lists(pieces, max_size=30), st.sampled_from([b"", TOP, mixed()]))
def test_whatever_comes_the_result_is_7_bit_or_there_is_none(rest: list[bytes], start: bytes) -> None:
    with contextlib.suppress(Unconvertible):
        assert to_seven_bit(start + b"".join(rest)).isascii()
