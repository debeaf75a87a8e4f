"""RETURN options of SEARCH and SORT: RFC 4466 §2.6.1, RFC 4731 §3.1, RFC 9394 §4."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailsuite.imap import sets
from mailsuite.imap.events import Criteria
from mailsuite.imap.items import FetchItem
from mailsuite.imap.returns import ReturnOption, Returns, Window
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.imap.syntax.sections import fetch_items
from mailsuite.query import SortBy, SortKey

# search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
_RETURN = re.compile(rb" RETURN \(", re.IGNORECASE)
_WORD = re.compile(rb"[A-Za-z]+")
# partial-range = nz-number ":" nz-number / MINUS nz-number ":" MINUS nz-number
_RANGE = re.compile(rb" (-?)([1-9][0-9]{0,9}):\1([1-9][0-9]{0,9})(?=[ )])")
#: Where nothing says what (RFC 4731 §3.1).
ALL = Returns(frozenset({ReturnOption.ALL}))
# modifier-update = "UPDATE" [ "(" fetch-att *(SP fetch-att) ")" ] ; with SP in the example of RFC 5465 §7
_ITEMS = re.compile(rb" ?(?=\()")
_OPTIONS = {option.value.encode(): option for option in ReturnOption}


def returns(cursor: Cursor) -> Returns | None:
    """The options, None where there is no RETURN; without any that says what, ALL is meant (RFC 4731 §3.1)."""
    if cursor.match(_RETURN) is None:
        return None
    options: set[ReturnOption] = set()
    partial: Window | None = None
    fetch: tuple[FetchItem, ...] = ()
    while not cursor.skip(b")"):
        if options or partial:
            cursor.space()
        start = cursor.pos
        word = cursor.take(_WORD, "a return option").upper()
        if word == b"PARTIAL" and partial is None:
            partial = window(cursor)
        elif word in _OPTIONS:
            options.add(_OPTIONS[word])
            if _OPTIONS[word] is ReturnOption.UPDATE and cursor.match(_ITEMS):
                fetch = fetch_items(cursor)
        else:
            cursor.pos = start
            raise cursor.expected("a return option")
    if partial is not None and ReturnOption.ALL in options:
        raise ProtocolError("PARTIAL does not go with ALL")  # RFC 9394 §3.1
    if not options and partial is None:
        options.add(ReturnOption.ALL)
    return Returns(frozenset(options), partial, fetch)


def needs_fuzzy(criteria: Criteria, wanted: Returns | None, order: Sequence[SortBy] = ()) -> None:
    """RFC 6203 §4 and §6: there is no relevancy without a fuzzy key."""
    asked = wanted is not None and ReturnOption.RELEVANCY in wanted.options
    if (asked or any(each.key is SortKey.RELEVANCY for each in order)) and not criteria.fuzzy:
        raise ProtocolError("RELEVANCY goes with FUZZY")


def window(cursor: Cursor) -> Window:
    """SP partial-range, behind PARTIAL; RFC 9394 §4."""
    found = cursor.match(_RANGE)
    if found is None:
        raise cursor.expected("a range of results")
    first, last = sorted((int(found.group(2)), int(found.group(3))))
    if last > sets.MAX_NUMBER:
        raise ProtocolError("a number in the range is above 4294967295")
    return Window(first, last, bool(found.group(1)), found.group()[1:])
