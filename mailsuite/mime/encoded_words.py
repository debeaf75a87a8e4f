"""Text as encoded words (RFC 2047): what a header says beyond ASCII, in ASCII.  The way back is ``mime.encodings``."""

from __future__ import annotations

import binascii
import re

from mailsuite.mime.encodings import decode_words

#: RFC 2047 §2: characters of a line with encoded words in it, and of what frames one.
_LINE, _FRAME = 76, len("=?UTF-8?B??=")
_CONTROLS = re.compile("[\x00-\x1f\x7f]+")
_ATOMS = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_SPECIAL = re.compile(rb'(["\\])')


def encode_words(text: str, column: int = 1) -> bytes:
    """All of the text, one word a line, folded with CRLF.  ``column``: characters that stand before the first one."""
    words: list[bytes] = []
    octets, room = b"", _room(column)
    for character in _CONTROLS.sub(" ", text).strip():
        encoded = character.encode("utf-8", "replace")
        if len(octets) + len(encoded) > room:
            words.append(octets)
            octets, room = b"", _room(1)
        octets += encoded
    words.append(octets)
    return b"\r\n ".join(_word(word) for word in words if word)


def _room(column: int) -> int:
    """Octets that fit into a word there; a character at least."""
    return max((_LINE - column - _FRAME) // 4 * 3, 4)


def _word(octets: bytes) -> bytes:
    return b"=?UTF-8?B?" + binascii.b2a_base64(octets, newline=False) + b"?="


def phrase(octets: bytes) -> bytes:
    """A display name or keyword (RFC 5322 §3.2.5) in ASCII: as it is, quoted, or as encoded words."""
    if octets.isascii():
        return octets if _ATOMS.fullmatch(octets) or not octets else b'"' + _SPECIAL.sub(rb"\\\1", octets) + b'"'
    return encode_words(decode_words(octets))
