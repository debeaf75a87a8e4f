"""Names and values of annotations, RFC 5464 sections 3.2 and 5."""

from __future__ import annotations

import re

from mailsuite.imap import codes
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import LITERAL, Cursor, ProtocolError

# no "*", "%", control characters (octets up to 0x19) or 8-bit ones, no empty component; at least two of them
_ENTRY = re.compile(r"(?:/[^/*%\x00-\x19\x7f-\U0010ffff]+){2,}")
#: Octets of a name.
_LONGEST = 1000


def entry(cursor: Cursor) -> str:
    """entry = astring, in lower case: names are compared without case.  What is malformed is BAD; NO for what is
    neither private nor shared (section 6), which nothing can be stored under."""
    name = strings.text(strings.astring(cursor, "the name of an entry")).lower()
    if _ENTRY.fullmatch(name) is None or len(name) > _LONGEST:
        raise ProtocolError("not the name of an entry")
    if not name.startswith(("/private/", "/shared/")):
        raise ProtocolError("an entry is below /private or /shared", codes.CANNOT, b"NO")
    return name


def entries(cursor: Cursor) -> tuple[str, ...]:
    """entries = entry / "(" entry *(SP entry) ")", duplicates removed."""
    return several(cursor) if cursor.looking_at(b"(") else (entry(cursor),)


def several(cursor: Cursor) -> tuple[str, ...]:
    """ "(" entry *(SP entry) ")" """
    cursor.need(b"(")
    found = {entry(cursor): None}
    while cursor.skip(b" "):
        found[entry(cursor)] = None
    cursor.need(b")")
    return tuple(found)


def value(cursor: Cursor) -> bytes | None:
    """value = nstring / literal8 ; "~" in front of a literal lets it hold NUL (RFC 3516)"""
    return _literal8(cursor) if cursor.skip(b"~") else strings.nstring(cursor, "a value")


def _literal8(cursor: Cursor) -> bytes:
    found = cursor.match(LITERAL)
    if found is None:
        raise cursor.expected("a literal")
    start, size = cursor.pos, int(found.group(1))
    cursor.pos = start + size
    return cursor.data[start : cursor.pos]
