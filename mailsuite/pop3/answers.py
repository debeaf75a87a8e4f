"""What waits to be sent: status lines in the session's language, multi-line answers, long ones a piece at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailsuite.pop3.languages import Language
from mailsuite.pop3.texts import Text
from mailsuite.wire.dots import Stuffer

#: RFC 1939 §3: what ends a multi-line answer.
_END = b".\r\n"
_DOTTED = re.compile(rb"\n\.")
_LF = 0x0A
#: Dots of a message that are looked at one by one.
_FEW_DOTS = 64


class Answers:
    """The answers of one session.  ``language`` may be changed at any time."""

    def __init__(self) -> None:
        self.language = Language.ENGLISH
        self.listing = False
        self._pieces: Iterator[bytes] = iter(())
        self._stuffer = Stuffer()
        self._out: list[bytes] = []

    def take(self) -> bytes:
        """Everything there is to send."""
        if not self._out:
            return b""
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return data

    def ok(self, text: Text, **values: object) -> None:
        self._out.append(f"+OK {self.language.say(text, **values)}\r\n".encode())

    def raw_ok(self, rest: str) -> None:
        """+OK and what programs read."""
        self._out.append(f"+OK {rest}\r\n".encode())

    def err(self, text: Text, code: str = "", **values: object) -> None:
        """``code`` is a response code of RFC 2449 §8, or empty."""
        self._out.append(f"-ERR {f'[{code}] ' if code else ''}{self.language.say(text, **values)}\r\n".encode())

    def challenge(self, line: bytes) -> None:
        self._out.append(b"+ " + line + b"\r\n")

    def lines(self, lines: list[str]) -> None:
        """The rest of a short multi-line answer; no line begins with a dot."""
        self._out.append("\r\n".join((*lines, ".", "")).encode())

    # -- listings ------------------------------------------------------------------------------------------------

    def begin_listing(self, pieces: Iterator[bytes]) -> None:
        """The rest of a long multi-line answer: ``listing`` is true until ``list_on`` has given the last piece."""
        self._pieces, self.listing = pieces, True

    def list_on(self) -> None:
        """The next piece, or the end."""
        piece = next(self._pieces, _END)
        self.listing = piece is not _END
        self._out.append(piece)

    # -- messages ------------------------------------------------------------------------------------------------

    def message(self, data: bytes) -> None:
        """A whole message, CRLF, with its dots doubled."""
        text = self.language.say(Text.OCTETS, octets=len(data)).encode()
        if _has_dotted_lines(data):
            data = (b"\n" + data).replace(b"\n.", b"\n..")[1:]
        end = _END if data[-2:] == b"\r\n" or not data else b"\r\n.\r\n"
        self._out.append(b"+OK %b\r\n%b%b" % (text, data, end))

    def begin_message(self) -> None:
        """One that comes in parts; its status line was said."""
        self._stuffer = Stuffer()

    def part(self, data: bytes) -> None:
        self._out.append(self._stuffer.feed(data))

    def end_message(self) -> None:
        self._out.append(self._stuffer.finish())


def _has_dotted_lines(data: bytes) -> bool:
    """Whether a line begins with a dot.  Most mail has few dots: to go from one to the next takes less than half the
    time of ``re``, and that a third of the time of ``in``."""
    at = data.find(b".")
    for _ in range(_FEW_DOTS):
        if at < 0:
            return False
        if at == 0 or data[at - 1] == _LF:
            return True
        at = data.find(b".", at + 1)
    return at >= 0 and _DOTTED.search(data, at - 1) is not None
