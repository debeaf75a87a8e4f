"""Address lists, RFC 5322 §3.4 and §4.4, as clients need them for ENVELOPE.  Never raises.

The common forms (``a@b``, ``Name <a@b>``, ``"Name" <a@b>``) are matched by one expression; anything else is read token
by token, with groups, routes, comments, quoted pairs and the nearest reading of what is malformed.  Bounded: of a
longer list only the first ``MAX_ADDRESSES``, within the first ``MAX_OCTETS`` and ``MAX_TOKENS``, are given.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import msgspec


class Mailbox(msgspec.Struct, frozen=True):
    """One address, every part as raw octets without its quoting; an absent part is empty.

    ``name`` is the display name or, without one, the comment (obsolete use, RFC 5322 §3.4 note).
    """

    name: bytes
    route: bytes
    local: bytes
    domain: bytes


class Group(msgspec.Struct, frozen=True):
    """``name: members;``"""

    name: bytes
    members: tuple[Mailbox, ...]


#: Addresses of one field; groups count too.
MAX_ADDRESSES = 5000
#: Octets of one field; what the limit cuts in two is left out.
MAX_OCTETS = 256 * 1024
#: Words, specials, white space and comments of a field that is read token by token.
MAX_TOKENS = 60_000

AddressList: TypeAlias = list[Mailbox | Group]

_WORD = rb'[^"()<>@,;:\\\[\]\s]+'
_SIMPLE = re.compile(rb'\s*(?:(?:"([^"\\]*)"[ ]?|(W(?:[ ]W)*)?[ ]?)<(W)@(W)>|(W)@(W))\s*(?:,|$)'.replace(b"W", _WORD))
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|\[[^\]]*\]?|\s+|[()<>@,;:]|\\.?|[^"()<>@,;:\\\[\s]+', re.DOTALL)
_PARENTHESIS = re.compile(rb"\\.|[()]", re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)


def parse(value: bytes) -> AddressList:
    """The addresses and groups of an unfolded field value, in order; of more than the limits the first."""
    if len(value) > MAX_OCTETS:
        value = value[: max(value.rfind(b",", 0, MAX_OCTETS), 0)]
    found: AddressList = []
    at, end = 0, len(value)
    while at < end and len(found) < MAX_ADDRESSES:
        match = _SIMPLE.match(value, at)
        if match is None:
            return _Reader(value).read()
        quoted, phrase, local, domain, bare, bare_domain = match.groups(b"")
        found.append(Mailbox(quoted.strip() or phrase, b"", local or bare, domain or bare_domain))
        at = match.end()
    return found


def may_be_cut(value: bytes) -> bool:
    """Whether ``parse`` may leave out the end of a list for its length, for those who must know all of it; of more than
    ``MAX_ADDRESSES`` it gives so many."""
    return len(value) > MAX_OCTETS or sum(1 for _ in _TOKEN.finditer(value)) > MAX_TOKENS


class _Token(msgspec.Struct, frozen=True):
    """``kind`` is a special (``<``, ``@``, ...), ``_`` white space, ``(`` a comment, ``"`` a quoted string, ``w``
    anything else; ``text`` is without quoting."""

    kind: bytes
    text: bytes


def _tokens(value: bytes) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while len(found) < MAX_TOKENS and (match := _TOKEN.match(value, at)):
        raw, at = match[0], match.end()
        first = raw[:1]
        if first == b"(":
            end = _comment_end(value, match.start())
            found.append(_Token(b"(", _unquote(value[at:end].removesuffix(b")")).strip()))
            at = end
        elif first in b"<>@,;:":
            found.append(_Token(first, raw))
        elif first.isspace():
            found.append(_Token(b"_", b" "))
        elif first == b'"':
            closed = len(raw) > 1 and raw.endswith(b'"')
            found.append(_Token(b'"', _unquote(raw[1:-1] if closed else raw[1:])))
        elif raw != b")":
            found.append(_Token(b"w", _unquote(raw)))
    if at < len(value):  # too many: an address that is cut in two is left out
        while found and found[-1].kind != b",":
            found.pop()
    return found


def _comment_end(value: bytes, start: int) -> int:
    """Just after the parenthesis that closes the one at ``start``; comments nest."""
    depth = 0
    for match in _PARENTHESIS.finditer(value, start):
        if match[0] == b"(":
            depth += 1
        elif match[0] == b")":
            depth -= 1
            if depth == 0:
                return match.end()
    return len(value)


def _unquote(text: bytes) -> bytes:
    return _QUOTED_PAIR.sub(rb"\1", text) if b"\\" in text else text


class _Reader:
    """Reads an address list token by token."""

    def __init__(self, value: bytes) -> None:
        self._tokens = _tokens(value)
        self._at = 0
        self._left = MAX_ADDRESSES

    def read(self) -> AddressList:
        found: AddressList = []
        while self._left > 0 and self._at < len(self._tokens):
            piece, stop = self._piece(b",;:")
            if stop == b":":
                self._left -= 1
                found.append(Group(_phrase(piece), tuple(self._members())))
            elif not _blank(piece):
                self._left -= 1
                found.append(_mailbox(piece))
        return found

    def _members(self) -> list[Mailbox]:
        """The mailboxes of a group, up to its semicolon or the end; those of a group within it are its own."""
        members: list[Mailbox] = []
        stop = b","
        while stop in b",:" and self._left > 0 and self._at < len(self._tokens):
            piece, stop = self._piece(b",;:")
            if stop != b":" and not _blank(piece):
                self._left -= 1
                members.append(_mailbox(piece))
        return members

    def _piece(self, stops: bytes) -> tuple[list[_Token], bytes]:
        """The tokens before the next of ``stops`` outside of angle brackets, and which of them it was."""
        piece: list[_Token] = []
        angle = routed = False
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.kind == b"<":
                angle = True
                routed = self._at < len(self._tokens) and self._tokens[self._at].kind == b"@"
            elif token.kind == b">":
                angle = False
            elif token.kind in stops and not (angle and (routed or token.kind == b":")):
                return piece, token.kind
            piece.append(token)
        return piece, b""


def _blank(piece: list[_Token]) -> bool:
    return all(token.kind in b"_(" for token in piece)


def _mailbox(piece: list[_Token]) -> Mailbox:
    kinds = [token.kind for token in piece]
    comment = next((token.text for token in piece if token.kind == b"("), b"")
    if b"<" not in kinds:
        words = [kind for kind in kinds if kind not in b"_("]
        if b"@" not in words and words != [b"w"]:  # a name without an address
            return Mailbox(_phrase(piece), b"", b"", b"")
        local, domain = _addr_spec(piece)
        return Mailbox(comment, b"", local, domain)
    opened = kinds.index(b"<")
    closed = kinds.index(b">", opened) if b">" in kinds[opened:] else len(kinds)
    inner = piece[opened + 1 : closed]
    route = b""
    if inner and inner[0].kind == b"@" and b":" in kinds[opened:closed]:  # obs-route, RFC 5322 §4.4
        colon = kinds.index(b":", opened) - opened - 1
        route, inner = _solid(inner[:colon]), inner[colon + 1 :]
    local, domain = _addr_spec(inner)
    return Mailbox(_phrase(piece[:opened]) or comment, route, local, domain)


def _addr_spec(piece: list[_Token]) -> tuple[bytes, bytes]:
    """Local part and domain, parted by the last ``@``; without one all is local part."""
    at = max((i for i, token in enumerate(piece) if token.kind == b"@"), default=len(piece))
    return _solid(piece[:at]), _solid(piece[at + 1 :])


def _solid(piece: list[_Token]) -> bytes:
    """The words of an address: white space and comments between them mean nothing."""
    return b"".join([token.text for token in piece if token.kind not in b"_(<>"])


def _phrase(piece: list[_Token]) -> bytes:
    """The words of a display name, one space where any white space or comment stood."""
    words: list[bytes] = []
    apart = False
    for token in piece:
        if token.kind in b"_(":
            apart = True
            continue
        if apart and words:
            words.append(b" ")
        words.append(token.text)
        apart = False
    return b"".join(words).strip()
