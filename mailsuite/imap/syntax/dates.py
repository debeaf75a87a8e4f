"""Dates, RFC 3501 section 9: days as ordinals, moments as epoch seconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from mailsuite.imap.syntax.cursor import Cursor, ProtocolError

_MONTHS = {
    month: index
    for index, month in enumerate(
        (b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC"), 1
    )
}
# date = date-text / DQUOTE date-text DQUOTE
# date-text = date-day "-" date-month "-" date-year ; date-day = 1*2DIGIT, date-year = 4DIGIT
_DATE = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\1')
# date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
# date-day-fixed = (SP DIGIT) / 2DIGIT ; one digit alone is let through
# time = 2DIGIT ":" 2DIGIT ":" 2DIGIT ; zone = ("+" / "-") 4DIGIT
_DATE_TIME = re.compile(
    rb'" ?([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"'
)


def day(cursor: Cursor) -> int:
    """A date as its proleptic Gregorian ordinal."""
    found = cursor.match(_DATE)
    if found is None:
        raise cursor.expected("a date like 1-Feb-2026")
    number, month, year = found.group(2, 3, 4)
    try:
        return date(int(year), _MONTHS[month.upper()], int(number)).toordinal()
    except (KeyError, ValueError):
        raise ProtocolError("there is no such date") from None


def moment(cursor: Cursor) -> float:
    """A date-time as epoch seconds; a leap second counts as the one before it."""
    found = cursor.match(_DATE_TIME)
    if found is None:
        raise cursor.expected('a date-time like " 1-Feb-2026 10:00:00 +0000"')
    number, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    zone = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    try:
        local = datetime(
            int(year), _MONTHS[month.upper()], int(number), int(hour), int(minute), min(int(second), 59), tzinfo=UTC
        )
        return (local - zone if sign == b"+" else local + zone).timestamp()
    except (KeyError, ValueError, OverflowError):
        raise ProtocolError("there is no such date and time") from None
