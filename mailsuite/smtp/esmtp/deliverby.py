"""DELIVERBY: by when a message is to be delivered, RFC 2852; what happens then is the queue's business.

BY=seconds;R asks for its return afterwards, BY=seconds;N for a word about the delay; T adds a notice from each relay
that knows no DELIVERBY.
"""

from __future__ import annotations

import re

import msgspec

from mailsuite.model import DeliverBy
from mailsuite.smtp.esmtp.extension import Extension, Parameter, ParameterError, Session

# RFC 2852 §4: by-value = by-time ";" by-mode [by-trace]; by-time = ["-" / "+"] 1*9digit
_BY = re.compile(r"([+-]?[0-9]{1,9});([NR])(T?)", re.IGNORECASE | re.ASCII)


class ByTime(msgspec.Struct, frozen=True):
    """The value: ``seconds`` from now on."""

    seconds: int
    returned: bool
    traced: bool


def parse_by(value: str) -> ByTime:
    found = _BY.fullmatch(value)
    if found is None:
        raise ParameterError("BY= is seconds;N or seconds;R, with T behind it for a trace")
    by = ByTime(int(found[1]), found[2] in "Rr", bool(found[3]))
    if by.returned and by.seconds <= 0:  # §4: only N may be in the past
        raise ParameterError("BY= needs a time to come where the message is to be returned")
    return by


def deadline(by: ByTime, session: Session, now: float) -> DeliverBy:
    """Counted from ``now``; sooner than the shortest time that was offered is refused where a return was asked for,
    for that is what would come of it."""
    if by.returned and by.seconds < session.options.shortest_by:
        raise ParameterError(f"At least {session.options.shortest_by} seconds are needed for BY=", 550, "5.4.7")
    return DeliverBy(now + by.seconds, by.returned, by.traced)


def _told(session: Session, now: float) -> str:
    return str(session.options.shortest_by) if session.options.shortest_by else ""


DELIVERBY = Extension(
    "DELIVERBY", told=_told, mail=(Parameter("BY", "deliver_by", parse_by, deadline),), mail_octets=17
)
