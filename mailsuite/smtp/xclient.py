"""XCLIENT: a filter or proxy in front of this server says for whom it speaks.  Source: Postfix, XCLIENT_README.

    xclient-command = XCLIENT 1*( SP attribute-name "=" attribute-value );  attribute-value = xtext (RFC 3461 §4)

``[UNAVAILABLE]`` and ``[TEMPUNAVAIL]`` stand for what is not known.  Who may say it is the listener's business.
"""

from __future__ import annotations

from mailsuite.smtp.esmtp.xclient import ATTRIBUTES
from mailsuite.smtp.esmtp.xtext import decode_xtext
from mailsuite.smtp.events import XClient
from mailsuite.smtp.grammar import CommandError
from mailsuite.smtp.reply import reply

_UNKNOWN = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})
_SYNTAX = reply(501, "5.5.4", f"Syntax: XCLIENT attribute=value [...]; attributes are {', '.join(ATTRIBUTES)}")


def parse_xclient(argument: str) -> XClient:
    """Values checked and decoded, empty where they are not known.  CommandError."""
    found: dict[str, str] = {}
    for part in argument.split():
        name, equals, value = part.partition("=")
        name = name.upper()
        if name not in ATTRIBUTES or not equals or name in found:
            raise CommandError(_SYNTAX)
        found[name] = _decoded(name, value)
    if not found:
        raise CommandError(_SYNTAX)
    return XClient(found)


def _decoded(name: str, value: str) -> str:
    if value.upper() in _UNKNOWN:
        return ""
    try:
        return ATTRIBUTES[name](decode_xtext(value))
    except ValueError:
        raise CommandError(reply(501, "5.5.4", f"Not a value of {name}")) from None
