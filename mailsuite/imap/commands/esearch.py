"""ESEARCH: RFC 7377."""

from __future__ import annotations

import re

from mailsuite.imap.events import MultiSearch, SearchRefused
from mailsuite.imap.sources import SELECTED_ONLY, Source, SourceKind
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.imap.syntax.search_keys import program
from mailsuite.imap.syntax.search_return import ALL, needs_fuzzy, returns

# esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")" ; there are no scope options yet
_IN = re.compile(rb" IN \(", re.IGNORECASE)
_KIND = re.compile(rb"[A-Za-z-]+")
_KINDS = {kind.value.encode(): kind for kind in SourceKind}
_NAMING = frozenset({SourceKind.SUBTREE, SourceKind.SUBTREE_ONE, SourceKind.MAILBOXES})


def parse(cursor: Cursor, tag: bytes) -> MultiSearch | SearchRefused:
    """esearch = "ESEARCH" [SP esearch-source-opts] [SP search-return-opts] SP search-program"""
    sources = _sources(cursor) if cursor.match(_IN) else SELECTED_ONLY
    wanted = returns(cursor) or ALL
    if wanted.saves and sources != SELECTED_ONLY:
        raise ProtocolError("SAVE is for the selected mailbox alone")  # RFC 7377 §2.2
    try:
        criteria = program(cursor)
    except ProtocolError as error:
        if not wanted.saves or error.word != b"NO":
            raise
        return SearchRefused(tag, error.text, error.code)
    needs_fuzzy(criteria, wanted)
    return MultiSearch(tag, criteria, sources, wanted)


def _sources(cursor: Cursor) -> tuple[Source, ...]:
    """source-mbox = filter-mailboxes *(SP filter-mailboxes)"""
    found = [_source(cursor)]
    while cursor.skip(b" "):
        found.append(_source(cursor))
    cursor.need(b")")
    return tuple(dict.fromkeys(found))


def _source(cursor: Cursor) -> Source:
    """filter-mailboxes ; RFC 5465 §8, "subtree-one" of RFC 7377 §4"""
    start = cursor.pos
    kind = _KINDS.get(cursor.take(_KIND, "a source of mailboxes").lower())
    if kind is None:
        cursor.pos = start
        raise cursor.expected("a source of mailboxes")
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
