"""Content-Type and Content-Disposition values: a word and its parameters (RFC 2045 §5.1, RFC 2183).  Never raises.

Continued parameters (RFC 2231 §3, §4.1) are put together, as RFC 9051 §7.5.2 asks of servers; an extended value stays
in its extended form (``filename*`` with ``utf-8''%e2...``), which is what clients take apart.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import msgspec

from mailsuite.mime.encodings import to_text

Parameters: TypeAlias = tuple[tuple[bytes, bytes], ...]

#: Parameters of one field; more are ignored.
MAX_PARAMETERS = 256

# attribute "*" digits ["*"] "=" ; or attribute "*" "=" (RFC 2231 §7)
_BEYOND_PLAIN = re.compile(rb"\*(?:\d{1,3}\*?)?\s*=")
_PARAMETER = re.compile(rb';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^\s;]*))', re.DOTALL)
_SECTION = re.compile(rb"([^*]+)\*(\d{1,3})(\*?)")
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_OCTET = re.compile(rb"%([0-9A-Fa-f]{2})")
# Pairs are stepped over, lest each escaped parenthesis be taken for the beginning of a comment that goes on to the end.
_COMMENT = re.compile(rb'"(?:[^"\\]|\\.)*"?|\((?:[^()\\]|\\.)*\)|\\.', re.DOTALL)
_TOKEN = re.compile(rb'[^\x00-\x20()<>@,;:\\"/\[\]?=\x7f]+')


class Value(msgspec.Struct, frozen=True):
    """``main`` as it was written, without white space around it; ``parameters`` in order, names as written."""

    main: bytes = b""
    parameters: Parameters = ()

    def parameter(self, name: bytes) -> bytes:
        """The value of the parameter of that lower-case name, or empty."""
        for key, value in self.parameters:
            if key.lower() == name:
                return value
        return b""


def parse_value(field: bytes) -> Value:
    """An unfolded field value."""
    if b"(" in field:
        field = _without_comments(field)
    main, _, _ = field.partition(b";")
    return Value(main.strip(), _parameters(field, len(main)))


def go_beyond_plain(octets: bytes) -> bool:
    """Whether there may be parameters in it that RFC 2231 spelled: continued, or in a charset of their own."""
    return _BEYOND_PLAIN.search(octets) is not None


def as_meant(field: bytes) -> str:
    """Of an unfolded field value the parameters that do not stand in it as a reader sees them: ``filename=grüße.pdf``,
    one behind the other, empty if there are none."""
    return "; ".join(
        f"{to_text(name.rstrip(b'*'), b'')}={_meant(name, value)}"
        for name, value in parse_value(field).parameters
        if name.endswith(b"*") or value not in field
    )


def _meant(name: bytes, value: bytes) -> str:
    """extended-value = [charset] "'" [language] "'" *(ext-octet / attribute-char) ; RFC 2231 §4"""
    charset, quote, rest = value.partition(b"'")
    if not (name.endswith(b"*") and quote):
        return to_text(value, b"")
    octets = rest.partition(b"'")[2]
    return to_text(_OCTET.sub(lambda match: bytes((int(match[1], 16),)), octets), charset)


def is_type(main: bytes) -> bool:
    """Whether it reads ``type/subtype``."""
    kind, slash, subtype = main.partition(b"/")
    return bool(slash and _TOKEN.fullmatch(kind) and _TOKEN.fullmatch(subtype))


def is_token(word: bytes) -> bool:
    """Whether it is an RFC 2045 token."""
    return _TOKEN.fullmatch(word) is not None


def _parameters(field: bytes, start: int) -> Parameters:
    found: list[tuple[bytes, bytes]] = []
    continued = False
    for match in _PARAMETER.finditer(field, start):
        name, quoted, plain = match.groups()
        value = plain if quoted is None else quoted
        if quoted is not None and b"\\" in quoted:
            value = _QUOTED_PAIR.sub(rb"\1", quoted)
        continued = continued or b"*" in name
        found.append((name, value))
        if len(found) == MAX_PARAMETERS:
            break
    return tuple(_joined(found) if continued else found)


def _joined(found: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """RFC 2231 §3: ``name*0``, ``name*1`` ... become ``name``; if a segment is extended, all become ``name*``."""
    plain: list[tuple[bytes, bytes]] = []
    series: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in found:
        section = _SECTION.fullmatch(name)
        if section is None:
            plain.append((name, value))
        else:
            segments = series.setdefault(section[1], {})
            segments.setdefault(int(section[2]), (value, bool(section[3])))
    for name, segments in series.items():
        extended = any(encoded for _, encoded in segments.values())
        parts: list[bytes] = []
        for number in range(len(segments)):
            if number not in segments:  # a gap ends the value
                break
            value, encoded = segments[number]
            parts.append(value if encoded or not extended else _percent(value))
        plain.append((name + b"*" if extended else name, b"".join(parts)))
    return plain


def _percent(value: bytes) -> bytes:
    """A plain segment within an extended value (RFC 2231 §7 attribute-char)."""
    return b"".join([b"%%%02X" % c if not chr(c).isalnum() or c > 126 else bytes((c,)) for c in value])


def _without_comments(field: bytes) -> bytes:
    """Comments become a space, from the innermost out; those in quoted strings stay."""
    for _ in range(8):
        shorter = _COMMENT.sub(lambda m: b" " if m[0].startswith(b"(") else m[0], field)
        if shorter == field:
            break
        field = shorter
    return field
