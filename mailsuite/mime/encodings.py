"""From octets to text: transfer encodings (RFC 2045 §6), charsets, encoded words (RFC 2047).  Lenient, never raises.

No charset and an unknown one are read as UTF-8, and what is none of that as Latin-1, octet by octet: that is what mail
is that says nothing, or something wrong, of its charset.  What other charsets do not decode becomes U+FFFD.
"""

from __future__ import annotations

import binascii
import codecs
import re
from functools import lru_cache

_WORD = re.compile(rb"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(rb"(\?=)\s+(?==\?[^?\s]+\?[bBqQ]\?)")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_ESCAPED = re.compile(rb"=([0-9A-Fa-f]{2})")
_SOFT_BREAK = re.compile(rb"=[ \t]*\r?\n")
#: What ``surrogateescape`` makes of octets that do not decode -> Latin-1.
_OCTETS = {0xDC00 + octet: octet for octet in range(0x80, 0x100)}
_OCTET = re.compile("[\udc80-\udcff]")
_SPACE_AT_END = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")


#: Python's own, which mail does not have: some take time that grows with the square of the text.
_NO_CHARSETS = frozenset(("punycode", "idna", "unicode-escape", "raw-unicode-escape"))


def codec(charset: bytes) -> str:
    """The name of the codec that reads a charset: none, an unknown one and US-ASCII are read as UTF-8."""
    name = _codec(charset.decode("latin-1").lower()) if charset else "utf-8"
    return "utf-8" if name == "ascii" else name


@lru_cache(maxsize=256)
def _codec(charset: str) -> str:
    """The name of a codec that makes text, UTF-8 where there is none."""
    try:
        known = codecs.lookup(charset.strip().strip("\"'"))
        if known.name.replace("_", "-") in _NO_CHARSETS or known.incrementaldecoder is None:
            return "utf-8"
        b"\0\0\0\0".decode(known.name)  # which refuses codecs that make no text
        return known.name
    except (LookupError, ValueError, UnicodeError):
        return "utf-8"


def lenience(codec: str) -> str:
    """What to tell that codec of octets that it does not know; ``as_latin_1`` is for its text then."""
    return "surrogateescape" if codec == "utf-8" else "replace"


def as_latin_1(text: str) -> str:
    """Octets that were no UTF-8, as characters."""
    return text if text.isascii() or _OCTET.search(text) is None else text.translate(_OCTETS)


def to_text(data: bytes, charset: bytes) -> str:
    """Octets of a charset (see ``codec``) as text."""
    name = codec(charset)
    try:
        return as_latin_1(data.decode(name, lenience(name)))
    except (UnicodeError, ValueError):  # some codecs do not know "replace"
        return data.decode("latin-1")


def decode(data: bytes, encoding: bytes) -> bytes:
    """The content behind a Content-Transfer-Encoding; an unknown one is taken as none."""
    word = encoding.strip().lower()
    if word == b"base64":
        return from_base64(data)
    return from_quoted_printable(data) if word == b"quoted-printable" else data


def from_base64(data: bytes) -> bytes:
    """RFC 2045 §6.8: everything outside the alphabet is passed over; padding ends a run of four."""
    runs = [_NOT_BASE64.sub(b"", run) for run in re.split(rb"=+", data)]
    return b"".join([_from_base64_run(run) for run in runs])


def _from_base64_run(run: bytes) -> bytes:
    rest = len(run) % 4
    if rest == 1:  # six bits are no octet
        run = run[:-1]
    elif rest:
        run += b"=" * (4 - rest)
    return binascii.a2b_base64(run)


def from_quoted_printable(data: bytes) -> bytes:
    """RFC 2045 §6.7: what is no escape stays as it is."""
    return unescaped(lines_joined(data)) if b"=" in data else data


def lines_joined(data: bytes) -> bytes:
    """The first half of it: without soft line breaks and blanks at the end of lines."""
    return _SOFT_BREAK.sub(b"", _SPACE_AT_END.sub(b"", data))


def unescaped(data: bytes) -> bytes:
    """The second half: each ``=41`` as its octet."""
    return _ESCAPED.sub(lambda match: bytes((int(match[1], 16),)), data)


def decode_words(value: bytes) -> str:
    """An unfolded header value as text: encoded words decoded wherever they stand, white space between two of them
    taken out (RFC 2047 §6.2), other octets read as UTF-8."""
    if b"=?" not in value:
        return to_text(value, b"")
    joined = _BETWEEN_WORDS.sub(rb"\1", value)
    text: list[str] = []
    at = 0
    pending, charset = b"", b""  # words of one charset are joined first: a character may be split between them
    for match in _WORD.finditer(joined):
        same = match.start() == at and match[1].lower() == charset
        if not same:
            text += (to_text(pending, charset), to_text(joined[at : match.start()], b""))
            pending, charset = b"", match[1].lower()
        pending += _word_content(match[2], match[3])
        at = match.end()
    return "".join([*text, to_text(pending, charset), to_text(joined[at:], b"")])


def _word_content(encoding: bytes, content: bytes) -> bytes:
    if encoding in b"bB":
        return from_base64(content)
    return _ESCAPED.sub(lambda match: bytes((int(match[1], 16),)), content.replace(b"_", b" "))
