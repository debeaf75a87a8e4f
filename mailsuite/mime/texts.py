"""The texts of a message that BODY looks in (RFC 9051 §6.4.4), piece by piece, whatever the message's size.

A message is read twice: once for its structure, once for its texts.  Each text part, and the header of each part and
embedded message, gives a line in the collation's form that begins with its line end.  Lenient, never raises.  Memory is
some pieces and the longest header field, however much the texts grow when they are decoded.  RFC 2045 §6, RFC 5051.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import msgspec

from mailsuite.mime.collation import casemap
from mailsuite.mime.encodings import as_latin_1, codec, lenience
from mailsuite.mime.entities import References
from mailsuite.mime.header import in_blocks
from mailsuite.mime.header_text import header_text
from mailsuite.mime.lines import to_crlf
from mailsuite.mime.structure import Kind, Part, Scanner
from mailsuite.mime.transfer import Decoder, decoder

#: Gives the octets of one message, LF or CRLF, in pieces of any size and each time anew.
Pieces: TypeAlias = Callable[[], Iterable[bytes]]
#: Octets that are decoded at once: while they are, nothing else of the process runs.
AT_ONCE = 64 * 1024
_ENCODINGS = (b"base64", b"quoted-printable")
_WITHOUT_MARK = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}


def body_pieces(pieces: Pieces) -> Iterator[str]:
    """All of the texts, in the order of the message."""
    scanner = Scanner()
    for piece in pieces():
        scanner.feed(piece)
    wanted = sorted(_spans(scanner.finish()), key=lambda span: span.start)
    yield from _texts(wanted, _in_crlf(pieces()))


def is_in(text: str, pieces: Iterable[str]) -> bool:
    """Whether the text stands in what the pieces are together."""
    tail = ""
    for piece in pieces:
        window = tail + piece
        if text in window:
            return True
        tail = window[1 - len(text) :] if len(text) > 1 else ""
    return not text


class _Span(msgspec.Struct, frozen=True):
    """Octets of the CRLF form that are a header, or the content of a text part."""

    start: int
    end: int
    #: The part whose content this is; without one it is a header.
    part: Part | None = None


def _spans(root: Part) -> Iterator[_Span]:
    parts = [root]
    while parts:
        part = parts.pop()
        if part is not root:
            yield _Span(part.start, part.body)
        if _is_one_text(part):
            yield _Span(part.body, part.end, part)
        else:
            parts.extend(part.children)


def _is_one_text(part: Part) -> bool:
    """Also a message that is encoded as a whole: RFC 2046 §5.2.1 forbids that, RFC 6532 §3.7 does not."""
    if part.kind is Kind.MESSAGE:
        return _encoding(part) in _ENCODINGS
    return part.kind is Kind.LEAF and part.type.main.lower().startswith((b"text/", b"message/"))


def _in_crlf(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The CRLF form, at most ``AT_ONCE`` octets of a piece at once."""
    carry = b""
    for piece in pieces:
        for start in range(0, len(piece), AT_ONCE):
            data = carry + piece[start : start + AT_ONCE]
            carry = b"\r" if data.endswith(b"\r") else b""
            yield to_crlf(data[:-1] if carry else data)
    yield carry


def _texts(spans: list[_Span], pieces: Iterator[bytes]) -> Iterator[str]:
    """The text of each span; none of them overlaps another."""
    position, data = 0, b""
    for span in spans:
        yield "\n"
        text = _Header() if span.part is None else _Content(span.part)
        while position + len(data) <= span.start and (following := next(pieces, None)) is not None:
            position, data = position + len(data), following
        while True:
            yield text.feed(data[max(span.start - position, 0) : max(span.end - position, 0)])
            if position + len(data) >= span.end or (following := next(pieces, None)) is None:
                break
            position, data = position + len(data), following
        yield from text.end()


class _Header:
    """A header block, which is bounded by ``structure.MAX_HEADER``."""

    def __init__(self) -> None:
        self._block: list[bytes] = []

    def feed(self, data: bytes) -> str:
        self._block.append(data)
        return ""

    def end(self) -> Iterator[str]:
        return header_pieces(b"".join(self._block))


def header_pieces(block: bytes) -> Iterator[str]:
    """``header_text`` of a block of any size, some fields at a time."""
    return (header_text(few) for few in in_blocks(block, AT_ONCE))


class _Content:
    """The content of a text part: transfer encoding, charset, collation, white space."""

    def __init__(self, part: Part) -> None:
        self._decoder = _decoder(_encoding(part))
        self._charset = codec(part.type.parameter(b"charset"))
        self._characters = _characters(self._charset)
        self._references = References() if part.type.main.lower() == b"text/html" else None
        self._space = _OneSpace()

    def feed(self, data: bytes) -> str:
        return self._text(self._decoder.feed(data), False)

    def end(self) -> Iterator[str]:
        yield self._text(self._decoder.end(), True)

    def _text(self, data: bytes, last: bool) -> str:
        try:
            text = self._characters.decode(data, last)
        except (UnicodeError, ValueError):  # some codecs do not know "replace", and some want a byte order mark
            data = self._characters.getstate()[0] + data
            self._characters = _characters(_WITHOUT_MARK.get(self._charset, "latin-1"))
            text = self._characters.decode(data, last)
        text = as_latin_1(text)
        if self._references is not None:
            text = self._references.feed(text, last)
        return self._space.feed(casemap(text)) if text else ""


def _encoding(part: Part) -> bytes:
    return part.fields.get(b"content-transfer-encoding", b"").strip().lower()


def _decoder(encoding: bytes) -> Decoder:
    return decoder(encoding if encoding in _ENCODINGS else b"")


def _characters(name: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(name)(lenience(name))


class _OneSpace:
    """Runs of white space as one space, none at the beginning: ``collation.searchable`` of what comes in pieces."""

    def __init__(self) -> None:
        self._begun = self._space = False

    def feed(self, form: str) -> str:
        joined = " ".join(form.split())
        if not joined:
            self._space = self._space or bool(form)
            return ""
        apart = self._begun and (self._space or form[0].isspace())
        self._begun, self._space = True, form[-1].isspace()
        return " " + joined if apart else joined
