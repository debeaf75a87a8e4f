"""Which mailboxes an ESEARCH is about: RFC 7377 §2.2, in the words of RFC 5465 §6."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence

import msgspec

from mailsuite.model import DELIMITER, INBOX, MailboxInfo


class SourceKind(enum.Enum):
    """The value is the word on the wire."""

    SELECTED = "selected"
    INBOXES = "inboxes"
    PERSONAL = "personal"
    SUBSCRIBED = "subscribed"
    SUBTREE = "subtree"
    SUBTREE_ONE = "subtree-one"
    MAILBOXES = "mailboxes"


class Source(msgspec.Struct, frozen=True):
    """``names``: for the kinds that name mailboxes."""

    kind: SourceKind
    names: tuple[str, ...] = ()


#: Where no source is given.
SELECTED_ONLY = (Source(SourceKind.SELECTED),)


def named(sources: Iterable[Source], infos: Sequence[MailboxInfo]) -> list[str]:
    """The mailboxes, each once and in the order of ``infos``, which is what ``IMailStore.list`` gives.  What cannot be
    opened is left out (§2.2), and the selected one is not looked for."""
    wanted = list(sources)
    return [info.name for info in infos if info.selectable and any(_holds(each, info) for each in wanted)]


def _holds(source: Source, info: MailboxInfo) -> bool:
    match source.kind:
        case SourceKind.SELECTED:
            return False
        case SourceKind.INBOXES:  # RFC 5465 §6.3: where new mail is delivered
            return info.name == INBOX
        case SourceKind.PERSONAL:
            return True
        case SourceKind.SUBSCRIBED:
            return info.subscribed
        case SourceKind.MAILBOXES:
            return info.name in source.names
        case SourceKind.SUBTREE:
            return any(info.name == name or info.name.startswith(name + DELIMITER) for name in source.names)
        case SourceKind.SUBTREE_ONE:
            return info.name in source.names or info.name.rpartition(DELIMITER)[0] in source.names
