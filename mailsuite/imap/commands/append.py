"""APPEND: RFC 3501 section 6.3.11, RFC 3502 (MULTIAPPEND).

The messages themselves never come here: ``offer`` reads what stands in front of each, the core carries the octets.
"""

from __future__ import annotations

import re

import msgspec

from mailsuite.imap.events import AppendEnd
from mailsuite.imap.syntax import dates, flags, strings
from mailsuite.imap.syntax.cursor import LITERAL, Cursor
from mailsuite.model import NO_FLAGS, Flags

# literal = "{" number ["+"] "}" CRLF, of a message: the end of what was read so far
_MESSAGE = re.compile(LITERAL.pattern + rb"\Z")


class Offer(msgspec.Struct, frozen=True):
    """append-message = [SP flag-list] [SP date-time] SP literal, without the literal's octets."""

    flags: Flags
    date: float | None
    size: int


def awaits_mailbox(cursor: Cursor) -> bool:
    """Behind ``APPEND``: whether the literal announced at the end is the mailbox name, not a message."""
    return Cursor(cursor.data, cursor.pos + 1).match(_MESSAGE) is not None


def mailbox(cursor: Cursor) -> str:
    """append = "APPEND" SP mailbox 1*append-message"""
    cursor.space()
    return strings.mailbox(cursor)


def offer(cursor: Cursor) -> Offer:
    """One append-message up to the announcement of its literal, which ends what was read so far."""
    cursor.space()
    wanted: Flags = NO_FLAGS
    if cursor.looking_at(b"("):
        wanted = flags.flag_list(cursor)
        cursor.space()
    date = None
    if cursor.looking_at(b'"'):
        date = dates.moment(cursor)
        cursor.space()
    message = cursor.match(_MESSAGE)
    if message is None:
        raise cursor.expected("a message as a literal")
    return Offer(wanted, date, int(message.group(1)))


def parse(cursor: Cursor, tag: bytes) -> AppendEnd:
    """An APPEND that ended before any message was announced: says what is missing."""
    mailbox(cursor)
    offer(cursor)
    raise cursor.expected("a message as a literal")
