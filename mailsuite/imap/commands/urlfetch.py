"""URLFETCH: RFC 4467 §7."""

from __future__ import annotations

from mailsuite.imap.commands.genurlauth import MOST
from mailsuite.imap.events import UrlFetch
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, over_limit


def parse(cursor: Cursor, tag: bytes) -> UrlFetch:
    """urlfetch = "URLFETCH" 1*(SP url-full)"""
    urls: list[bytes] = []
    while not (cursor.at_end and urls):
        cursor.space()
        urls.append(strings.astring(cursor, "a URL"))
        if len(urls) > MOST:
            raise over_limit(f"at most {MOST} URLs in one command")
    return UrlFetch(tag, tuple(urls))
