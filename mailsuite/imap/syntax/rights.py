"""Identifiers and rights of access lists, RFC 4314 sections 2 and 6."""

from __future__ import annotations

import re

from mailsuite.access import ANYONE, RIGHTS, VIRTUAL, ordered
from mailsuite.imap import codes
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.model import FlagOp

_MODIFICATION = re.compile(r"([+-]?)([a-z0-9]*)")
_KNOWN = set(RIGHTS) | VIRTUAL.keys()
_OPS = {"": FlagOp.REPLACE, "+": FlagOp.ADD, "-": FlagOp.REMOVE}
# an account, or "anyone"; behind "-" what it must not do
_IDENTIFIER = re.compile(r"-?(?:[^\s\x00-\x1f/-][^\s\x00-\x1f/]*@[^\s\x00-\x1f/@]+|anyone)")
#: Octets of an identifier.
_LONGEST = 500


def identifier(cursor: Cursor) -> str:
    """identifier = astring ; UTF-8.  NO for what is neither an account's full name nor ``anyone``."""
    found = strings.text(strings.astring(cursor, "an identifier")).lower()
    if len(found) > _LONGEST or _IDENTIFIER.fullmatch(found) is None:
        raise ProtocolError(f"an identifier is user@domain or {ANYONE}", codes.CANNOT, b"NO")
    return found


def modification(cursor: Cursor) -> tuple[FlagOp, str]:
    """mod-rights = astring ; "+" to add, "-" to remove; what is no right is BAD (section 3.1)"""
    text = strings.text(strings.astring(cursor, "rights"))
    found = _MODIFICATION.fullmatch(text)
    if found is None or not set(found.group(2)) <= _KNOWN:
        raise ProtocolError(f"rights are letters of {RIGHTS}")
    return _OPS[found.group(1)], ordered(found.group(2))
