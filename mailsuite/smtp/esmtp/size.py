"""SIZE: how large a message may be, RFC 1870."""

from __future__ import annotations

import re

from mailsuite.smtp.esmtp.extension import Extension, Parameter, ParameterError, Session

# RFC 1870 §5: size-value = 1*20DIGIT
_SIZE = re.compile(r"[0-9]{1,20}")


def _told(session: Session, now: float) -> str:
    return str(session.options.limits.message)


def parse_size(value: str) -> int:
    """Octets."""
    if not _SIZE.fullmatch(value):
        raise ParameterError("SIZE= needs a number of octets")
    return int(value)


SIZE = Extension("SIZE", told=_told, mail=(Parameter("SIZE", "size", parse_size),), mail_octets=26)
