"""LIST: RFC 3501 section 6.3.8, RFC 5258 (LIST-EXTENDED), RFC 5819 (STATUS), RFC 6154 (SPECIAL-USE), RFC 8440
(MYRIGHTS), RFC 9590 (METADATA)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailsuite.imap.commands import status
from mailsuite.imap.events import List
from mailsuite.imap.items import ListReturn, ListSelect, StatusItem
from mailsuite.imap.syntax import entries, strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError, over_limit
from mailsuite.model import DELIMITER

_RETURN = re.compile(rb" RETURN \(", re.IGNORECASE)
_OPTION = re.compile(rb"[A-Za-z-]+")
_SELECT = {option.value: option for option in ListSelect}
_RETURNS = {option.value: option for option in ListReturn}
#: What a plain LIST tells unasked, RFC 3348 section 3, RFC 6154 section 2.
_UNASKED = frozenset({ListReturn.CHILDREN, ListReturn.SPECIAL_USE})
#: Patterns in one command (a count).
_MOST = 50
#: Characters of all patterns together: what they are made into costs by their length, while everybody waits.
_LONGEST = 16 * 1024


def parse(cursor: Cursor, tag: bytes) -> List:
    """list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]"""
    cursor.space()
    extended = cursor.skip(b"(")
    select = _select_options(cursor) if extended else frozenset()
    reference = strings.name(cursor, "a reference name")
    cursor.space()
    several = cursor.skip(b"(")
    patterns = _patterns(cursor) if several else (strings.list_mailbox(cursor),)
    returns = _UNASKED
    items: tuple[StatusItem, ...] = ()
    annotations: tuple[str, ...] = ()
    asked = cursor.match(_RETURN) is not None
    if asked:
        returns, items, annotations = _return_options(cursor)
    cursor.end()
    if extended and not asked:
        returns = frozenset()
    # RFC 5258 §3: an empty pattern asks for the delimiter, among extended ones for nothing
    complete = joined(reference, [pattern for pattern in patterns if pattern])
    return List(tag, complete, select, returns, items, extended or several or asked, annotations)


def joined(reference: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """The patterns seen from the reference (RFC 3501 section 6.3.8); one that starts at the root stands alone.  Raises
    ProtocolError if they are too long."""
    if len(reference) * len(patterns) + sum(map(len, patterns)) > _LONGEST:
        raise over_limit(f"at most {_LONGEST} characters of patterns in one command")
    return tuple(
        pattern.removeprefix(DELIMITER) if pattern.startswith(DELIMITER) else reference + pattern
        for pattern in patterns
    )


def _patterns(cursor: Cursor) -> tuple[str, ...]:
    """patterns = "(" list-mailbox *(SP list-mailbox) ")", from behind the bracket."""
    patterns = [strings.list_mailbox(cursor)]
    while cursor.skip(b" "):
        patterns.append(strings.list_mailbox(cursor))
        if len(patterns) > _MOST:
            raise over_limit(f"at most {_MOST} patterns in one command")
    cursor.need(b")")
    return tuple(patterns)


def _select_options(cursor: Cursor) -> frozenset[ListSelect]:
    """list-select-opts = "(" [list-select-opt *(SP list-select-opt)] ")", from behind the bracket, and the SP."""
    options: set[ListSelect] = set()
    while not cursor.skip(b") "):
        if options:
            cursor.space()
        word = cursor.take(_OPTION, "a selection option").decode().upper()
        if word not in _SELECT:
            raise ProtocolError(f"{word[:40]} is not a selection option that is known here")
        options.add(_SELECT[word])
    # RFC 5258 §3.1; SPECIAL-USE and REMOTE are independent options (RFC 6154 §6), which do not count
    if ListSelect.RECURSIVEMATCH in options and ListSelect.SUBSCRIBED not in options:
        raise ProtocolError("RECURSIVEMATCH needs SUBSCRIBED beside it")
    return frozenset(options)


def _return_options(cursor: Cursor) -> tuple[frozenset[ListReturn], tuple[StatusItem, ...], tuple[str, ...]]:
    """What to return, the items of STATUS, and the entries of METADATA (RFC 9590).

    return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")", from behind the bracket."""
    options: set[ListReturn] = set()
    items: tuple[StatusItem, ...] = ()
    annotations: tuple[str, ...] = ()
    while not cursor.skip(b")"):
        if options:
            cursor.space()
        word = cursor.take(_OPTION, "a return option").decode().upper()
        if word not in _RETURNS:
            raise ProtocolError(f"{word[:40]} is not a return option that is known here")
        options.add(_RETURNS[word])
        if word == "STATUS":
            cursor.space()
            items = status.items(cursor)
        elif word == "METADATA":
            cursor.space()
            annotations = entries.several(cursor)
    return frozenset(options), items, annotations
