"""INotes of an account in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from zope.interface import implementer

from mailsuite.errors import TooMany, Unsupported
from mailsuite.interfaces import INotes
from mailsuite.store.metadata import MAX_ENTRIES, SPECIAL_USE, special_use_of
from mailsuite.testing.faults import answers

if TYPE_CHECKING:
    from mailsuite.testing.memory_store import MemoryStore


@implementer(INotes)
class MemoryNotes:
    """Beside the mailboxes of ``store``."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        #: Whose (empty: everybody's), entry -> value, of the server.
        self.server: dict[tuple[str, str], bytes] = {}

    def check(self, method: str) -> None:
        self._store.check(method)

    def _held(self, name: str) -> dict[tuple[str, str], bytes]:
        return self._store.mailbox(name).annotations if name else self.server

    @answers
    def annotations(self, name: str, user: str) -> Mapping[str, bytes]:
        found = {entry: value for (whose, entry), value in self._held(name).items() if whose in ("", user)}
        if name and user == self._store.account and (use := self._store.mailbox(name).special_use):
            found[SPECIAL_USE] = use.encode()
        return found

    @answers
    def annotate(self, name: str, user: str, values: Mapping[str, bytes], removed: Collection[str]) -> None:
        held = self._held(name)
        if SPECIAL_USE in values or SPECIAL_USE in removed:
            if not name or user != self._store.account:
                raise Unsupported("only whose mailbox it is gives it a special use")
            self._store.mailbox(name).special_use = special_use_of(values.get(SPECIAL_USE, b""))
        after = {
            key: value for key, value in held.items() if key not in {(_whose(each, user), each) for each in removed}
        }
        after |= {(_whose(entry, user), entry): value for entry, value in values.items() if entry != SPECIAL_USE}
        for whose in {_whose(entry, user) for entry in values}:
            if sum(other == whose for other, _ in after) > MAX_ENTRIES:
                raise TooMany("too many annotations")
        held.clear()
        held.update(after)


def _whose(entry: str, user: str) -> str:
    return user if entry.startswith("/private/") else ""
