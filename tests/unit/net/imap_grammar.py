"""A strict reader of FETCH responses: RFC 3501 §9 or RFC 9051 §9, with RFC 3516, RFC 7162, RFC 8514, RFC 8970; lets
nothing through."""

from __future__ import annotations

import re
from collections.abc import Callable

_NUMBER = re.compile(rb"0|[1-9][0-9]{0,18}")
_LITERAL = re.compile(rb"\{(0|[1-9][0-9]*)\}\r\n")
_LITERAL8 = re.compile(rb"~\{(0|[1-9][0-9]*)\}\r\n")
# quoted = DQUOTE *QUOTED-CHAR DQUOTE ; QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials
_QUOTED = re.compile(rb'"(?:[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7f]|\\["\\])*"')
_FLAG = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_DATE = re.compile(rb'"(?: \d|\d\d)-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}"')
# section = "[" [section-spec] "]"
_SECTION = re.compile(
    rb"\[(?:(?:[1-9]\d*(?:\.[1-9]\d*)*)(?:\.(?:HEADER(?:\.FIELDS(?:\.NOT)? \([^()]+\))?|TEXT|MIME))?"
    rb"|HEADER(?:\.FIELDS(?:\.NOT)? \([^()]+\))?|TEXT|)\](?:<\d+>)?"
)
_BINARY_SECTION = re.compile(rb"\[(?:[1-9]\d*(?:\.[1-9]\d*)*)?\]")
_ITEM = re.compile(
    rb"FLAGS|INTERNALDATE|SAVEDATE|RFC822\.SIZE|RFC822\.HEADER|RFC822\.TEXT|RFC822|ENVELOPE|BODYSTRUCTURE|BODY|UID|MODSEQ"
    rb"|PREVIEW|BINARY\.SIZE|BINARY"
)
_TAGGED = re.compile(rb"[a-z0-9]+ (?:OK|NO|BAD) [^\r\n]+\r\n")
_FETCH = re.compile(rb"\* [1-9]\d* FETCH \(")


class Malformed(AssertionError):
    """With what was expected and what stands there."""


class Reader:
    """Goes through ``data``; every method takes one thing of the grammar or raises Malformed.  ``rev2``: IMAP4rev2's,
    where message/global is a ``media-message`` too."""

    def __init__(self, data: bytes, rev2: bool = False) -> None:
        self.data = data
        self.messages = (b"rfc822", b"global") if rev2 else (b"rfc822",)
        self.at = 0

    def answer(self) -> list[list[bytes]]:
        """Any number of FETCH responses and one tagged one; the names of the items of each."""
        rows = []
        while _FETCH.match(self.data, self.at):
            rows.append(self._fetch())
        self._take(_TAGGED, "a tagged response")
        if self.at != len(self.data):
            raise self._expected("the end")
        return rows

    def _fetch(self) -> list[bytes]:
        self._take(_FETCH, "a FETCH response")
        names = [self._item()]
        while self._skip(b" "):
            names.append(self._item())
        self._need(b")\r\n")
        return names

    def _item(self) -> bytes:
        start = self.at
        name = self._take(_ITEM, "an item")
        section = name in (b"BODY", b"BINARY", b"BINARY.SIZE") and self.data.startswith(b"[", self.at)
        if section:
            self._take(_SECTION if name != b"BINARY.SIZE" else _BINARY_SECTION, "a section")
        label = self.data[start : self.at]
        self._need(b" ")
        if name == b"BODY" and section:
            self._nstring()
        else:
            _VALUES[name](self)
        return label

    # -- values ------------------------------------------------------------------------------------------------------

    def _flags(self) -> None:
        self._need(b"(")
        if not self._skip(b")"):
            self._take(_FLAG, "a flag")
            while self._skip(b" "):
                self._take(_FLAG, "a flag")
            self._need(b")")

    def _date(self) -> None:
        self._take(_DATE, "a date-time")

    def _number(self) -> None:
        self._take(_NUMBER, "a number")

    def _modseq(self) -> None:
        self._need(b"(")
        self._number()
        self._need(b")")

    def _string(self) -> bytes:
        found = _QUOTED.match(self.data, self.at)
        if found is not None:
            self.at = found.end()
            return found.group()[1:-1]
        octets = self._literal(_LITERAL)
        if b"\0" in octets:
            raise self._expected("a literal without NUL")
        return octets

    def _literal(self, announcement: re.Pattern[bytes]) -> bytes:
        found = announcement.match(self.data, self.at)
        if found is None:
            raise self._expected("a string")
        start, size = found.end(), int(found.group(1))
        self.at = start + size
        if self.at > len(self.data):
            raise self._expected("a whole literal")
        return self.data[start : self.at]

    def _nil(self) -> bool:
        return self._skip(b"NIL")

    def _nstring(self) -> None:
        if not self._nil():
            self._string()

    def _binary(self) -> None:
        if self.data.startswith(b"~", self.at):
            self._literal(_LITERAL8)
        else:
            self._nstring()

    def _preview(self) -> None:
        if not self._nil():
            assert len(self._string().decode("utf-8")) <= 256

    def _envelope(self) -> None:
        self._need(b"(")
        for _ in range(2):
            self._nstring()
            self._need(b" ")
        for _ in range(6):
            self._addresses()
            self._need(b" ")
        self._nstring()
        self._need(b" ")
        self._nstring()
        self._need(b")")

    def _addresses(self) -> None:
        if self._nil():
            return
        self._need(b"(")
        self._address()
        while not self._skip(b")"):
            self._address()

    def _address(self) -> None:
        self._need(b"(")
        for _ in range(3):
            self._nstring()
            self._need(b" ")
        self._nstring()
        self._need(b")")

    # -- BODY and BODYSTRUCTURE --------------------------------------------------------------------------------------

    def _plain_body(self) -> None:
        self._body(extended=False)

    def _structure(self) -> None:
        self._body(extended=True)

    def _body(self, extended: bool) -> None:
        self._need(b"(")
        if self.data.startswith(b"(", self.at):
            while self.data.startswith(b"(", self.at):
                self._body(extended)
            self._need(b" ")
            self._string()
            if extended:
                self._need(b" ")
                self._parameters()
        else:
            self._one_part(extended)
        if extended:
            self._extension()
        self._need(b")")

    def _one_part(self, extended: bool) -> None:
        kind = self._string().lower()
        self._need(b" ")
        subtype = self._string().lower()
        self._need(b" ")
        self._parameters()
        for field in (self._nstring, self._nstring, self._string, self._number):
            self._need(b" ")
            field()
        if kind == b"message" and subtype in self.messages:
            self._need(b" ")
            self._envelope()
            self._need(b" ")
            self._body(extended)
        if kind == b"text" or (kind == b"message" and subtype in self.messages):
            self._need(b" ")
            self._number()
        if extended:
            self._need(b" ")
            self._nstring()

    def _extension(self) -> None:
        self._need(b" ")
        if not self._nil():
            self._need(b"(")
            self._string()
            self._need(b" ")
            self._parameters()
            self._need(b")")
        self._need(b" ")
        if self.data.startswith(b"(", self.at):
            self._list(self._string)
        else:
            self._nstring()
        self._need(b" ")
        self._nstring()

    def _parameters(self) -> None:
        if not self._nil():
            self._list(self._pair)

    def _pair(self) -> None:
        self._string()
        self._need(b" ")
        self._string()

    def _list(self, each: Callable[[], object]) -> None:
        self._need(b"(")
        each()
        while self._skip(b" "):
            each()
        self._need(b")")

    # -- octets ------------------------------------------------------------------------------------------------------

    def _take(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        found = pattern.match(self.data, self.at)
        if found is None:
            raise self._expected(what)
        self.at = found.end()
        return found.group()

    def _skip(self, octets: bytes) -> bool:
        if self.data.startswith(octets, self.at):
            self.at += len(octets)
            return True
        return False

    def _need(self, octets: bytes) -> None:
        if not self._skip(octets):
            raise self._expected(repr(octets))

    def _expected(self, what: str) -> Malformed:
        return Malformed(f"expected {what} at {self.at}: {self.data[max(0, self.at - 40) : self.at + 40]!r}")


_VALUES: dict[bytes, Callable[[Reader], object]] = {
    b"FLAGS": Reader._flags,
    b"INTERNALDATE": Reader._date,
    b"SAVEDATE": Reader._date,
    b"RFC822.SIZE": Reader._number,
    b"RFC822.HEADER": Reader._nstring,
    b"RFC822.TEXT": Reader._nstring,
    b"RFC822": Reader._nstring,
    b"ENVELOPE": Reader._envelope,
    b"BODYSTRUCTURE": Reader._structure,
    b"BODY": Reader._plain_body,
    b"UID": Reader._number,
    b"MODSEQ": Reader._modseq,
    b"PREVIEW": Reader._preview,
    b"BINARY": Reader._binary,
    b"BINARY.SIZE": Reader._number,
}
