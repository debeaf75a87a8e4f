"""SMTP replies, both ways: RFC 5321 §4.2 with the enhanced status codes of RFC 2034 and RFC 3463.

``Reply.encode`` writes one; whatever text it is given (a policy's words, an address somebody sent), no octet of it can
begin a second reply.  ``ReplyParser`` reads them from a server that may send anything in any cut.
"""

from __future__ import annotations

import functools
import re

import msgspec

from mailsuite.model import Status
from mailsuite.wire.lines import LineBuffer, LineFault
from mailsuite.wire.signals import NEED_DATA, Signal

#: Octets of a reply line with its CR LF, RFC 5321 §4.5.3.1.5.
LINE_LIMIT = 512
_TEXT_LIMIT = LINE_LIMIT - len("250-5.999.999 \r\n")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class ProtocolError(Exception):
    """The peer does not speak SMTP; the text says what it did."""


class Reply(msgspec.Struct, frozen=True):
    """A reply code, its enhanced status (None where RFC 2034 §4 has none: the banner, EHLO, 3yz) and its text lines,
    without code and status.  ``utf8``: the client said that it can read more than ASCII (RFC 6531 §3.7.4)."""

    code: int
    status: Status | None
    lines: tuple[str, ...]
    utf8: bool = False

    @property
    def positive(self) -> bool:
        """Done, 2yz."""
        return 200 <= self.code < 300

    @property
    def intermediate(self) -> bool:
        """Go on, 3yz."""
        return 300 <= self.code < 400

    @property
    def text(self) -> str:
        return " ".join(self.lines)

    def __str__(self) -> str:
        status = f" {self.status}" if self.status else ""
        return f"{self.code}{status} {self.text}".rstrip()

    def encode(self) -> bytes:
        """The lines on the wire; the status stands on each of them (RFC 2034 §4)."""
        status = f"{self.status} " if self.status else ""
        lines = self.lines or ("",)
        if len(lines) == 1 and len(lines[0]) <= _TEXT_LIMIT and lines[0].isascii() and lines[0].isprintable():
            return f"{self.code} {status}{lines[0]}\r\n".encode()
        texts = [piece for line in lines for piece in _printable(line, self.utf8)]
        last = len(texts) - 1
        return "".join(
            f"{self.code}{' ' if n == last else '-'}{status}{text}\r\n" for n, text in enumerate(texts)
        ).encode()


def reply(code: int, status: str, *lines: str) -> Reply:
    """``reply(550, "5.1.1", "No such user")``; an empty ``status`` for none."""
    return Reply(code, Status.parse(status) if status else None, lines)


def _printable(line: str, utf8: bool) -> list[str]:
    """A text as pieces that fit a reply line: ASCII, no controls (RFC 5321 §4.2: textstring)."""
    if len(line) <= _TEXT_LIMIT and line.isascii() and line.isprintable():
        return [line]
    text = _CONTROLS.sub(" ", line)
    if utf8 and len(text.encode()) <= _TEXT_LIMIT:
        return [text]
    text = text.encode("ascii", "replace").decode()
    return [text[at : at + _TEXT_LIMIT] for at in range(0, len(text), _TEXT_LIMIT)] or [""]


# Reply-line = Reply-code [ SP textstring ] CRLF, or Reply-code "-" for all but the last.
_REPLY_LINE = re.compile(r"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?: +|$)")


class ReplyParser:
    """Replies of a server, from octets in any cut.  Bounded: a longer line or more lines are a ProtocolError."""

    def __init__(self, line_limit: int = 4096, max_lines: int = 256) -> None:
        self._buffer = LineBuffer(line_limit, lenient=True)
        self._max_lines = max_lines
        self._texts: list[str] = []

    @property
    def buffered(self) -> int:
        """Octets received that are not yet part of a reply given out, complete lines of an unfinished one left out."""
        return len(self._buffer)

    def receive(self, data: bytes) -> None:
        """Add octets."""
        self._buffer.receive(data)

    def next_reply(self) -> Reply | Signal:
        """The next whole reply or NEED_DATA; ProtocolError when the server does not speak SMTP."""
        while not isinstance(line := self._buffer.take_line(), Signal):
            if isinstance(line, LineFault):
                raise ProtocolError(f"a reply line is {line.value}")
            found = _REPLY_LINE.fullmatch(line.decode("utf-8", "replace"))
            if found is None:
                raise ProtocolError(f"not a reply line: {line[:80]!r}")
            self._texts.append(found[3] or "")
            if found[2] != "-":
                return self._finish(int(found[1]))
            if len(self._texts) >= self._max_lines:
                raise ProtocolError(f"a reply of more than {self._max_lines} lines")
        if self._buffer.too_long:  # its end may never come
            raise ProtocolError(f"a reply line is {LineFault.TOO_LONG.value}")
        return NEED_DATA

    def _finish(self, code: int) -> Reply:
        """The reply whose last line, with ``code``, has come (clients go by the last line: RFC 5321 §4.2.1)."""
        texts, self._texts = self._texts, []
        found = _STATUS.match(texts[-1])
        if found is None or int(found[1]) != code // 100:
            return Reply(code, None, tuple(texts))
        status, prefix = _status(found[1], found[2], found[3])
        return Reply(code, status, tuple([_without(text, prefix) for text in texts]))


@functools.lru_cache(256)
def _status(klass: str, subject: str, detail: str) -> tuple[Status, str]:
    """And how it is written.  Remembered: there are few, and one on nearly every line."""
    status = Status(int(klass), int(subject), int(detail))
    return status, str(status)


def _without(text: str, prefix: str) -> str:
    if text == prefix or text.startswith(prefix + " "):
        return text[len(prefix) :].lstrip(" ")
    return text
