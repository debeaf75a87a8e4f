"""INotes of an account: what lies beside the mail in the folders of its mailboxes."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.errors import Unsupported
from mailsuite.interfaces import INotes
from mailsuite.store import metadata
from mailsuite.store.mailbox import Lane
from mailsuite.store.metadata import FILE, SERVER_FILE, SPECIAL_USE


@implementer(INotes)
class MaildirNotes:
    """Each call is one job in the account's lane."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._account = lane.account
        self._disk = lane.account.resources.disk

    def annotations(self, name: str, user: str) -> Deferred[Mapping[str, bytes]]:
        return self._lane.run(self._annotations, name, user)

    def _annotations(self, name: str, user: str) -> Mapping[str, bytes]:
        found = metadata.seen_by(self._disk, self._path(name), user)
        if name and user == self._account.name and (use := self._account.special_use(name)):
            found[SPECIAL_USE] = use.encode("ascii")
        return found

    def annotate(self, name: str, user: str, values: Mapping[str, bytes], removed: Collection[str]) -> Deferred[None]:
        return self._lane.run(self._annotate, name, user, values, removed)

    def _annotate(self, name: str, user: str, values: Mapping[str, bytes], removed: Collection[str]) -> None:
        path = self._path(name)
        others = {entry: value for entry, value in values.items() if entry != SPECIAL_USE}
        use = metadata.special_use_of(values[SPECIAL_USE]) if SPECIAL_USE in values else ""
        assigns = SPECIAL_USE in values or SPECIAL_USE in removed
        if assigns and (not name or user != self._account.name):
            raise Unsupported("only whose mailbox it is gives it a special use")
        metadata.annotate(self._disk, path, user, others, removed)
        if assigns:
            self._account.set_special_use(name, use)

    def _path(self, name: str) -> str:
        if not name:
            return os.path.join(self._account.maildir, SERVER_FILE)
        return os.path.join(self._account.folder(name).path, FILE)
