"""Answers LIST and LSUB from the account's mailboxes: which match, with which attributes.

RFC 3501 sections 6.3.8 and 6.3.9, RFC 5258 (LIST-EXTENDED), RFC 6154 (SPECIAL-USE).  ``infos`` is what
``IMailStore.list`` gives: every mailbox and every subscribed name, parents that are no mailboxes among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from mailsuite.imap import names, responses
from mailsuite.imap.events import List, Lsub
from mailsuite.imap.items import ListReturn, ListSelect
from mailsuite.model import DELIMITER, INBOX, MailboxInfo

#: The answer to ``LIST "" ""``: the delimiter, RFC 3501 section 6.3.8.
_DELIMITER_LINE = b'* LIST (\\Noselect) "/" ""\r\n'
_CHILDINFO = b'("CHILDINFO" ("SUBSCRIBED"))'


def lines(command: List, infos: Sequence[MailboxInfo]) -> list[bytes]:
    """The LIST responses."""
    if not command.patterns:
        return [_DELIMITER_LINE]
    chosen = _chosen(command, infos)
    parents = _parents_of_subscribed(command, infos, chosen)
    answer = []
    for info in infos:
        if info.name in chosen or info.name in parents:
            extended = _CHILDINFO if info.name in parents else b""
            answer.append(responses.list_line(b"LIST", _attributes(command, info), info.name, extended))
    return answer


def matching(command: List, infos: Sequence[MailboxInfo]) -> list[str]:
    """The selectable mailboxes among those that ``lines`` tells: RETURN (STATUS ...) is about these (RFC 5819)."""
    chosen = _chosen(command, infos)
    return [info.name for info in infos if info.selectable and info.name in chosen]


def lsub_lines(command: Lsub, infos: Sequence[MailboxInfo]) -> list[bytes]:
    """The LSUB responses; with ``%``, a name whose inferiors are subscribed is told as \\Noselect."""
    fits = _matcher((command.pattern,))
    subscribed = {info.name for info in infos if info.subscribed}
    found: dict[str, tuple[bytes, ...]] = {name: () for name in subscribed if fits(name)}
    if command.pattern.endswith("%"):
        for name in subscribed:
            for parent in _parents(name):
                if fits(parent):
                    found.setdefault(parent, (b"\\Noselect",))
    return [responses.list_line(b"LSUB", found[name], name) for name in sorted(found, key=_inbox_first)]


def _chosen(command: List, infos: Sequence[MailboxInfo]) -> set[str]:
    fits = _matcher(command.patterns)
    select = command.select
    return {info.name for info in infos if fits(info.name) and _selected(select, info)}


def _selected(select: Iterable[ListSelect], info: MailboxInfo) -> bool:
    """A name that is only subscribed exists for nobody who did not ask for subscriptions (RFC 5258 section 3.1)."""
    wanted = info.subscribed if ListSelect.SUBSCRIBED in select else info.selectable or info.has_children
    return wanted and (ListSelect.SPECIAL_USE not in select or bool(info.special_use))


def _parents_of_subscribed(command: List, infos: Sequence[MailboxInfo], chosen: set[str]) -> set[str]:
    """RECURSIVEMATCH: matching names that have subscribed names below them; one that is not told for its own sake
    only where some of those below are not told either (RFC 5258 section 3.5)."""
    if not {ListSelect.RECURSIVEMATCH, ListSelect.SUBSCRIBED} <= command.select:
        return set()
    fits = _matcher(command.patterns)
    return {
        parent
        for info in infos
        if info.subscribed
        for parent in _parents(info.name)
        if fits(parent) and (parent in chosen or info.name not in chosen)
    }


def _attributes(command: List, info: MailboxInfo) -> list[bytes]:
    attributes = []
    if not info.selectable:
        attributes.append(b"\\Noselect" if info.has_children else b"\\NonExistent")
    if ListReturn.CHILDREN in command.returns:
        attributes.append(b"\\HasChildren" if info.has_children else b"\\HasNoChildren")
    wants_subscribed = ListReturn.SUBSCRIBED in command.returns or ListSelect.SUBSCRIBED in command.select
    if wants_subscribed and info.subscribed:
        attributes.append(b"\\Subscribed")
    wants_use = ListReturn.SPECIAL_USE in command.returns or ListSelect.SPECIAL_USE in command.select
    if wants_use and info.special_use:
        attributes.append(info.special_use.encode())
    return attributes


def _matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a name matches one of the patterns; INBOX matches in any case (RFC 3501 section 5.1)."""
    compiled = [names.pattern(text) for text in patterns]
    for_inbox = [re.compile(regex.pattern, regex.flags | re.IGNORECASE) for regex in compiled]

    def fits(name: str) -> bool:
        return any(regex.fullmatch(name) for regex in (for_inbox if name == INBOX else compiled))

    return fits


def _parents(name: str) -> list[str]:
    levels = name.split(DELIMITER)
    return [DELIMITER.join(levels[:depth]) for depth in range(1, len(levels))]


def _inbox_first(name: str) -> tuple[bool, str]:
    return name != INBOX, name
