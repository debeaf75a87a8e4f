"""AUTH: RFC 4954.  Its parameter of MAIL (§5) names who wrote the message; it is checked and not used."""

from __future__ import annotations

from mailsuite.smtp.esmtp.extension import Extension, Parameter, ParameterError, Session
from mailsuite.smtp.esmtp.xtext import is_xtext
from mailsuite.smtp.extensions import offers_auth


def _offered(session: Session) -> bool:
    return offers_auth(session.options, session.secure) and not session.authenticated


def _told(session: Session, now: float) -> str:
    return " ".join(session.options.mechanisms)


def _parse(value: str) -> str:
    if value != "<>" and not (value and is_xtext(value)):
        raise ParameterError("AUTH= needs an address in xtext or <>")
    return value


AUTH = Extension("AUTH", offered=_offered, told=_told)
#: Known to everybody: a trusted server may say AUTH=<> though it does not log in.
AUTH_PARAMETER = Parameter("AUTH", "", _parse)
