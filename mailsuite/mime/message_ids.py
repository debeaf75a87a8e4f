"""Message ids in a normal form, so that those that mean the same are the same: RFC 5322 §3.6.4, RFC 5256 §3.

Lenient: whatever stands between angle brackets around an ``@`` is an id.  Bounded by ``MAX_IDS`` and ``MAX_OCTETS`` for
each field, and by ``MAX_QUOTED`` where a quote is opened that nobody closes: each ``<`` may be the beginning of an id.
"""

from __future__ import annotations

import re

#: Of a field with more, the last, which are the nearest ancestors.
MAX_IDS = 1000
#: Of a longer field, the last; of one with a single id the first.
MAX_OCTETS = 65_536
#: Characters, or pairs with a backslash, in a quoted string of an id.
MAX_QUOTED = 256
#: Quoted strings in an id.
MAX_STRINGS = 8

_ID = re.compile(rf'<([^<>"@]*(?:"(?>(?:[^"\\]|\\.){{0,{MAX_QUOTED}}})"[^<>"@]*){{0,{MAX_STRINGS}}}@[^<>]*)>')
# A quote that nobody closes goes to the end, so that each character is looked at once.
_QUOTED = re.compile(r'"((?>[^"\\]*(?:\\.[^"\\]*)*))(?:(")|\\?\Z)', re.DOTALL)
_PAIR = re.compile(r"\\(.)")


def message_ids(value: bytes) -> list[str]:
    """Those in an unfolded field value, in order, without angle brackets, white space and needless quotes."""
    if b"<" not in value:
        return []
    text = value[-MAX_OCTETS:].decode("utf-8", "replace")
    return [_normal(found) for found in _ID.findall(text)][-MAX_IDS:]


def first_id(value: bytes) -> str:
    """The first of them; empty if there is none."""
    return next(iter(message_ids(value[:MAX_OCTETS])), "")


def _normal(found: str) -> str:
    if '"' in found:
        found = _QUOTED.sub(_unquoted, found)
    return "".join(found.split())


def _unquoted(quoted: re.Match[str]) -> str:
    """RFC 5322 §3.2.4: its meaning; what is not closed stays as it is."""
    return _PAIR.sub(r"\1", quoted[1]) if quoted[2] else quoted[0]
