"""What a client is told of mailboxes that others make, remove, rename, subscribe or annotate: RFC 5465 §5.4 to §5.7."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailsuite.imap import listing, responses
from mailsuite.imap.events import List
from mailsuite.imap.items import ListReturn
from mailsuite.imap.listing import Listed
from mailsuite.imap.notices import EventKind, Wishes
from mailsuite.model import (
    DELIMITER,
    Annotated,
    MailboxesChange,
    MailboxInfo,
    MailboxMade,
    MailboxRemoved,
    MailboxRenamed,
    Overflow,
    SubscriptionChanged,
)


def lines(
    wishes: Wishes, changes: Sequence[MailboxesChange], infos: Sequence[MailboxInfo], user: str, utf8: bool
) -> Iterator[bytes]:
    """Responses for what other sessions did; ``infos`` are those of now, ``user`` is who is told, who knows names in
    UTF-8 where ``utf8``, here and below."""
    known = {info.name: info for info in infos}
    listed: dict[bytes, None] = {}
    for change in changes:
        if isinstance(change, Overflow) or change.own:
            continue
        if isinstance(change, Annotated):
            yield from _metadata(wishes, change, known, user, utf8)
        for name, kind, old in _affected(change):
            info = known.get(name) or MailboxInfo(name, selectable=False)
            if kind in wishes.of(name, info.subscribed) or (old and kind in wishes.of(old, False)):
                listed[_line(info, old, utf8)] = None
    yield from listed


def _affected(change: MailboxesChange) -> list[tuple[str, EventKind, str]]:
    """Names, for which kind of event, and what each was called before."""
    match change:
        case MailboxMade(name=name) | MailboxRemoved(name=name):
            parent = name.rpartition(DELIMITER)[0]
            return [(each, EventKind.MAILBOX_NAME, "") for each in (name, parent) if each]
        case MailboxRenamed(old=old, new=new):
            return [(new, EventKind.MAILBOX_NAME, old)]
        case SubscriptionChanged(name=name):
            return [(name, EventKind.SUBSCRIPTION_CHANGE, "")]
    return []


def _metadata(
    wishes: Wishes, change: Annotated, known: dict[str, MailboxInfo], user: str, utf8: bool
) -> Iterator[bytes]:
    """The names of entries that the user may see; values are for GETMETADATA (RFC 5464 §4.4.2)."""
    if change.name:
        info = known.get(change.name)
        wanted = info and EventKind.MAILBOX_METADATA_CHANGE in wishes.of(change.name, info.subscribed)
    else:
        wanted = wishes.of_server
    entries = [each for each in change.entries if change.user == user or not each.startswith("/private/")]
    if wanted and entries:
        yield responses.metadata_changed(responses.mailbox(change.name, utf8), entries)


_EXTENDED = List(
    b"", (), returns=frozenset({ListReturn.CHILDREN, ListReturn.SUBSCRIBED, ListReturn.SPECIAL_USE}), extended=True
)


def _line(info: MailboxInfo, old: str, utf8: bool) -> bytes:
    """oldname-extended-item = "OLDNAME" SP "(" mailbox ")" """
    extended = b'("OLDNAME" (%b))' % responses.mailbox(old, utf8) if old else b""
    return listing.line(_EXTENDED, Listed(info), utf8, extended)


def barred_line(name: str, utf8: bool) -> bytes:
    """It may not be watched any more, or never could, §3.1, §5.9."""
    return responses.list_line(b"LIST", (b"\\NoAccess",), responses.mailbox(name, utf8))


def list_line(info: MailboxInfo, utf8: bool) -> bytes:
    """It may be watched again, §5.9."""
    return _line(info, "", utf8)
