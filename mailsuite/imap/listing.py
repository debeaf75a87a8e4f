"""Answers LIST and LSUB from the account's mailboxes: which match, with which attributes.

RFC 3501 sections 6.3.8 and 6.3.9, RFC 5258 (LIST-EXTENDED), RFC 6154 (SPECIAL-USE).  ``infos`` is what
``IMailStore.list`` gives: every mailbox and every subscribed name, parents that are no mailboxes among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from mailsuite.imap import names, responses
from mailsuite.imap.events import List, Lsub
from mailsuite.imap.items import ListReturn, ListSelect
from mailsuite.model import DELIMITER, INBOX, MailboxInfo

#: The answer to ``LIST "" ""``: the delimiter, RFC 3501 section 6.3.8.
_DELIMITER_LINE = b'* LIST (\\Noselect) "/" ""\r\n'
_CHILDINFO = b'("CHILDINFO" ("SUBSCRIBED"))'


class Listed(msgspec.Struct, frozen=True):
    """A name to be told.  ``matched``: it meets the selection criteria itself; ``childinfo``: something below it does,
    and the client asked for that (RFC 5258 §3.5)."""

    info: MailboxInfo
    matched: bool = True
    childinfo: bool = False

    def barred(self) -> Listed:
        """The same, not to be selected after all."""
        return msgspec.structs.replace(self, info=msgspec.structs.replace(self.info, selectable=False, barred=True))

    @property
    def there(self) -> bool:
        """Whether it is a mailbox that was asked for, to be opened or not (RFC 8440 §3, RFC 9590 §3)."""
        return self.matched and (self.info.selectable or self.info.barred)

    @property
    def telling(self) -> bool:
        """Whether a STATUS response about it may follow (RFC 5819 §2)."""
        return self.matched and self.info.selectable


def listed(command: List, infos: Sequence[MailboxInfo]) -> list[Listed]:
    """What LIST tells, in the order of ``infos``."""
    fits = _matcher(command.patterns)
    matched = {info.name for info in infos if fits(info.name) and _selected(command.select, info)}
    parents = _parents_of_matching(command, infos, matched, fits)
    if missing := parents.difference(info.name for info in infos):  # above subscriptions whose mailboxes are gone
        bare = (MailboxInfo(name, selectable=False) for name in missing)
        infos = sorted((*infos, *bare), key=lambda info: _inbox_first(info.name))
    return [
        Listed(info, info.name in matched, info.name in parents)
        for info in infos
        if info.name in matched or info.name in parents
    ]


def line(command: List, each: Listed, utf8: bool = False, extended: bytes = b"") -> bytes:
    """The LIST response; ``utf8``: whether the client knows names in UTF-8, here and below; ``extended``: further data
    in parentheses (RFC 5258 §6)."""
    extended = _CHILDINFO if each.childinfo else extended
    return responses.list_line(b"LIST", _attributes(command, each), responses.mailbox(each.info.name, utf8), extended)


_ALL_ATTRIBUTES = List(
    b"", (), returns=frozenset({ListReturn.CHILDREN, ListReturn.SUBSCRIBED, ListReturn.SPECIAL_USE}), extended=True
)


def opened_line(found: MailboxInfo | str, utf8: bool) -> bytes:
    """The LIST response that SELECT and EXAMINE give (RFC 9051 §6.3.2); only the name of a mailbox that LIST hides from
    this user (RFC 4314 §4: ``r`` without ``l``)."""
    if isinstance(found, str):
        return responses.list_line(b"LIST", (), responses.mailbox(found, utf8))
    return line(_ALL_ATTRIBUTES, Listed(found), utf8)


def lines(command: List, infos: Sequence[MailboxInfo], utf8: bool = False) -> list[bytes]:
    """All LIST responses."""
    if not command.patterns and not command.extended:
        return [_DELIMITER_LINE]
    return [line(command, each, utf8) for each in listed(command, infos)]


def lsub_lines(command: Lsub, infos: Sequence[MailboxInfo], utf8: bool = False) -> list[bytes]:
    """The LSUB responses; with ``%``, a name whose inferiors are subscribed is told as \\Noselect."""
    fits = _matcher((command.pattern,))
    subscribed = {info.name for info in infos if info.subscribed}
    found: dict[str, tuple[bytes, ...]] = {name: () for name in subscribed if fits(name)}
    if command.pattern.endswith("%"):
        for name in subscribed:
            for parent in _parents(name):
                if fits(parent):
                    found.setdefault(parent, (b"\\Noselect",))
    return [
        responses.list_line(b"LSUB", found[name], responses.mailbox(name, utf8))
        for name in sorted(found, key=_inbox_first)
    ]


def _selected(select: Iterable[ListSelect], info: MailboxInfo) -> bool:
    """A name that is only subscribed exists for nobody who did not ask for subscriptions (RFC 5258 section 3.1)."""
    wanted = info.subscribed if ListSelect.SUBSCRIBED in select else info.selectable or info.has_children or info.barred
    return wanted and (ListSelect.SPECIAL_USE not in select or bool(info.special_use))


def _parents_of_matching(
    command: List, infos: Sequence[MailboxInfo], matched: set[str], fits: Callable[[str], bool]
) -> set[str]:
    """RECURSIVEMATCH: names that fit a pattern and have names below them that meet the criteria; one that is not told
    for its own sake only where some of those below are not told either (RFC 5258 §3.5)."""
    if ListSelect.RECURSIVEMATCH not in command.select:
        return set()
    return {
        parent
        for info in infos
        if _selected(command.select, info)
        for parent in _parents(info.name)
        if fits(parent) and (parent in matched or info.name not in matched)
    }


def _attributes(command: List, each: Listed) -> list[bytes]:
    info = each.info
    attributes = []
    if not info.selectable:
        attributes.append(_unselectable(command, info))
    if ListReturn.CHILDREN in command.returns or (command.extended and not info.selectable and info.has_children):
        attributes.append(b"\\HasChildren" if info.has_children else b"\\HasNoChildren")
    wants_subscribed = ListReturn.SUBSCRIBED in command.returns or ListSelect.SUBSCRIBED in command.select
    if wants_subscribed and info.subscribed:
        attributes.append(b"\\Subscribed")
    wants_use = ListReturn.SPECIAL_USE in command.returns or ListSelect.SPECIAL_USE in command.select
    if wants_use:
        attributes.extend(info.special_use.encode("ascii", "replace").split())
    return attributes


def _unselectable(command: List, info: MailboxInfo) -> bytes:
    """A name without a mailbox: clients that sent no extended LIST do not know RFC 5258's word for it."""
    if info.barred or (info.has_children and not command.extended):
        return b"\\Noselect"
    return b"\\NonExistent"


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
