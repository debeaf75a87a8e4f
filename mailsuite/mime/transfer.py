"""Takes the Content-Transfer-Encoding off a body, piece by piece: RFC 2045 §6, for FETCH BINARY (RFC 3516).

Any cut of the input gives the same octets as ``encodings.decode`` of the whole.  Lenient like that: what does not
belong into an encoding is passed over.  Memory is the piece at hand and a line.
"""

from __future__ import annotations

import re

from mailsuite.errors import Undecodable
from mailsuite.mime.encodings import from_base64, lines_joined, unescaped
from mailsuite.mime.parameters import parse_value

#: A line of quoted-printable that is longer is taken apart.
MAX_LINE = 64 * 1024

_IDENTITY = frozenset((b"", b"7bit", b"8bit", b"binary"))
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_HALF_AN_ESCAPE = re.compile(rb"=[0-9A-Fa-f]?\Z")


class _AsItIs:
    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""


class _Base64:
    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        ended, equals, run = (self._rest + _NOT_BASE64.sub(b"", data)).rpartition(b"=")
        whole = len(run) - len(run) % 4
        self._rest = run[whole:]
        return from_base64(ended + equals) + from_base64(run[:whole])

    def end(self) -> bytes:
        rest, self._rest = self._rest, b""
        return from_base64(rest)


class _QuotedPrintable:
    """A soft line break may stand within an escape."""

    def __init__(self) -> None:
        self._line = b""
        self._escape = b""

    def feed(self, data: bytes) -> bytes:
        data = self._line + data
        end = data.rfind(b"\n") + 1
        if len(data) - end > MAX_LINE:
            end = len(data.rstrip(b"= \t\r")) or len(data)  # those may be the beginning of a line end
        self._line = data[end:]
        joined = self._escape + lines_joined(data[:end])
        half = _HALF_AN_ESCAPE.search(joined)
        self._escape = half.group() if half else b""
        return unescaped(joined.removesuffix(self._escape))

    def end(self) -> bytes:
        rest, self._line, self._escape = self._escape + lines_joined(self._line), b"", b""
        return unescaped(rest)


Decoder = _AsItIs | _Base64 | _QuotedPrintable


def decoder(encoding: bytes) -> Decoder:
    """For the value of a Content-Transfer-Encoding field, empty where there is none.  Raises Undecodable."""
    word = parse_value(encoding).main.lower() if encoding else b""
    if word in _IDENTITY:
        return _AsItIs()
    if word == b"base64":
        return _Base64()
    if word == b"quoted-printable":
        return _QuotedPrintable()
    raise Undecodable(f"the transfer encoding {word[:40].decode('ascii', 'replace')!r} is not known here")
