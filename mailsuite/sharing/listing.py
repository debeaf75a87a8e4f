"""LIST over one's own mailboxes and those that others share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from mailsuite.access import effective
from mailsuite.errors import NotFound
from mailsuite.model import DELIMITER, INBOX, MailboxInfo

if TYPE_CHECKING:
    from mailsuite.sharing.store import SharingStore

#: Others whose mailboxes are listed, the first by name.
MAX_OWNERS = 500


async def together(store: SharingStore) -> Sequence[MailboxInfo]:
    """See ``IMailStore.list``."""
    own = await store.own.list()
    shared: dict[str, str] = {}
    for owner in (await store.own.notes.sharers())[:MAX_OWNERS]:
        if DELIMITER not in owner:  # such a name would be two levels
            shared |= await visible(store, owner)
    if not shared:
        return own
    subscribed = {info.name for info in own if info.subscribed and store.namespace.is_shared(info.name)}
    kept = [info for info in own if not store.namespace.is_shared(info.name)]
    names = shared.keys() | subscribed | {parent for name in shared for parent in _parents(name)}
    infos = [*kept, *(_info(name, shared, name in subscribed) for name in names)]
    return sorted(infos, key=lambda info: (info.name != INBOX, info.name))


async def one(store: SharingStore, name: str) -> Sequence[MailboxInfo]:
    """The same of one name below the namespace, for which only its owner is asked."""
    try:
        owner = store.namespace.locate(name).owner
    except NotFound:  # a level above others' mailboxes
        return [info for info in await together(store) if info.name == name]
    shared = await visible(store, owner)
    subscribed = bool(await store.own.list(name))
    if name in shared or subscribed or _has_children(name, shared):
        return [_info(name, shared, subscribed)]
    return ()


async def visible(store: SharingStore, owner: str) -> dict[str, str]:
    """Name -> rights of those of an owner's mailboxes that may be looked up; none if he has gone meanwhile."""
    try:
        accesses: Mapping[str, Mapping[str, str]] = await (await store.other(owner)).notes.accesses()
    except NotFound:
        return {}
    rights = {name: effective(access, owner, store.user) for name, access in accesses.items()}
    return {store.namespace.show(owner, name): held for name, held in rights.items() if "l" in held}


def _info(name: str, shared: Mapping[str, str], subscribed: bool) -> MailboxInfo:
    rights = shared.get(name, "")
    return MailboxInfo(
        name=name,
        selectable="r" in rights,
        subscribed=subscribed,
        has_children=_has_children(name, shared),
        barred=bool(rights) and "r" not in rights,
    )


def _has_children(name: str, shared: Iterable[str]) -> bool:
    return any(other.startswith(name + DELIMITER) for other in shared)


def _parents(name: str) -> list[str]:
    levels = name.split(DELIMITER)
    return [DELIMITER.join(levels[:count]) for count in range(1, len(levels))]
