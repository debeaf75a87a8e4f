"""Which mailboxes ESEARCH and NOTIFY are about: RFC 5465 §8, RFC 7377 §4."""

from __future__ import annotations

import re
from collections.abc import Collection

from mailsuite.imap.sources import Source, SourceKind
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor

_KIND = re.compile(rb"[A-Za-z-]+")
_KINDS = {kind.value.encode(): kind for kind in SourceKind}
_NAMING = frozenset({SourceKind.SUBTREE, SourceKind.SUBTREE_ONE, SourceKind.MAILBOXES})


def source(cursor: Cursor, allowed: Collection[SourceKind]) -> Source:
    """filter-mailboxes, of one of these kinds."""
    start = cursor.pos
    kind = _KINDS.get(cursor.take(_KIND, "which mailboxes").lower())
    if kind is None or kind not in allowed:
        cursor.pos = start
        raise cursor.expected("which mailboxes")
    if kind not in _NAMING:
        return Source(kind)
    cursor.space()
    return Source(kind, _names(cursor))


def _names(cursor: Cursor) -> tuple[str, ...]:
    """one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" """
    if not cursor.skip(b"("):
        return (strings.mailbox(cursor),)
    names = [strings.mailbox(cursor)]
    while cursor.skip(b" "):
        names.append(strings.mailbox(cursor))
    cursor.need(b")")
    return tuple(names)
