"""NOTIFY: RFC 5465."""

from __future__ import annotations

import re

from mailsuite.imap import codes
from mailsuite.imap.events import Notify
from mailsuite.imap.items import FetchItem
from mailsuite.imap.notices import OF_MESSAGES, EventKind, Group, OfSelected, Wishes
from mailsuite.imap.sources import SourceKind
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError, over_limit
from mailsuite.imap.syntax.mailbox_filters import source
from mailsuite.imap.syntax.sections import fetch_items

_NONE = re.compile(rb"NONE(?![^ )])", re.IGNORECASE)
_SET = re.compile(rb"SET(?: (STATUS))?(?= \()", re.IGNORECASE)
_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9-]*")
_KINDS = {kind.value.upper().encode(): kind for kind in EventKind}
_SOURCES = frozenset(SourceKind) - {SourceKind.SUBTREE_ONE}
_OF_SELECTED = frozenset({SourceKind.SELECTED, SourceKind.SELECTED_DELAYED})
#: Groups in one command (a count).
_MOST = 100


def parse(cursor: Cursor, tag: bytes) -> Notify:
    """notify = "NOTIFY" SP (notify-set / notify-none)"""
    cursor.space()
    if cursor.match(_NONE):
        cursor.end()
        return Notify(tag, Wishes(OfSelected()), False)
    found = cursor.match(_SET)
    if found is None:
        raise cursor.expected("SET and groups of events, or NONE")
    groups = _Groups()
    while cursor.skip(b" "):
        groups.read(cursor)
    cursor.end()
    if groups.unknown:
        raise ProtocolError("no such event here", codes.badevent(kind.value for kind in EventKind), b"NO")
    return Notify(tag, Wishes(groups.selected or OfSelected(), tuple(groups.others)), bool(found.group(1)))


class _Groups:
    """notify-set = "SET" [status-indicator] SP event-groups"""

    def __init__(self) -> None:
        self.selected: OfSelected | None = None
        self.others: list[Group] = []
        self.unknown = False
        self._fetch: tuple[FetchItem, ...] = ()

    def read(self, cursor: Cursor) -> None:
        """event-group = "(" filter-mailboxes SP events ")" """
        cursor.need(b"(")
        where = source(cursor, _SOURCES)
        cursor.space()
        self._fetch = ()
        kinds = frozenset() if cursor.match(_NONE) else self._events(cursor)
        cursor.need(b")")
        _check_pairs(kinds)
        if where.kind in _OF_SELECTED:
            self._of_selected(kinds, where.kind is SourceKind.SELECTED_DELAYED)
            return
        if self._fetch:
            raise ProtocolError("what to fetch is said of the selected mailbox alone")
        self.others.append(Group(where, kinds))
        if len(self.others) > _MOST:
            raise over_limit(f"at most {_MOST} groups")

    def _of_selected(self, kinds: frozenset[EventKind], delayed: bool) -> None:
        """§6.1"""
        if self.selected is not None:
            raise ProtocolError("the selected mailbox is named twice")
        if not kinds <= OF_MESSAGES:
            raise ProtocolError("of the selected mailbox only events of messages are told")
        self.selected = OfSelected(kinds, delayed, self._fetch)

    def _events(self, cursor: Cursor) -> frozenset[EventKind]:
        """events = "(" event *(SP event) ")" """
        cursor.need(b"(")
        kinds = {self._event(cursor)}
        while cursor.skip(b" "):
            kinds.add(self._event(cursor))
        cursor.need(b")")
        return frozenset(kind for kind in kinds if kind is not None)

    def _event(self, cursor: Cursor) -> EventKind | None:
        """message-event / mailbox-event / user-event / event-ext ; one that is not known is refused in the end"""
        kind = _KINDS.get(cursor.take(_WORD, "an event").upper())
        if kind is EventKind.MESSAGE_NEW and cursor.looking_at(b" ("):
            cursor.space()
            self._fetch = fetch_items(cursor)
        if kind is None:
            self.unknown = True
        return kind


def _check_pairs(kinds: frozenset[EventKind]) -> None:
    """§5"""
    pair = {EventKind.MESSAGE_NEW, EventKind.MESSAGE_EXPUNGE}
    if kinds & pair and not kinds >= pair:
        raise ProtocolError("MessageNew and MessageExpunge go together")
    if EventKind.FLAG_CHANGE in kinds and not kinds >= pair:
        raise ProtocolError("FlagChange goes with MessageNew and MessageExpunge")
