"""The Date field, RFC 5322 §3.3 and §4.3: one expression, obsolete zones and two-digit years included."""

from __future__ import annotations

import re
from datetime import date

import msgspec

_DATE = re.compile(
    rb"\s*(?:[A-Za-z]+(?:\s*,)?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*[\s.-]+(\d{2,4})"
    rb"(?:\s+(\d{1,2})\s*[:.]\s*(\d{1,2})(?:\s*[:.]\s*(\d{1,2}))?(?:\s*([+-]\d{4}|[A-Za-z]{1,5}))?)?"
)
_MONTHS = {name: i + 1 for i, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split())}
#: RFC 5322 §4.3, in minutes east of Greenwich; other letters mean nothing.
_ZONES = {
    b"est": -300,
    b"edt": -240,
    b"cst": -360,
    b"cdt": -300,
    b"mst": -420,
    b"mdt": -360,
    b"pst": -480,
    b"pdt": -420,
}
_COMMENT = re.compile(rb"\([^()]*\)")
#: Octets of a value that are looked at.
_LONGEST = 200
_EPOCH = date(1970, 1, 1).toordinal()


class Sent(msgspec.Struct, frozen=True):
    """``day``: the proleptic Gregorian ordinal of the date as written, zone disregarded; ``at``: seconds since the
    epoch."""

    day: int
    at: float


def parse_date(value: bytes) -> Sent | None:
    """An unfolded Date value; None if it is none."""
    value = value[:_LONGEST]
    match = _DATE.match(_COMMENT.sub(b" ", value) if b"(" in value else value)
    if match is None:
        return None
    day, month, year, hour, minute, second, zone = match.groups(b"")
    try:
        ordinal = date(_year(year), _MONTHS[month.lower()], int(day)).toordinal()
    except (KeyError, ValueError):
        return None
    return Sent(ordinal, float((ordinal - _EPOCH) * 86400 + _clock(hour, minute, second) - _offset(zone) * 60))


def _clock(hour: bytes, minute: bytes, second: bytes) -> int:
    """Seconds since midnight; RFC 5256 §2.2: of a time that there is not, 0."""
    h, m, s = int(hour or 0), int(minute or 0), int(second or 0)
    return h * 3600 + m * 60 + s if h < 24 and m < 60 and s <= 60 else 0


def _year(digits: bytes) -> int:
    """RFC 5322 §4.3: two digits below 50 are this century; three count from 1900."""
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + 2000 if len(digits) == 2 and year < 50 else year + 1900


def _offset(zone: bytes) -> int:
    """Minutes east of Greenwich."""
    if zone[:1] in (b"+", b"-"):
        minutes = int(zone[1:3]) * 60 + int(zone[3:5])
        return -minutes if zone[:1] == b"-" else minutes
    return _ZONES.get(zone.lower(), 0)
