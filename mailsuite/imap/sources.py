"""Which mailboxes an ESEARCH is about: RFC 7377 §2.2, in the words of RFC 5465 §6."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence

import msgspec

from mailsuite.model import DELIMITER, INBOX, MailboxInfo


class SourceKind(enum.Enum):
    """The value is the word on the wire."""

    SELECTED = "selected"
    SELECTED_DELAYED = "selected-delayed"
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


def named(sources: Iterable[Source], infos: Sequence[MailboxInfo], others: str) -> list[str]:
    """The mailboxes, each once and in the order of ``infos``, which is what ``IMailStore.list`` gives.  What cannot be
    opened is left out (§2.2), and the selected one is not looked for.  ``others``: the level below which others'
    mailboxes are, empty for nowhere."""
    wanted = list(sources)
    return [
        info.name
        for info in infos
        if info.selectable and any(covers(each, info.name, info.subscribed, others) for each in wanted)
    ]


def covers(source: Source, name: str, subscribed: bool, others: str) -> bool:
    """Whether a mailbox of that name, or where it would be, is among them."""
    match source.kind:
        case SourceKind.SELECTED | SourceKind.SELECTED_DELAYED:
            return False
        case SourceKind.INBOXES:  # RFC 5465 §6.3: where new mail is delivered
            return name == INBOX
        case SourceKind.PERSONAL:
            return not (others and (name + DELIMITER).startswith(others + DELIMITER))
        case SourceKind.SUBSCRIBED:
            return subscribed
        case SourceKind.MAILBOXES:
            return name in source.names
        case SourceKind.SUBTREE:
            return any(name == top or name.startswith(top + DELIMITER) for top in source.names)
        case SourceKind.SUBTREE_ONE:
            return name in source.names or name.rpartition(DELIMITER)[0] in source.names
