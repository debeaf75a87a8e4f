"""FUTURERELEASE: mail that is to leave later, RFC 4865.  For submission only (§3); the listener bounds the wait."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from mailsuite.smtp.esmtp.extension import Extension, Parameter, ParameterError, Session

# §4: future-release-integer = 1*9DIGIT, not 0
_SECONDS = re.compile(r"[0-9]{1,9}")
# RFC 3339 §5.6 date-time (erratum 2040)
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})",
    re.IGNORECASE | re.ASCII,
)


def parse_hold_for(value: str) -> int:
    """Seconds."""
    if not _SECONDS.fullmatch(value) or not int(value):
        raise ParameterError("HOLDFOR= needs a number of seconds")
    return int(value)


def parse_hold_until(value: str) -> float:
    """Seconds since the epoch."""
    if not _DATE_TIME.fullmatch(value):
        raise ParameterError("HOLDUNTIL= needs a date and time as in 2030-12-31T23:59:59Z")
    try:
        return datetime.fromisoformat(value.upper()).timestamp()
    except (ValueError, OverflowError):
        raise ParameterError("HOLDUNTIL= is no date and time") from None


def _from_now(seconds: int, session: Session, now: float) -> float:
    return _bounded(now + seconds, session, now)


def _bounded(release: float, session: Session, now: float) -> float:
    """One that has passed already leaves at once."""
    if release > now + session.options.hold_limit:
        raise ParameterError(f"Mail is held back for {session.options.hold_limit} seconds at most")
    return max(release, now)


def _offered(session: Session) -> bool:
    return session.options.submission and session.options.hold_limit > 0


def _told(session: Session, now: float) -> str:
    """§4: max-future-release-interval, max-future-release-date-time."""
    latest = datetime.fromtimestamp(int(now + session.options.hold_limit), UTC)
    return f"{session.options.hold_limit} {latest:%Y-%m-%dT%H:%M:%SZ}"


FUTURERELEASE = Extension(
    "FUTURERELEASE",
    offered=_offered,
    told=_told,
    mail=(
        Parameter("HOLDFOR", "release", parse_hold_for, _from_now),
        Parameter("HOLDUNTIL", "release", parse_hold_until, _bounded),
    ),
    mail_octets=34,
)
