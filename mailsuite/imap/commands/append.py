"""APPEND: RFC 3501 section 6.3.11; where the messages go.  What follows, ``imap.appending`` reads as it arrives."""

from __future__ import annotations

from mailsuite.imap.events import Command
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import LITERAL, Cursor
from mailsuite.query import Numbers, Uids


class Target(Command, frozen=True):
    """Never leaves the core.  ``replaces``: the message to be removed (REPLACE), None for APPEND."""

    mailbox: str
    replaces: Numbers | Uids | None = None


def parse(cursor: Cursor, tag: bytes) -> Target:
    """append = "APPEND" SP mailbox 1*append-message"""
    cursor.space()
    return Target(tag, strings.mailbox(cursor))


def awaits_name(cursor: Cursor, words_before: int) -> bool:
    """Behind ``APPEND``, or ``REPLACE`` that has a word in between: whether the literal announced at the end is the
    mailbox name, not a message."""
    *words, last = cursor.data[cursor.pos :].split(b" ")
    return len(words) == words_before + 1 and LITERAL.fullmatch(last) is not None
