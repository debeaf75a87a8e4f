"""GENURLAUTH: RFC 4467 §7."""

from __future__ import annotations

from mailsuite.imap.events import GenUrlAuth
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError, over_limit

#: URLs in one command.
MOST = 100


def parse(cursor: Cursor, tag: bytes) -> GenUrlAuth:
    """genurlauth = "GENURLAUTH" 1*(SP url-rump SP mechanism)"""
    urls: list[bytes] = []
    while not (cursor.at_end and urls):
        cursor.space()
        urls.append(strings.astring(cursor, "a URL"))
        cursor.space()
        if strings.atom(cursor, "a mechanism").upper() != b"INTERNAL":
            raise ProtocolError("INTERNAL is the only mechanism")
        if len(urls) > MOST:
            raise over_limit(f"at most {MOST} URLs in one command")
    return GenUrlAuth(tag, tuple(urls))
