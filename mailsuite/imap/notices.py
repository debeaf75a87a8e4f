"""What a client wants to be told, and of which mailboxes: NOTIFY, RFC 5465.

``Wishes`` says which events concern a mailbox; the functions say what a STATUS response must hold for them.  Before the
first NOTIFY nobody has wishes: see ``USUAL``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from mailsuite.imap.items import FetchItem, StatusItem
from mailsuite.imap.modseqs import Awareness
from mailsuite.imap.sources import Source, covers
from mailsuite.model import Arrived, Change, FlagsChanged, MailboxInfo, Overflow, Vanished


class EventKind(enum.Enum):
    """Those that are supported; the value is the word on the wire.  §5."""

    MESSAGE_NEW = "MessageNew"
    MESSAGE_EXPUNGE = "MessageExpunge"
    FLAG_CHANGE = "FlagChange"
    MAILBOX_NAME = "MailboxName"
    SUBSCRIPTION_CHANGE = "SubscriptionChange"
    MAILBOX_METADATA_CHANGE = "MailboxMetadataChange"
    SERVER_METADATA_CHANGE = "ServerMetadataChange"


#: Those about messages.
OF_MESSAGES = frozenset({EventKind.MESSAGE_NEW, EventKind.MESSAGE_EXPUNGE, EventKind.FLAG_CHANGE})
_NEW, _EXPUNGE, _FLAGS = EventKind.MESSAGE_NEW, EventKind.MESSAGE_EXPUNGE, EventKind.FLAG_CHANGE


class OfSelected(msgspec.Struct, frozen=True):
    """§6.1.  ``delayed``: expunges are told with commands only.  ``fetch``: what to tell of new messages."""

    kinds: frozenset[EventKind] = frozenset()
    delayed: bool = True
    fetch: tuple[FetchItem, ...] = ()


#: What everybody is told who never said NOTIFY: with commands and while idling.
USUAL = OfSelected(OF_MESSAGES)


class Group(msgspec.Struct, frozen=True):
    """event-group.  No ``kinds``: nothing of these mailboxes, whatever other groups say."""

    source: Source
    kinds: frozenset[EventKind]


class Wishes(msgspec.Struct, frozen=True):
    """``others``: the level below which others' mailboxes are."""

    selected: OfSelected
    groups: tuple[Group, ...] = ()
    others: str = ""

    def of(self, name: str, subscribed: bool) -> frozenset[EventKind]:
        """Events of a mailbox of that name which is not selected."""
        covering = [g.kinds for g in self.groups if covers(g.source, name, subscribed, self.others)]
        return frozenset().union(*covering) if all(covering) else frozenset()

    @property
    def of_server(self) -> bool:
        """Whether changes of the server's annotations are to be told."""
        return any(EventKind.SERVER_METADATA_CHANGE in group.kinds for group in self.groups)

    def watched(self, infos: Iterable[MailboxInfo]) -> dict[str, frozenset[EventKind]]:
        """Mailboxes whose messages are to be watched, and for what."""
        wanted = {info.name: self.of(info.name, info.subscribed) & OF_MESSAGES for info in infos if info.selectable}
        return {name: kinds for name, kinds in wanted.items() if kinds}

    def barred(self, infos: Iterable[MailboxInfo]) -> list[str]:
        """Mailboxes that may be listed and not be watched, §3.1."""
        return [info.name for info in infos if info.barred and self.of(info.name, info.subscribed) & OF_MESSAGES]


def first_status(kinds: frozenset[EventKind]) -> tuple[StatusItem, ...]:
    """What NOTIFY SET STATUS tells of a mailbox for such events, §3.1."""
    items = dict.fromkeys((StatusItem.MESSAGES,))
    if _NEW in kinds:
        items |= dict.fromkeys((StatusItem.UIDNEXT, StatusItem.UIDVALIDITY))
    if _FLAGS in kinds:
        items |= dict.fromkeys((StatusItem.UIDVALIDITY, StatusItem.HIGHESTMODSEQ))
    return tuple(items)


def happened(changes: Iterable[Change]) -> frozenset[EventKind]:
    """Events that these changes of a mailbox are; all of them where some were lost."""
    kinds: set[EventKind] = set()
    for change in changes:
        match change:
            case Arrived():
                kinds.add(_NEW)
            case Vanished():
                kinds.add(_EXPUNGE)
            case FlagsChanged():
                kinds.add(_FLAGS)
            case Overflow():
                kinds |= OF_MESSAGES
    return frozenset(kinds)


def status_items(kinds: frozenset[EventKind], awareness: Awareness, unseen_changed: bool) -> tuple[StatusItem, ...]:
    """What STATUS tells when these happened, §5.1 to §5.3; nothing where there is nothing to tell."""
    aware = awareness is not Awareness.NONE
    items: dict[StatusItem, None] = {}
    if kinds & {_NEW, _EXPUNGE}:
        items |= dict.fromkeys((StatusItem.UIDNEXT, StatusItem.MESSAGES))
        if awareness is Awareness.QRESYNC or (aware and _NEW in kinds):
            items[StatusItem.HIGHESTMODSEQ] = None
    if _FLAGS in kinds and (aware or unseen_changed):
        items[StatusItem.UIDVALIDITY] = None
        if aware:
            items[StatusItem.HIGHESTMODSEQ] = None
        if unseen_changed:
            items[StatusItem.UNSEEN] = None
    return tuple(items)
