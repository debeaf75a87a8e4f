"""What a service extension is (RFC 5321 §2.2): a keyword in the answer to EHLO, and parameters of MAIL and RCPT.

A parameter is only known while its extension is offered; otherwise it is refused like any unknown one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mailsuite.smtp.extensions import Options


class Session(msgspec.Struct, frozen=True):
    """What an offer depends on."""

    options: Options
    secure: bool
    authenticated: bool

    @property
    def known(self) -> bool:
        """The client has logged in, or is in a trusted network."""
        return self.authenticated or self.options.trusted


class ParameterError(ValueError):
    """A wrong value (501), or a parameter that is not implemented (555, RFC 5321 §4.1.1.11)."""

    def __init__(self, text: str, code: int = 501, status: str = "5.5.4") -> None:
        super().__init__(text)
        self.code = code
        self.status = status


def as_it_is(parsed: Any, session: Session, now: float) -> object:
    """The value needs no more than its grammar."""
    return parsed


class Parameter(msgspec.Struct, frozen=True):
    """``KEYWORD=value``: ``field`` of ``events.Mail`` or ``events.Rcpt`` is what ``parse`` makes of the value, which is
    empty where none was given; without a field it is checked and dropped.  ``settle`` makes the field's
    value of what was parsed, for this session at this time (seconds since the epoch).  Both raise ParameterError."""

    keyword: str
    field: str
    parse: Callable[[str], object]
    settle: Callable[[Any, Session, float], object] = as_it_is


def flag(keyword: str) -> Callable[[str], bool]:
    """The ``parse`` of a parameter without a value."""

    def parse(value: str) -> bool:
        if value:
            raise ParameterError(f"{keyword} has no value")
        return True

    return parse


def before_tls(parameter: Parameter) -> Parameter:
    """In place of one whose extension is offered after STARTTLS."""

    def parse(value: str) -> object:
        raise ParameterError(f"{parameter.keyword} is not offered yet; say STARTTLS first", 555)

    return Parameter(parameter.keyword, "", parse)


def always(session: Session) -> bool:
    """Offered to everybody."""
    return True


def nothing(session: Session, now: float) -> str:
    """No more than the keyword."""
    return ""


class Extension(msgspec.Struct, frozen=True):
    """``told`` is what follows the keyword, given the time in seconds since the epoch.  ``mail_octets`` and
    ``rcpt_octets`` are how much longer its RFC lets those commands become.  ``under_tls``: it is not offered without
    TLS, which who uses a parameter of MAIL too soon is told."""

    keyword: str
    offered: Callable[[Session], bool] = always
    told: Callable[[Session, float], str] = nothing
    mail: tuple[Parameter, ...] = ()
    rcpt: tuple[Parameter, ...] = ()
    mail_octets: int = 0
    rcpt_octets: int = 0
    under_tls: bool = False
