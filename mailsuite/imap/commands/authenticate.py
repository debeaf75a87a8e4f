"""AUTHENTICATE: RFC 3501 section 6.2.2, RFC 4959 (SASL-IR); the lines that follow are read by the core."""

from __future__ import annotations

from mailsuite.imap.events import AuthenticateBegin
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor


def parse(cursor: Cursor, tag: bytes) -> AuthenticateBegin:
    """authenticate = "AUTHENTICATE" SP auth-type [SP (base64 / "=")]"""
    cursor.space()
    mechanism = strings.atom(cursor, "a mechanism").decode().upper()
    initial = strings.base64(cursor) if cursor.skip(b" ") else b""
    cursor.end()
    return AuthenticateBegin(tag, mechanism, initial)
