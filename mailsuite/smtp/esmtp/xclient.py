"""XCLIENT's keyword and what its attributes may be (Postfix, XCLIENT_README); the command is ``smtp.xclient``."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from mailsuite.smtp.esmtp.extension import Extension, Session

_IPV6 = "IPV6:"
_LONGEST = 255


def _address(value: str) -> str:
    six = value[: len(_IPV6)].upper() == _IPV6
    parsed = ipaddress.ip_address(value[len(_IPV6) :] if six else value)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _port(value: str) -> str:
    if not (value.isascii() and value.isdigit() and int(value) < 65536):
        raise ValueError("not a port")
    return str(int(value))


def _protocol(value: str) -> str:
    if value.upper() not in ("SMTP", "ESMTP", "LMTP"):
        raise ValueError("not a protocol")
    return value.upper()


def _word(value: str) -> str:
    if not 0 < len(value) <= _LONGEST or any(not "!" <= char <= "~" for char in value):
        raise ValueError("not one word")
    return value


#: What each attribute's value must be; ValueError otherwise.
ATTRIBUTES: dict[str, Callable[[str], str]] = {
    "NAME": _word,
    "ADDR": _address,
    "PORT": _port,
    "PROTO": _protocol,
    "HELO": _word,
    "LOGIN": _word,
    "DESTADDR": _address,
    "DESTPORT": _port,
}


def _offered(session: Session) -> bool:
    return session.options.xclient


def _told(session: Session, now: float) -> str:
    return " ".join(ATTRIBUTES)


XCLIENT = Extension("XCLIENT", offered=_offered, told=_told)
