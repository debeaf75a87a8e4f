"""Flags, RFC 3501 section 9."""

from __future__ import annotations

import re

from mailsuite.imap.syntax.cursor import Cursor, ProtocolError, over_limit
from mailsuite.model import SYSTEM_FLAGS, Flags

# flag = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension
# flag-extension = "\" atom ; flag-keyword = atom
FLAG = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_SYSTEM = {flag.upper(): flag for flag in SYSTEM_FLAGS}
#: Octets of one keyword, and flags in one list (a count).
_LONGEST, _MOST = 128, 100


def flag(cursor: Cursor) -> str:
    """One flag; system flags in the spelling of ``model``.  \\Recent and unknown system flags cannot be set."""
    word = cursor.take(FLAG, "a flag").decode("ascii")
    if not word.startswith("\\"):
        if len(word) > _LONGEST:
            raise over_limit(f"a keyword may have at most {_LONGEST} octets")
        return word
    known = _SYSTEM.get(word.upper())
    if known is None:
        raise ProtocolError(f"{word[:40]} is not a flag that can be set")
    return known


def flag_list(cursor: Cursor) -> Flags:
    """flag-list = "(" [flag *(SP flag)] ")" """
    cursor.need(b"(")
    if cursor.skip(b")"):
        return frozenset()
    flags = _flags(cursor)
    cursor.need(b")")
    return flags


def store_flags(cursor: Cursor) -> Flags:
    """flag-list / (flag *(SP flag))"""
    return flag_list(cursor) if cursor.looking_at(b"(") else _flags(cursor)


def _flags(cursor: Cursor) -> Flags:
    flags = [flag(cursor)]
    while cursor.skip(b" "):
        flags.append(flag(cursor))
    if len(flags) > _MOST:
        raise over_limit(f"at most {_MOST} flags in one command")
    return frozenset(flags)
