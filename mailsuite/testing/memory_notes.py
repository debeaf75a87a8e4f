"""INotes of an account in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from zope.interface import implementer

from mailsuite.access import ANYONE, effective
from mailsuite.errors import NotAllowed, TooMany, Unsupported
from mailsuite.interfaces import INotes
from mailsuite.model import Annotated, FlagOp, RightsChanged
from mailsuite.store.access import changed
from mailsuite.store.metadata import MAX_ENTRIES, MAX_TOGETHER, SPECIAL_USE, special_use_of
from mailsuite.testing.faults import answers

if TYPE_CHECKING:
    from mailsuite.testing.memory_store import MemoryStore


@implementer(INotes)
class MemoryNotes:
    """Beside the mailboxes of ``store``."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def check(self, method: str) -> None:
        self._store.check(method)

    def owner(self, name: str) -> str:
        return self._store.account

    @answers
    def rights(self, name: str, user: str) -> str:
        return effective(self._store.mailbox(name).access, self._store.account, user)

    @answers
    def access(self, name: str) -> Mapping[str, str]:
        return dict(self._store.mailbox(name).access)

    @answers
    def accesses(self) -> Mapping[str, Mapping[str, str]]:
        return {name: dict(each.access) for name, each in self._store.mailboxes.items() if each.access}

    @answers
    def permit(self, name: str, identifier: str, op: FlagOp, rights: str) -> None:
        if identifier.removeprefix("-") == self._store.account:
            raise NotAllowed("an owner has all rights")
        mailbox = self._store.mailbox(name)
        mailbox.access = changed(mailbox.access, identifier, op, rights)
        self._store.tell(RightsChanged(name))

    @answers
    def sharers(self) -> Sequence[str]:
        me = {self._store.account, ANYONE}
        return sorted(
            other.account
            for other in self._store.others()
            if other.account != self._store.account
            and any(me & each.access.keys() for each in other.mailboxes.values())
        )

    def _held(self, name: str) -> dict[tuple[str, str], bytes]:
        return self._store.mailbox(name).annotations if name else self._store.server_annotations

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
        if values and len(after) > MAX_TOGETHER:
            raise TooMany("too many annotations")
        held.clear()
        held.update(after)
        self._store.tell(Annotated(name, (*values, *removed), user))


def _whose(entry: str, user: str) -> str:
    return user if entry.startswith("/private/") else ""
