"""ESEARCH: RFC 7377."""

from __future__ import annotations

import re

from mailsuite.imap.events import MultiSearch, SearchRefused
from mailsuite.imap.sources import SELECTED_ONLY, Source, SourceKind
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.imap.syntax.mailbox_filters import source
from mailsuite.imap.syntax.search_keys import program
from mailsuite.imap.syntax.search_return import ALL, needs_fuzzy, returns

# esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")" ; there are no scope options yet
_IN = re.compile(rb" IN \(", re.IGNORECASE)
_SOURCES = frozenset(SourceKind) - {SourceKind.SELECTED_DELAYED}


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
    found = [source(cursor, _SOURCES)]
    while cursor.skip(b" "):
        found.append(source(cursor, _SOURCES))
    cursor.need(b")")
    return tuple(dict.fromkeys(found))
