"""LOGIN: RFC 3501 section 6.2.3."""

from __future__ import annotations

from mailsuite.imap.events import Login
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError


def parse(cursor: Cursor, tag: bytes) -> Login:
    """login = "LOGIN" SP userid SP password ; both astring"""
    cursor.space()
    user = strings.astring(cursor, "a user name")
    cursor.space()
    try:
        password = strings.astring(cursor, "a password")
        cursor.end()
    except ProtocolError:  # its text would show a piece of the password
        raise ProtocolError("expected a password as an atom or a string, and nothing behind it") from None
    return Login(tag, strings.text(user), strings.text(password))
