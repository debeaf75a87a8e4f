"""Whether the text of a message answers a search key (RFC 9051 §6.4.4): decoded, and compared as ``collation`` says.

What is searched is two texts, which an index can keep: ``header_text`` and ``body_text``.  They are made of lines in
the collation's form; what is searched for never goes over the end of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from mailsuite.mime import fuzzy, header
from mailsuite.mime.collation import casemap, searchable, wanted
from mailsuite.mime.dates import parse_date
from mailsuite.mime.encodings import decode, decode_words, to_text
from mailsuite.mime.lines import to_crlf
from mailsuite.mime.structure import Kind, Part, scan
from mailsuite.query import Body, Header, SentDate, Text, When

Key: TypeAlias = Header | Body | Text | SentDate


def header_text(block: bytes) -> str:
    """Of a header block: a line for each field, in order, as ``field_start`` and its value; each line begins with its
    line end."""
    lines = header.unfolded(block)
    if block.isascii() and b"=?" not in block:
        return "".join([_plain(line) for line in b"\n".join(lines).decode("ascii").upper().split("\n") if line])
    return "".join([_line(line) for line in lines if line])


def _line(line: bytes) -> str:
    name, _, value = line.partition(b":")
    return f"\n{casemap(to_text(name.rstrip(), b''))}: {searchable(decode_words(value.strip()))}"


def _plain(line: str) -> str:
    """The same of text that is ASCII and in upper case."""
    name, _, value = line.partition(":")
    return f"\n{name.rstrip()}: {' '.join(value.split())}"


def field_start(name: str) -> str:
    """What the line of such a field begins with."""
    return f"\n{casemap(name)}: "


def body_text(message: bytes) -> str:
    """What BODY looks in: a line for each text part, and the headers of parts and embedded messages."""
    whole = to_crlf(message)
    return "\n".join(_texts(scan(whole), whole))


def _texts(root: Part, message: bytes) -> Iterator[str]:
    parts = [root]
    while parts:
        part = parts.pop()
        if part is not root:
            yield header_text(message[part.start : part.body])
        if part.kind is Kind.LEAF and part.type.main.lower().startswith((b"text/", b"message/")):
            content = decode(message[part.body : part.end], part.fields.get(b"content-transfer-encoding", b""))
            yield searchable(to_text(content, part.type.parameter(b"charset")))
        parts.extend(part.children)


def field_holds(key: Header, fields: str) -> bool:
    """Whether the ``header_text`` of a message answers the key."""
    start, text = field_start(key.field), wanted(key.text)
    at = fields.find(start)
    while at >= 0:
        end = fields.find("\n", at + 1)
        if text in fields[at + len(start) : end if end >= 0 else len(fields)]:
            return True
        at = fields.find(start, end) if end >= 0 else -1
    return False


def field_values(name: str, fields: str) -> str:
    """Those of all fields of that name in a ``header_text``, a line each."""
    start = field_start(name)
    return "\n".join(each.partition("\n")[0] for each in fields.split(start)[1:])


def header_holds(key: Header | SentDate, block: bytes) -> bool:
    """Whether a header block answers a key that needs no more than the header."""
    if isinstance(key, SentDate):
        sent = parse_date(header.first(block, b"date"))
        return sent is not None and day_matches(key.when, sent.day, key.day)
    return field_holds(key, header_text(header.select(block, [key.field.encode("utf-8", "replace")])))


def day_matches(when: When, day: int, asked: int) -> bool:
    """How BEFORE, ON and SINCE compare days."""
    if when is When.BEFORE:
        return day < asked
    return day >= asked if when is When.SINCE else day == asked


class Content:
    """One message, with LF or CRLF line ends, to ask keys of."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._header = message[: header.header_end(message)]
        self._fields: str | None = None
        self._body: str | None = None

    def holds(self, key: Key) -> bool:
        """Whether the message answers the key."""
        if isinstance(key, Header | SentDate):
            return header_holds(key, self._header)
        text = wanted(key.text)
        return (isinstance(key, Text) and text in self.fields()) or text in self.body()

    def score(self, key: Header | Body | Text) -> int:
        """How well the message holds the words of the key: see ``fuzzy``."""
        text = wanted(key.text)
        if isinstance(key, Header):
            return fuzzy.score(field_values(key.field, self.fields()), text)
        fields = fuzzy.score(self.fields(), text) if isinstance(key, Text) else 0
        return max(fields, fuzzy.score(self.body(), text))

    def fields(self) -> str:
        if self._fields is None:
            self._fields = header_text(self._header)
        return self._fields

    def body(self) -> str:
        if self._body is None:
            self._body = body_text(self._message)
        return self._body
