"""Atoms, strings and numbers, RFC 3501 section 9; mailbox names; words in a charset."""

from __future__ import annotations

import re
import unicodedata

from mailsuite.imap import codes, names, sets
from mailsuite.imap.syntax.cursor import LITERAL, Cursor, ProtocolError
from mailsuite.query import SAVED, STAR, Ranges

# ATOM-CHAR = <any CHAR except atom-specials>
# atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
# ASTRING-CHAR = ATOM-CHAR / resp-specials
ASTRING_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
# list-char = ATOM-CHAR / list-wildcards / resp-specials
LIST_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){"\\]+')
# tag = 1*<any ASTRING-CHAR except "+">
TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]+')
# quoted = DQUOTE *QUOTED-CHAR DQUOTE; 8-bit octets are let through, NUL, CR and LF are not
QUOTED = re.compile(rb'"([^"\\\r\n\x00]*(?:\\["\\][^"\\\r\n\x00]*)*)"')
_ESCAPED = re.compile(rb'\\(["\\])')
# number = 1*DIGIT ; (0 <= n < 4,294,967,296); RFC 9051: number64 = 1*DIGIT ; (0 <= n <= 9,223,372,036,854,775,807)
_DIGITS = re.compile(rb"[0-9]{1,19}")
# nil = "NIL"
_NIL = re.compile(rb"[Nn][Ii][Ll](?=[ )]|\Z)")
# objectid = 1*255(ALPHA / DIGIT / "_" / "-"), RFC 8474 §7
_OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}(?![A-Za-z0-9_-])")
# base64 = *(4base64-char) [base64-terminal]; checked by who decodes it
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]+")


def atom(cursor: Cursor, what: str = "an atom") -> bytes:
    return cursor.take(ATOM, what)


def string(cursor: Cursor, what: str = "a string") -> bytes:
    """string = quoted / literal"""
    found = cursor.match(QUOTED)
    if found is not None:
        body = found.group(1)
        if cursor.dialect.utf8 and not body.isascii():
            _must_be_utf8(body)
        return _ESCAPED.sub(rb"\1", body) if b"\\" in body else body
    return _literal(cursor, what)


def _must_be_utf8(quoted: bytes) -> None:
    """RFC 9755 §3: what is none is BAD.  RFC 9051 §9: QUOTED-CHAR =/ UTF8-2 / UTF8-3 / UTF8-4"""
    try:
        quoted.decode("utf-8")
    except UnicodeDecodeError:
        raise ProtocolError("the quoted string is not in UTF-8") from None


def _literal(cursor: Cursor, what: str) -> bytes:
    """literal = "{" number "}" CRLF *CHAR8 ; CHAR8 is any octet but NUL"""
    found = cursor.match(LITERAL)
    if found is None:
        raise cursor.expected(what)
    start, size = cursor.pos, int(found.group(1))
    octets = cursor.data[start : start + size]
    if len(octets) < size:
        raise cursor.expected(what)
    if b"\x00" in octets:
        raise ProtocolError("a literal must not hold the octet NUL")
    cursor.pos = start + size
    return octets


def astring(cursor: Cursor, what: str = "an astring") -> bytes:
    """astring = 1*ASTRING-CHAR / string"""
    found = cursor.match(ASTRING_ATOM)
    return found.group() if found is not None else string(cursor, what)


def nstring(cursor: Cursor, what: str = "a string or NIL") -> bytes | None:
    """nstring = string / nil"""
    return None if cursor.match(_NIL) else string(cursor, what)


def base64(cursor: Cursor) -> bytes:
    return cursor.take(_BASE64, "base64")


def number(cursor: Cursor, what: str = "a number", largest: int = sets.MAX_NUMBER) -> int:
    value = int(cursor.take(_DIGITS, what))
    if value > largest:
        raise ProtocolError(f"{what} is too large")
    return value


def number64(cursor: Cursor, what: str = "a number") -> int:
    return number(cursor, what, 2**63 - 1)


def modseq(cursor: Cursor) -> int:
    """mod-sequence-value = 1*DIGIT ; (1 <= n <= 9,223,372,036,854,775,807), RFC 7162 §7"""
    value = modseq_or_zero(cursor)
    if value == 0:
        raise ProtocolError("a mod-sequence is at least 1")
    return value


def modseq_or_zero(cursor: Cursor) -> int:
    """mod-sequence-valzer = "0" / mod-sequence-value"""
    return number64(cursor, "a mod-sequence")


def object_id(cursor: Cursor) -> bytes:
    return cursor.take(_OBJECT_ID, "an object id")


def plain_set(cursor: Cursor) -> Ranges:
    """sequence-set ; "*" is not allowed"""
    ranges = sequence_set(cursor)
    if ranges == SAVED or any(high == STAR for _, high in ranges):
        raise ProtocolError("* and $ cannot stand in this set")
    return ranges


def sequence_set(cursor: Cursor) -> Ranges:
    text = cursor.take(sets.SEQUENCE_SET, "a sequence set")
    try:
        return sets.parse(text)
    except ValueError as error:
        raise ProtocolError(str(error)) from None


def name(cursor: Cursor, what: str) -> str:
    """An astring that is a mailbox name or the beginning of one, in Unicode."""
    return _decoded(cursor, astring(cursor, what))


def mailbox(cursor: Cursor) -> str:
    """mailbox = "INBOX" / astring, in Unicode; INBOX in upper case."""
    return names.canonical(name(cursor, "a mailbox name"))


def list_mailbox(cursor: Cursor) -> str:
    """list-mailbox = 1*list-char / string, in Unicode.  It need not be a name: one that cannot be part of any in
    modified UTF-7 fits none (RFC 3501 §6.3.8)."""
    found = cursor.match(LIST_ATOM)
    octets = found.group() if found is not None else string(cursor, "a mailbox pattern")
    if cursor.dialect.utf8:
        return _decoded(cursor, octets)
    try:
        return names.read(octets, False)
    except ValueError:
        return names.NO_NAME


def new_mailbox(cursor: Cursor) -> str:
    """The name that a mailbox is to have.  RFC 9051 §5.1: Net-Unicode, so Normalization Form C (RFC 5198 §2); what is
    no character is refused where mailboxes are made."""
    found = mailbox(cursor)
    if not unicodedata.is_normalized("NFC", found):
        raise ProtocolError("a new name must be in Unicode Normalization Form C", codes.CANNOT, b"NO")
    return found


def _decoded(cursor: Cursor, octets: bytes) -> str:
    utf8 = cursor.dialect.utf8
    try:
        return names.read(octets, utf8)
    except ValueError:
        form = "UTF-8" if utf8 else "modified UTF-7"
        raise ProtocolError(f"the mailbox name is not in {form}", codes.CANNOT, b"NO") from None


def text(octets: bytes) -> str:
    """UTF-8; what is none becomes U+FFFD."""
    return octets.decode("utf-8", "replace")
