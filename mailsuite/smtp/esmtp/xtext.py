"""xtext, RFC 3461 §4: printable ASCII in which ``+``, ``=`` and whatever else stand as ``+`` and two hex digits."""

from __future__ import annotations

import re

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEX = re.compile(r"\+([0-9A-F]{2})")


def is_xtext(text: str) -> bool:
    return _XTEXT.fullmatch(text) is not None


def decode_xtext(text: str) -> str:
    """What it stands for; ValueError if it is no xtext, or stands for anything but printable ASCII and white space
    (RFC 3461 §4.2 and §4.4)."""
    if not is_xtext(text):
        raise ValueError("not xtext")
    decoded = _HEX.sub(lambda found: chr(int(found[1], 16)), text)
    if not all(" " <= character <= "~" or character == "\t" for character in decoded):
        raise ValueError("not printable")
    return decoded


_UNSAFE = re.compile(r"[^!-*,-<>-~]")


def encode_xtext(text: str) -> str:
    """ASCII as xtext."""
    return _UNSAFE.sub(lambda found: f"+{ord(found[0]):02X}", text)
