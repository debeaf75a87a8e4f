"""The parameters after a path: RFC 5321 §4.1.2 esmtp-param, each with its own RFC.

Known at MAIL: SIZE (RFC 1870), BODY (RFC 6152), AUTH (RFC 4954 §5, checked and not used).  Known at RCPT: none.
"""

from __future__ import annotations

import re

import msgspec

from mailsuite.model import BodyType

# esmtp-param = esmtp-keyword ["=" esmtp-value]
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")
_SIZE = re.compile(r"[0-9]{1,20}")
# RFC 3461 §4: xtext.
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")


class ParameterError(ValueError):
    """``known`` tells a wrong value (501) from a parameter that is not implemented (555, RFC 5321 §4.1.1.11)."""

    def __init__(self, text: str, known: bool) -> None:
        super().__init__(text)
        self.known = known


class MailParameters(msgspec.Struct, frozen=True):
    """``size`` in octets, 0 when not declared."""

    size: int = 0
    body: BodyType = BodyType.SEVEN_BIT


_NO_PARAMETERS = MailParameters()


def parse_mail_parameters(text: str) -> MailParameters:
    """What follows the path of MAIL; ParameterError."""
    if not text or text.isspace():
        return _NO_PARAMETERS
    size, body = 0, BodyType.SEVEN_BIT
    for keyword, value in _split(text).items():
        if keyword == "SIZE":
            size = _size(value)
        elif keyword == "BODY":
            body = _body(value)
        elif keyword == "AUTH":
            if value != "<>" and not _XTEXT.fullmatch(value):
                raise ParameterError("AUTH= needs an address in xtext or <>", known=True)
        else:
            raise ParameterError(f"{keyword} is not implemented", known=False)
    return MailParameters(size, body)


def refuse_rcpt_parameters(text: str) -> None:
    """What follows the path of RCPT: nothing is implemented; ParameterError."""
    for keyword in _split(text):
        raise ParameterError(f"{keyword} is not implemented", known=False)


def _split(text: str) -> dict[str, str]:
    """`` SIZE=1 BODY=7BIT`` -> keywords in capitals and their values, empty where none is given."""
    parameters: dict[str, str] = {}
    if text and not text.startswith(" "):
        raise ParameterError("A space must follow the address", known=True)
    for word in text.split():
        found = _PARAMETER.fullmatch(word)
        if found is None:
            raise ParameterError("A parameter is KEYWORD or KEYWORD=value", known=True)
        keyword = found[1].upper()
        if keyword in parameters:
            raise ParameterError(f"{keyword} is given twice", known=True)
        parameters[keyword] = found[2] or ""
    return parameters


def _size(value: str) -> int:
    if not _SIZE.fullmatch(value):
        raise ParameterError("SIZE= needs a number of octets", known=True)
    return int(value)


def _body(value: str) -> BodyType:
    body = value.upper()
    if body == BodyType.SEVEN_BIT.value:
        return BodyType.SEVEN_BIT
    if body == BodyType.EIGHT_BIT_MIME.value:
        return BodyType.EIGHT_BIT_MIME
    raise ParameterError("BODY= is 7BIT or 8BITMIME", known=True)
