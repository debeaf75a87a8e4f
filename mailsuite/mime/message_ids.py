"""Message ids in a normal form, so that those that mean the same are the same: RFC 5322 §3.6.4, RFC 5256 §3.

Lenient: whatever stands between angle brackets around an ``@`` is an id.  Bounded by ``MAX_IDS`` for each field.
"""

from __future__ import annotations

import re

#: Of a field with more, the last, which are the nearest ancestors.
MAX_IDS = 1000

_ID = re.compile(r'<([^<>"@]*(?:"(?:[^"\\]|\\.)*+"[^<>"@]*)*@[^<>]*)>')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_PAIR = re.compile(r"\\(.)")


def message_ids(value: bytes) -> list[str]:
    """Those in an unfolded field value, in order, without angle brackets, white space and needless quotes."""
    if b"<" not in value:
        return []
    text = value.decode("utf-8", "replace")
    return [_normal(found) for found in _ID.findall(text)][-MAX_IDS:]


def first_id(value: bytes) -> str:
    """The first of them; empty if there is none."""
    return next(iter(message_ids(value)), "")


def _normal(found: str) -> str:
    if '"' in found:
        found = _QUOTED.sub(lambda quoted: _PAIR.sub(r"\1", quoted[1]), found)
    return "".join(found.split())
