"""ID: RFC 2971."""

from __future__ import annotations

import re

from mailsuite.imap.events import Id
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError

_NIL = re.compile(rb"NIL\Z", re.IGNORECASE)
#: RFC 2971 section 3.3: fields, octets of a field name, octets of a value.
_MOST, _LONGEST_NAME, _LONGEST_VALUE = 30, 30, 1024


def parse(cursor: Cursor, tag: bytes) -> Id:
    """id = "ID" SP id-params-list ; id-params-list = "(" *(string SP nstring) ")" / nil"""
    cursor.space()
    fields: list[tuple[str, str]] = []
    if not cursor.match(_NIL):
        cursor.need(b"(")
        while not cursor.skip(b")"):
            if fields or cursor.data[cursor.pos - 1 : cursor.pos] != b"(":
                cursor.space()
            fields.append(_field(cursor))
            if len(fields) > _MOST:
                raise ProtocolError(f"at most {_MOST} fields")
    cursor.end()
    return Id(tag, tuple(field for field in fields if field[1]))


def _field(cursor: Cursor) -> tuple[str, str]:
    name = strings.string(cursor, "a field name")
    cursor.space()
    value = strings.nstring(cursor) or b""
    if len(name) > _LONGEST_NAME or len(value) > _LONGEST_VALUE:
        raise ProtocolError("a field is too long")
    return strings.text(name), strings.text(value)
