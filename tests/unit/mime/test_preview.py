"""What a list of messages shows of one, RFC 8970 §3.3."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.preview import MAX_CHARACTERS, preview


def message(kind: str, body: str | bytes, *more: str) -> bytes:
    header = "".join(line + "\n" for line in (f"Content-Type: {kind}", *more))
    return header.encode() + b"\n" + (body if isinstance(body, bytes) else body.encode())


HTML = "<html><head><title>no</title></head><style>p {}</style><script>x()</script><!-- no --><p>Tea&nbsp;&amp; <b>cake"
TWO = 'multipart/alternative; boundary="b"'


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"", ""),
        (b"Subject: x\n\nhello\n world\n", "hello world"),
        (b"Subject: x\r\n\r\nhello\r\n\tworld", "hello world"),
        (message("text/plain; charset=iso-8859-1", "caf\u00e9".encode("latin-1")), "caf\u00e9"),
        (message("text/plain; charset=no-such", "a\u00e9"), "a\u00e9"),
        (message("text/plain", base64.b64encode(b"decoded"), "Content-Transfer-Encoding: base64"), "decoded"),
        (message("text/html", HTML), "Tea & cake"),
        (message("text/html", "a<style>never closed"), "a"),
        (message("text/html", "a <b"), "a"),
        (message("text/html", "<p>pre<b>fix</b>ed <i>inv</i>oice</p>"), "prefixed invoice"),
        (message("text/html", "so<!-- no -->up<script>x</script>s"), "soups"),
        (message("text/html", "<h1>a</h1>b<BR/>c<br>d<td class=x>e</td>f<li>g<img src=x>h"), "a b c d e f g h"),
        (message("text/html", "a<param>b<bdi>c</bdi><header-x>d<o:p>e</o:p>"), "abcde"),
        (message("text/plain", "> quoted\nsaid\n> more\n"), "said"),
        (message("text/plain", "> nothing\n> else\n"), "> nothing > else"),
        (message("image/png", "x"), ""),
        (message("application/pkcs7-mime", "x"), ""),
        (message("multipart/encrypted; boundary=b", "--b\n\nVersion: 1\n--b--\n"), ""),
        (message("text/plain", "attached", "Content-Disposition: attachment"), ""),
        (message(TWO, "--b\nContent-Type: text/html\n\n<p>html\n--b\n\nplain\n--b--\n"), "plain"),
        (message("multipart/mixed; boundary=b", "--b\nContent-Type: text/html\n\nhtml\n--b\n\nplain\n--b--\n"), "html"),
        (message("message/rfc822", "Subject: inner\n\nwithin\n"), "within"),
        (message("text/plain", "a\x00b\x1bc\u200bd\u202ee"), "a b c d e"),
    ],
)
def test_shows(octets: bytes, shown: str) -> None:
    assert preview(octets) == shown


def test_is_short() -> None:
    assert preview(message("text/plain", "\u00e9" * 1000)) == "\u00e9" * MAX_CHARACTERS


@given(st.binary(max_size=300), st.sampled_from(["text/plain", "text/html", "text/plain; charset=utf-7", TWO]))
def test_gives_plain_text_whatever_the_octets_are(octets: bytes, kind: str) -> None:
    shown = preview(message(kind, octets))
    assert len(shown) <= MAX_CHARACTERS
    assert shown.isprintable() or not any(ord(each) < 32 for each in shown)
    shown.encode()


@pytest.mark.parametrize("piece", ["<script", "<script>", "<!--", "<", "</", "&", "> ", "<style></styl"])
def test_hostile_html_takes_little_time(piece: str) -> None:
    octets = message("text/html", piece * (300_000 // len(piece)))
    begun = time.perf_counter()
    preview(octets)
    assert time.perf_counter() - begun < 1
