"""Addresses in a header exchanged for others, every other octet left as it is.

Only in fields that hold addresses (RFC 5322 §3.6.2, §3.6.3, §3.6.6 and what is in use beside them); names, comments,
quoted names, encoded words, groups, routes and folding stay.  An address that is folded or commented in its middle is
not recognized and stays, too.  Linear in the length of the header; never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from mailsuite.model import Address

#: Fields in lower case: whom mail is from, and where answers and notices about it go.
SENDER_FIELDS = frozenset(
    b"from sender reply-to resent-from resent-sender resent-reply-to"
    b" mail-followup-to disposition-notification-to return-receipt-to errors-to".split()
)
RECIPIENT_FIELDS = frozenset(b"to cc bcc resent-to resent-cc resent-bcc apparently-to".split())

#: What an address is exchanged for; itself to leave it.
Change: TypeAlias = Callable[[Address], Address]

_FIELD = re.compile(
    rb"^(" + b"|".join(sorted(SENDER_FIELDS | RECIPIENT_FIELDS)) + rb")[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*",
    re.IGNORECASE | re.MULTILINE,
)
# Possessive or atomic: what is taken is never tried again in another way.  The last alternatives step over what is no
# address, so that each octet is looked at once; so does a quote that nobody closes, up to the end.
_QUOTED = rb'"(?>[^"\\]*(?:\\.[^"\\]*)*)\\?(?:"|\Z)'
_ATOM = rb"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\x80-\xff]++"
_ENCODED_WORD = rb"=\?[^?\s]*+\?[^?\s]*+\?[^?\s]*+\?="
_PIECE = re.compile(
    rb"(\()|" + _ENCODED_WORD + rb"|(" + _ATOM + rb"|" + _QUOTED + rb")@([A-Za-z0-9.\-\x80-\xff]++)"
    rb"|" + _QUOTED + rb"|" + _ATOM,
    re.DOTALL,
)  # fmt: skip
_PARENTHESIS = re.compile(rb"\\.|[()]", re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


def rewrite(header: bytes, sender: Change, recipient: Change) -> bytes:
    """A header block with CRLF; the same object if nothing changed in it."""

    def changed(found: re.Match[bytes]) -> bytes:
        return _rewritten(found[0], sender if found[1].lower() in SENDER_FIELDS else recipient)

    after = _FIELD.sub(changed, header)
    return header if after == header else after


def _rewritten(field: bytes, change: Change) -> bytes:
    at = field.index(b":") + 1
    pieces = [field[:at]]
    while found := _PIECE.search(field, at):
        pieces.append(field[at : found.start()])
        at = _comment_end(field, found.start()) if found[1] else found.end()
        pieces.append(field[found.start() : at] if found[3] is None else _exchanged(found, change))
    pieces.append(field[at:])
    return b"".join(pieces)


def _exchanged(found: re.Match[bytes], change: Change) -> bytes:
    local, domain = (found[part].decode("utf-8", "surrogateescape") for part in (2, 3))
    if local.startswith('"'):
        local = _QUOTED_PAIR.sub(r"\1", local[1:-1])
    address = Address(local, domain)
    to = change(address)
    return found[0] if to == address else str(to).encode("utf-8", "surrogateescape")


def _comment_end(field: bytes, start: int) -> int:
    """Just after the parenthesis that closes the one at ``start``; comments nest."""
    depth = 0
    for found in _PARENTHESIS.finditer(field, start):
        depth += (found[0] == b"(") - (found[0] == b")")
        if depth == 0:
            return found.end()
    return len(field)
