"""Original recipients as they are kept, ``type;address`` without xtext: RFC 3461 §4.2, RFC 6533 §3."""

from __future__ import annotations

import re

# Octets of RFC 5321 §4.5.3.1; quoted local parts, which have anything in them, are no loss here.
_ADDRESS = re.compile(r"[^\s@<>()\"\\:/]{1,64}@[^\s@<>()\"\\:/]{1,255}")
_UNITEXT = re.compile(r"\\x\{([0-9A-F]{2,6})\}")


def is_utf8(original: str) -> bool:
    """Whether its address is written in utf-8-addr-unitext."""
    return original.partition(";")[0].lower() == "utf-8"


def plain(original: str) -> str:
    """The address as a person writes it, for either type of mail address; empty for any other type."""
    kind, _, address = original.partition(";")
    if is_utf8(original):
        return _UNITEXT.sub(_character, address)
    return address if kind.lower() == "rfc822" else ""


def looks_like_one(text: str) -> bool:
    """Whether it can be shown to people as an address: in ORCPT stands whatever some client wants to be read."""
    return _ADDRESS.fullmatch(text) is not None


def unitext(text: str) -> str:
    """utf-8-addr-xtext: ASCII for any address."""
    return "".join(c if "!" <= c <= "~" and c not in "\\+=" else f"\\x{{{ord(c):02X}}}" for c in text)


def _character(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else found[0]
