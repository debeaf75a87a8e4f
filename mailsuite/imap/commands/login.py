"""LOGIN: RFC 3501 section 6.2.3."""

from __future__ import annotations

from mailsuite.imap.events import Login
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> Login:
    """login = "LOGIN" SP userid SP password ; both astring"""
    cursor.space()
    user = strings.astring(cursor, "a user name")
    cursor.space()
    start = cursor.pos
    try:
        password = strings.astring(cursor, "a password")
        cursor.end()
    finally:
        cursor.data = cursor.data[:start]  # an error's text must not show a password
    return Login(tag, strings.text(user), strings.text(password))
