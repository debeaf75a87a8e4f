"""The parameters after a path: RFC 5321 §4.1.2 esmtp-param.  Which there are, and what their values mean, is said by
the extensions (``smtp.esmtp``) that a session is offered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mailsuite.smtp.esmtp.extension import Parameter, ParameterError, Session

# esmtp-param = esmtp-keyword ["=" esmtp-value]; with RFC 6531 §3.3's UTF-8 in values.
# No keyword is as long as the longest that is read: unknown ones are repeated in the refusal and in the log.
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,62})(?:=([!-<>-~\x80-\U0010ffff]+))?")


def parse_parameters(text: str, known: Mapping[str, Parameter], session: Session, now: float) -> dict[str, Any]:
    """What follows the path, by the fields of the event it is for; ``now`` in seconds since the epoch.
    ParameterError."""
    if not text or text.isspace():
        return {}
    fields: dict[str, Any] = {}
    for keyword, value in _split(text).items():
        parameter = known.get(keyword)
        if parameter is None:
            raise ParameterError(f"{keyword} was not offered to you; leave it out", 555)
        settled = parameter.settle(parameter.parse(value), session, now)
        if parameter.field in fields:
            raise ParameterError(f"{keyword} contradicts another parameter")
        if parameter.field:
            fields[parameter.field] = settled
    return fields


def _split(text: str) -> dict[str, str]:
    """`` SIZE=1 BODY=7BIT`` -> keywords in capitals and their values, empty where none is given."""
    parameters: dict[str, str] = {}
    if not text.startswith(" "):
        raise ParameterError("A space must follow the address")
    for word in text.split(" "):
        if not word:
            continue
        found = _PARAMETER.fullmatch(word)
        if found is None:
            raise ParameterError("A parameter is KEYWORD or KEYWORD=value")
        keyword = found[1].upper()
        if keyword in parameters:
            raise ParameterError(f"{keyword} is given twice")
        parameters[keyword] = found[2] or ""
    return parameters
