"""Whether the text of a message answers a search key (RFC 9051 §6.4.4): decoded, and compared as ``collation`` says.

What is searched is two texts, which an index can keep: ``header_text`` and ``body_text``.  They are made of lines in
the collation's form; what is searched for never goes over the end of one.
"""

from __future__ import annotations

from typing import TypeAlias

from mailsuite.mime import fuzzy, header
from mailsuite.mime.collation import wanted
from mailsuite.mime.dates import parse_date
from mailsuite.mime.header_text import field_start, header_text
from mailsuite.mime.texts import Pieces, body_pieces, header_pieces, is_in
from mailsuite.query import Body, Header, SentDate, Text, When

Key: TypeAlias = Header | Body | Text | SentDate


def body_text(message: bytes) -> str:
    """What BODY looks in, of a message at hand: see ``texts``."""
    return "".join(body_pieces(lambda: (message,)))


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
    """One message to ask keys of."""

    def __init__(self, block: bytes, pieces: Pieces) -> None:
        """``block``: its header."""
        self._header = block
        self._pieces = pieces

    def holds(self, key: Key) -> bool:
        """Whether the message answers the key."""
        if isinstance(key, Header | SentDate):
            return header_holds(key, self._header)
        text = wanted(key.text)
        return (isinstance(key, Text) and is_in(text, header_pieces(self._header))) or is_in(
            text, body_pieces(self._pieces)
        )

    def score(self, key: Header | Body | Text) -> int:
        """How well the message holds the words of the key: see ``fuzzy``."""
        text = wanted(key.text)
        if isinstance(key, Header):
            return fuzzy.score(field_values(key.field, header_text(self._header)), text)
        fields = fuzzy.score(header_text(self._header), text) if isinstance(key, Text) else 0
        return max(fields, fuzzy.score("".join(body_pieces(self._pieces)), text))


def content(message: bytes) -> Content:
    """Of a message at hand, with LF or CRLF line ends."""
    return Content(message[: header.header_end(message)], lambda: (message,))
