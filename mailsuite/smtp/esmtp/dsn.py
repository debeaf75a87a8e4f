"""DSN: what a sender wants to be told of its message, RFC 3461 §4; UTF-8 original recipients by RFC 6533 §3.

Values are kept as they decode; what is valid is never refused for what it says (§5.1).
"""

from __future__ import annotations

import re

from mailsuite.smtp.esmtp.extension import Extension, Parameter, ParameterError
from mailsuite.smtp.esmtp.xtext import decode_xtext

#: RFC 3461 §4.4 and §4.2: characters of the value as it is sent.
ENVID_LIMIT, ORCPT_LIMIT = 100, 500

# RFC 3461 §4.1
_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE | re.ASCII)
# RFC 3461 §4.2: addr-type = atom
_ORCPT = re.compile(r"([A-Za-z0-9!#$%&'*/?^_`{|}~-]+);(.+)", re.DOTALL)
# RFC 6533 §3: utf-8-addr-unitext = *( QUCHAR / EmbeddedUnicodeChar ), besides xtext for the ASCII forms.
_UNITEXT = re.compile(r"(?:[!-*,-<>-\[\]-~\x80-\U0010ffff]|\+[0-9A-F]{2}|\\x\{[0-9A-F]{2,6}\})+")


def parse_notify(value: str) -> frozenset[str]:
    """NEVER, or some of SUCCESS, FAILURE and DELAY."""
    if not _NOTIFY.fullmatch(value):
        raise ParameterError("NOTIFY= is NEVER, or some of SUCCESS,FAILURE,DELAY")
    return frozenset(value.upper().split(","))


def parse_orcpt(value: str) -> str:
    """``rfc822;bob@example.org``, decoded; the case of each letter is kept (§5.2.1)."""
    found = _ORCPT.fullmatch(value)
    if found is None or len(value) > ORCPT_LIMIT:
        raise ParameterError(f"ORCPT= is type;address in xtext, at most {ORCPT_LIMIT} characters")
    kind, text = found[1], found[2]
    if kind.lower() == "utf-8" and _UNITEXT.fullmatch(text):
        return f"{kind};{text}"
    try:
        return f"{kind};{decode_xtext(text)}"
    except ValueError:
        raise ParameterError("ORCPT= holds more than printable ASCII in xtext") from None


def parse_ret(value: str) -> str:
    """FULL or HDRS."""
    ret = value.upper()
    if ret not in ("FULL", "HDRS"):
        raise ParameterError("RET= is FULL or HDRS")
    return ret


def parse_envid(value: str) -> str:
    """Decoded."""
    if not value or len(value) > ENVID_LIMIT:
        raise ParameterError(f"ENVID= has 1 to {ENVID_LIMIT} characters")
    try:
        return decode_xtext(value)
    except ValueError:
        raise ParameterError("ENVID= holds more than printable ASCII in xtext") from None


# §4: " RET=HDRS ENVID=" and its value; " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=" and its value.
DSN = Extension(
    "DSN",
    mail=(Parameter("RET", "ret", parse_ret), Parameter("ENVID", "envid", parse_envid)),
    rcpt=(Parameter("NOTIFY", "notify", parse_notify), Parameter("ORCPT", "original", parse_orcpt)),
    mail_octets=9 + 7 + ENVID_LIMIT,
    rcpt_octets=29 + 7 + ORCPT_LIMIT,
)
