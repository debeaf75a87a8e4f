"""Makes text of a message with binary parts (BODY=BINARYMIME), piece by piece as it arrives: RFC 3030 §3, RFC 2045 §6.

A mailbox and most servers hold lines only; IMAP and POP3 cannot pass on others.  So every part that says
``Content-Transfer-Encoding: binary`` becomes base64, with all of its octets; the parts around it are called 8bit.
Nothing else is changed.  Not everything has such a form: what is signed or encrypted must stay as it was made (RFC 1847
§2.1), and octets that are no lines must stand in a part that says so.  Bounded: memory is a header block (of at most
``MAX_HEADER``) or a line and the piece at hand; nesting ends at ``MAX_DEPTH``.
"""

from __future__ import annotations

import binascii
import re

import msgspec

from mailsuite.mime.header import first, header_end
from mailsuite.mime.header import split as fields_of
from mailsuite.mime.parameters import parse_value
from mailsuite.mime.seven_bit import Unconvertible
from mailsuite.wire.line_ends import LineEnds

MAX_HEADER = 64 * 1024
MAX_DEPTH = 64
#: Octets that one line of base64 stands for (RFC 2045 §6.8: 76 characters).
_LINE = 57
#: Blanks behind a boundary (RFC 2046 §5.1.1 transport-padding) that are looked for.
_PADDING = 64
_EMBEDDED = (b"message/rfc822", b"message/global")
_SEALED = (b"multipart/signed", b"multipart/encrypted")


class _Level(msgspec.Struct, frozen=True):
    """A multipart that is open; ``plain`` is the type of its parts that name none."""

    boundary: bytes
    plain: bytes
    sealed: bool


class TextForm:
    """The converter of one message.  ``mends``: who gets the text mends bare CR and LF, so they may stand in it."""

    def __init__(self, mends: bool = False) -> None:
        self._mends = mends
        #: Whether there are octets above 127 in what was given.
        self.eight_bit = False
        self._buffer = b""
        #: Octets at the start of the buffer that were given already: the line end before a body.
        self._given = 0
        self._in_header = True
        self._plain = b"text/plain"
        self._depth = 0
        self._levels: list[_Level] = []
        self._encoding = False
        self._octets = b""  # of a part in base64, fewer than a line's
        self._lines = LineEnds()
        self._delimiter: re.Pattern[bytes] | None = None

    def feed(self, data: bytes) -> bytes:
        """The text of as much as can be told.  Raises Unconvertible."""
        self._buffer += data
        given: list[bytes] = []
        while (self._take_header if self._in_header else self._take_body)(given, at_end=False):
            pass
        return self._checked(b"".join(given))

    def end(self) -> bytes:
        """The rest.  Raises Unconvertible."""
        given: list[bytes] = []
        while (self._take_header if self._in_header else self._take_body)(given, at_end=True):
            pass
        text = self._checked(b"".join(given))
        if self._lines.nul or (not self._mends and (self._lines.bare_cr or self._lines.bare_lf)):
            raise Unconvertible("octets that are no lines must stand in a part with Content-Transfer-Encoding: binary")
        return text

    def _checked(self, text: bytes) -> bytes:
        self.eight_bit = self.eight_bit or not text.isascii()
        return text

    # -- headers -----------------------------------------------------------------------------------------------------

    def _take_header(self, given: list[bytes], at_end: bool) -> bool:
        """A header block, if all of it is there; whether to go on."""
        end = header_end(self._buffer)
        whole = self._buffer[:end].endswith((b"\n\r\n", b"\n\n")) or self._buffer[:end] in (b"\r\n", b"\n")
        if self._cut_short(given, end, at_end):
            return True
        if not whole and not at_end:
            if len(self._buffer) > MAX_HEADER:
                raise Unconvertible("a header block is too long")
            return False
        block, rest = self._buffer[:end], self._buffer[end:]
        given.append(self._enter(block))
        self._lines.watch(block)
        self._buffer, self._given = (b"\r\n" + rest, 2) if whole and not self._in_header else (rest, 0)
        if self._depth > MAX_DEPTH:
            raise Unconvertible("parts are nested too deeply")
        return whole

    def _cut_short(self, given: list[bytes], end: int, at_end: bool) -> bool:
        """A part may end without an empty line, and so without a body (RFC 2046 §5.1.1)."""
        if not self._levels:
            return False
        buffer = b"\r\n" + self._buffer
        found = self._find_delimiter(buffer, at_end)
        if found is None or found.start() >= end:
            return False
        block = buffer[2 : found.start()]
        given.append(block)
        self._lines.watch(block)
        self._in_header = self._encoding = False
        self._buffer, self._given = buffer[found.start() :], 0 if found.start() else 2
        return True

    def _enter(self, block: bytes) -> bytes:
        """What the part with this header is; gives the header as it is to stand."""
        declared = first(block, b"content-transfer-encoding").split(b";")[0].strip().lower()
        kind = parse_value(first(block, b"content-type") or self._plain)
        main = kind.main.lower()
        boundary = dict(kind.parameters).get(b"boundary", b"")
        self._in_header, self._encoding = False, False
        if main.startswith(b"multipart/") and boundary:
            sealed = main in _SEALED or any(level.sealed for level in self._levels)
            plain = _EMBEDDED[0] if main == b"multipart/digest" else b"text/plain"
            self._depth += 1
            self._levels.append(_Level(boundary, plain, sealed))
            self._delimiter = None
        elif main in _EMBEDDED and declared in (b"", b"7bit", b"8bit", b"binary"):
            self._depth += 1
            self._in_header, self._plain = True, b"text/plain"
        elif declared == b"binary":
            if any(level.sealed for level in self._levels):
                raise Unconvertible("what is signed or encrypted cannot be converted")
            self._encoding = True
        if declared != b"binary":
            return block
        return _with_encoding(block, b"base64" if self._encoding else b"8bit")

    # -- bodies ------------------------------------------------------------------------------------------------------

    def _take_body(self, given: list[bytes], at_end: bool) -> bool:
        """The body to its end, or as much as surely belongs to it; whether to go on."""
        found = self._find_delimiter(self._buffer, at_end)
        if found is None:
            held = 0 if at_end else self._longest
            self._give(given, max(len(self._buffer) - held, self._given), at_end)
            return False
        if found.start() >= self._given:
            self._give(given, found.start(), True)
        line, self._buffer = self._buffer[self._given : len(found[0])], self._buffer[len(found[0]) :]
        given.append(line)
        self._lines.watch(line)
        self._given = 0
        self._leave(found[1], closing=found[2] is not None)
        if self._in_header:  # the line end behind the boundary
            given.append(self._buffer[:2])
            self._lines.watch(self._buffer[:2])
            self._buffer = self._buffer[2:]
        return True

    @property
    def _longest(self) -> int:
        """Octets that may turn out to be a delimiter."""
        if not self._levels:
            return 0
        return max(len(level.boundary) for level in self._levels) + len("\r\n----\r\n") + _PADDING

    def _find_delimiter(self, buffer: bytes, at_end: bool) -> re.Match[bytes] | None:
        """RFC 2046 §5.1.1: CRLF "--" boundary ["--"] padding CRLF."""
        if not self._levels:
            return None
        if self._delimiter is None:
            longest_first = sorted((level.boundary for level in self._levels), key=lambda name: -len(name))
            names = b"|".join(map(re.escape, longest_first))
            self._delimiter = re.compile(rb"\r\n--(%b)(--)?[ \t]{0,%d}(?=\r\n)" % (names, _PADDING))
        return self._delimiter.search(buffer + b"\r\n" if at_end else buffer)

    def _give(self, given: list[bytes], end: int, whole: bool) -> None:
        """The body's octets to ``end``, where it is over if it is ``whole``."""
        octets = self._buffer[self._given : end]
        if self._encoding:
            given.append(self._base64(octets, whole))
        else:
            given.append(octets)
            self._lines.watch(octets)
        if octets or whole:
            self._buffer, self._given = self._buffer[end:], 0

    def _base64(self, octets: bytes, whole: bool) -> bytes:
        octets = self._octets + octets
        full = len(octets) if whole else len(octets) - len(octets) % _LINE
        self._octets = octets[full:]
        return b"".join(
            binascii.b2a_base64(octets[at : min(at + _LINE, full)], newline=False) + b"\r\n"
            for at in range(0, full, _LINE)
        )

    def _leave(self, boundary: bytes, closing: bool) -> None:
        """A delimiter of one of the open multiparts: those within it have ended."""
        while self._levels[-1].boundary != boundary:
            self._levels.pop()
        self._depth = len(self._levels)
        self._in_header, self._encoding, self._plain = not closing, False, self._levels[-1].plain
        if closing:
            self._levels.pop()
        self._delimiter = None


def _with_encoding(block: bytes, encoding: bytes) -> bytes:
    """The header block with this Content-Transfer-Encoding instead of its own."""
    kept = [field.raw for field in fields_of(block) if field.name.lower() != b"content-transfer-encoding"]
    return b"".join(kept) + b"Content-Transfer-Encoding: %b\r\n\r\n" % encoding
