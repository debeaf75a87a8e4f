"""Whether the text of a message answers a search key (RFC 9051 §6.4.4): decoded, without case.

``Content`` looks at a message only as far as the keys asked of it need, and keeps what it decoded for the next key.
Text is compared in Unicode case-folded form, line ends and runs of white space as one space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from mailsuite.mime import header
from mailsuite.mime.dates import parse_date
from mailsuite.mime.encodings import decode, decode_words, to_text
from mailsuite.mime.lines import to_crlf
from mailsuite.mime.structure import Kind, Part, scan
from mailsuite.query import Body, Header, SentDate, Text, When

Key: TypeAlias = Header | Body | Text | SentDate

_WHITE = re.compile(r"\s+")


def fold(text: str) -> str:
    """The form in which texts are compared."""
    return " ".join(text.casefold().split())


def header_holds(key: Header | SentDate, block: bytes) -> bool:
    """Whether a header block answers a key that needs no more than the header."""
    if isinstance(key, SentDate):
        sent = parse_date(header.first(block, b"date"))
        return sent is not None and day_matches(key.when, sent.day, key.day)
    values = header.all_values(block, key.field.encode("utf-8", "replace"))
    wanted = _wanted(key.text)
    return any(wanted in fold(decode_words(value)) for value in values)


def day_matches(when: When, day: int, wanted: int) -> bool:
    """How BEFORE, ON and SINCE compare days."""
    if when is When.BEFORE:
        return day < wanted
    return day >= wanted if when is When.SINCE else day == wanted


class Content:
    """One message, with LF or CRLF line ends, to ask keys of."""

    def __init__(self, message: bytes) -> None:
        self._message = to_crlf(message)
        self._header = self._message[: header.header_end(self._message)]
        self._header_text: str | None = None
        self._body_texts: list[str] | None = None

    def holds(self, key: Key) -> bool:
        """Whether the message answers the key."""
        if isinstance(key, Header | SentDate):
            return header_holds(key, self._header)
        wanted = _wanted(key.text)
        if isinstance(key, Text) and wanted in self.header_text():
            return True
        return any(wanted in text for text in self.body_texts())

    def header_text(self) -> str:
        """The header, decoded and folded."""
        if self._header_text is None:
            self._header_text = fold(_header_text(self._header))
        return self._header_text

    def body_texts(self) -> list[str]:
        """What BODY looks in, decoded and folded: each text part, and the headers of parts and embedded messages."""
        if self._body_texts is None:
            self._body_texts = [fold(text) for text in _texts(scan(self._message), self._message)]
        return self._body_texts


def _wanted(text: str) -> str:
    return _WHITE.sub(" ", text.casefold())


def _header_text(block: bytes) -> str:
    fields = header.split(block)
    return "\n".join([f"{to_text(field.name, b'')}: {decode_words(field.value)}" for field in fields])


def _texts(root: Part, message: bytes) -> Iterator[str]:
    parts = [root]
    while parts:
        part = parts.pop()
        if part is not root:
            yield _header_text(message[part.start : part.body])
        if part.kind is Kind.LEAF and part.type.main.lower().startswith((b"text/", b"message/")):
            content = decode(message[part.body : part.end], part.fields.get(b"content-transfer-encoding", b""))
            yield to_text(content, part.type.parameter(b"charset"))
        parts.extend(part.children)
