"""The values that IMAP answers are made of (RFC 9051 §4), read strictly: what is not well formed fails a test."""

from __future__ import annotations

import re

_ATOM = re.compile(rb"NIL|\d+")
_STRING = re.compile(rb'"(?:[^"\\\r\n\x80-\xff]|\\["\\])*"')
_LITERAL = re.compile(rb"\{(\d+)\}\r\n")


def value_end(data: bytes, at: int = 0) -> int:
    """Behind the value that begins there: NIL, number, string, list.  AssertionError if it is none."""
    if data[at : at + 1] != b"(":
        match = _ATOM.match(data, at)
        return match.end() if match else _string_end(data, at)
    at += 1
    while data[at : at + 1] != b")":
        at = value_end(data, at)
        if data[at : at + 1] == b" ":
            at += 1
    return at + 1


def _string_end(data: bytes, at: int) -> int:
    if match := _STRING.match(data, at):
        return match.end()
    match = _LITERAL.match(data, at)
    assert match is not None, data[at : at + 40]
    return match.end() + int(match[1])
