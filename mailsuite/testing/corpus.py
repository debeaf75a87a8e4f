"""A deterministic corpus of messages for round trips: the ordinary ones and those that trip careless code.

``messages(count, seed)`` yields whole messages with CRLF line ends and a final line end, all legal for SMTP with
8BITMIME: plain, multipart, attachments, folded and 8-bit headers, lines that begin with dots, "From " lines, empty
bodies, long lines, no header but one.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator

_WORDS = (
    "anchor basket copper dialog ember fabric garnet harbour island jigsaw kettle lantern marble needle orchid "
    "pepper quiver ribbon saddle timber umbrella velvet window yonder zephyr naïve façade Übung пример 例文"
).split()


def _words(rng: random.Random, count: int) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(count))


def _text(rng: random.Random, lines: int) -> bytes:
    return b"".join(_words(rng, rng.randrange(1, 12)).encode() + b"\r\n" for _ in range(lines))


def _header(rng: random.Random, number: int, *extra: bytes) -> bytes:
    subject = _words(rng, rng.randrange(1, 6))
    encoded = b"=?utf-8?B?" + base64.b64encode(subject.encode()) + b"?="
    fields = [
        b"From: Sender %d <sender%d@corpus.test>" % (number, number % 17),
        b"To: receiver@corpus.test,\r\n\tsecond@corpus.test",
        b"Subject: " + (subject.encode() if subject.isascii() else encoded),
        b"Date: Mon, %d Jan 2024 10:%02d:00 +0100" % (1 + number % 28, number % 60),
        b"Message-ID: <%d.%d@corpus.test>" % (number, rng.getrandbits(40)),
        *extra,
    ]
    return b"\r\n".join(fields) + b"\r\n\r\n"


def _plain(rng: random.Random, number: int) -> bytes:
    kind = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit"
    return _header(rng, number, kind) + _text(rng, rng.randrange(1, 200))


def _dots(rng: random.Random, number: int) -> bytes:
    lines = [b".", b"..", b".hidden", b"From nobody", b">From quoted", b"", b" leading", b"trailing ", b"\t."]
    rng.shuffle(lines)
    return _header(rng, number) + b"\r\n".join(lines) + b"\r\n"


def _empty(rng: random.Random, number: int) -> bytes:
    return _header(rng, number)


def _sparse(_rng: random.Random, number: int) -> bytes:
    return b"Subject: %d\r\n\r\nnothing else\r\n" % number


def _long_lines(rng: random.Random, number: int) -> bytes:
    return _header(rng, number) + b"x" * 998 + b"\r\n" + b"." * 900 + b"\r\n"


def _multipart(rng: random.Random, number: int) -> bytes:
    edge = b"edge-%x" % rng.getrandbits(48)
    blob = base64.encodebytes(rng.randbytes(rng.randrange(100, 40_000))).replace(b"\n", b"\r\n")
    head = _header(rng, number, b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="' + edge + b'"')
    parts = [
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + _text(rng, 20),
        b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>" + _text(rng, 20) + b"</p>\r\n",
        b'Content-Type: application/octet-stream; name="a.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n' + blob,
    ]
    return head + b"".join(b"--" + edge + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + edge + b"--\r\n"


_KINDS: tuple[Callable[[random.Random, int], bytes], ...] = (
    _plain,
    _plain,
    _plain,
    _multipart,
    _multipart,
    _dots,
    _long_lines,
    _empty,
    _sparse,
)


def messages(count: int, seed: int = 1) -> Iterator[bytes]:
    """``count`` messages; the same for the same seed on every machine."""
    rng = random.Random(seed)
    for number in range(count):
        yield rng.choice(_KINDS)(rng, number)
