"""SUBSCRIBE and UNSUBSCRIBE: RFC 3501 sections 6.3.6 and 6.3.7."""

from __future__ import annotations

from mailsuite.imap.events import Subscribe
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Subscribe:
    """subscribe = "SUBSCRIBE" SP mailbox"""
    return _parse(cursor, tag, wanted=True)


def parse_unsubscribe(cursor: Cursor, tag: bytes) -> Subscribe:
    """unsubscribe = "UNSUBSCRIBE" SP mailbox"""
    return _parse(cursor, tag, wanted=False)


def _parse(cursor: Cursor, tag: bytes, wanted: bool) -> Subscribe:
    cursor.space()
    mailbox = strings.mailbox(cursor)
    cursor.end()
    return Subscribe(tag, mailbox, wanted)
