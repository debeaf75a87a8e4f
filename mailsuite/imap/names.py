"""Mailbox names on the wire, in modified UTF-7 (RFC 3501 section 5.1.3) or UTF-8 (RFC 9051 section 5.1), to Unicode and
back; LIST patterns."""

from __future__ import annotations

import binascii
import re
from functools import lru_cache

from mailsuite.model import DELIMITER, INBOX

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
# "&" *(modified BASE64) "-": base64 without padding, "," for "/"
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")


def written(name: str, utf8: bool) -> bytes:
    """Unicode -> UTF-8 where the client knows that, else modified UTF-7."""
    return name.encode("utf-8", "replace") if utf8 else encode(name)


def read(octets: bytes, utf8: bool) -> str:
    """The way back; ValueError if it is neither.  ``&`` stands for itself in UTF-8."""
    return octets.decode("utf-8") if utf8 else decode(octets)


@lru_cache(maxsize=1024)
def encode(name: str) -> bytes:
    """Unicode -> modified UTF-7."""
    return _UNPRINTABLE.sub(_shift, name.replace("&", "&-")).encode("ascii")


def _shift(run: re.Match[str]) -> str:
    octets = run.group().encode("utf-16-be", "surrogatepass")
    return "&" + binascii.b2a_base64(octets, newline=False).rstrip(b"=").replace(b"/", b",").decode() + "-"


@lru_cache(maxsize=1024)
def decode(octets: bytes) -> str:
    """Modified UTF-7 -> Unicode; ValueError if it is not in the one form that ``encode`` makes.

    Names with 8-bit octets are read as UTF-8: clients that send them mean that, and nothing else can be meant.
    """
    if not octets.isascii():
        return octets.decode("utf-8")
    text = octets.decode("ascii")
    if "&" not in text:
        return text
    name = _SHIFTED.sub(_unshift, text)
    if encode(name) != octets:
        raise ValueError("the mailbox name is not in modified UTF-7")
    return name


def _unshift(run: re.Match[str]) -> str:
    base64 = run.group(1).replace(",", "/")
    if not base64:
        return "&"
    octets = binascii.a2b_base64(base64 + "=" * (-len(base64) % 4))
    return octets.decode("utf-16-be")


def canonical(name: str) -> str:
    """INBOX is the same in any case (RFC 3501 section 5.1), as the first level too (RFC 9051 section 5.1)."""
    head, delimiter, rest = name.partition(DELIMITER)
    return INBOX + delimiter + rest if head.upper() == INBOX else name


#: A pattern that fits no name: none has a control character.
NO_NAME = "\0"


@lru_cache(maxsize=256)
def pattern(text: str) -> re.Pattern[str]:
    """A LIST pattern as a regex for ``fullmatch``: ``*`` is anything, ``%`` anything within one level (RFC 3501
    section 6.3.8).  Matching takes at most the square of the name's length: in front of the last ``*`` and the last
    ``%`` the nearest place where a piece fits is as good as any later one, so those choices are never tried again
    (atomic groups)."""
    pieces = re.split(r"([*%]+)", text)
    chunks: list[list[str]] = [[re.escape(pieces[0])]]
    for wild, fixed in zip(pieces[1::2], pieces[2::2], strict=True):
        if "*" in wild:
            chunks.append([".*?" + re.escape(fixed)])
        else:
            chunks[-1].append(f"[^{DELIMITER}]*?" + re.escape(fixed))
    *early, last = chunks
    return re.compile("".join(f"(?>{_chain(chunk)})" for chunk in early) + _chain(last), re.DOTALL)


def _chain(chunk: list[str]) -> str:
    first, *rest = chunk
    if not rest:
        return first
    return first + "".join(f"(?>{piece})" for piece in rest[:-1]) + rest[-1]
