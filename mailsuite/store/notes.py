"""INotes of an account: what lies beside the mail in the folders of its mailboxes."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.access import effective
from mailsuite.errors import NotAllowed, Unsupported
from mailsuite.interfaces import INotes
from mailsuite.model import Annotated, FlagOp, MailboxesChange, RightsChanged
from mailsuite.store import access, metadata
from mailsuite.store.access import Shares
from mailsuite.store.mailbox import Lane
from mailsuite.store.metadata import FILE, SERVER_FILE, SPECIAL_USE


@implementer(INotes)
class MaildirNotes:
    """Each call is one job in the account's lane."""

    def __init__(self, lane: Lane, shares: Shares, origin: object) -> None:
        """``origin``: of what is done through them, for those who watch the mailboxes."""
        self._lane = lane
        self._origin = origin
        self._shares = shares
        self._account = lane.account
        self._disk = lane.account.resources.disk

    # -- access ----------------------------------------------------------------------------------------------------

    def owner(self, name: str) -> str:
        return self._account.name

    def rights(self, name: str, user: str) -> Deferred[str]:
        return self._lane.run(lambda: effective(self._access(name), self._account.name, user))

    def access(self, name: str) -> Deferred[Mapping[str, str]]:
        return self._lane.run(self._access, name)

    def _access(self, name: str) -> Mapping[str, str]:
        return access.read(self._disk, self._account.folder(name).path)

    def accesses(self) -> Deferred[Mapping[str, Mapping[str, str]]]:
        return self._lane.run(self._accesses)

    def _accesses(self) -> dict[str, Mapping[str, str]]:
        found = {name: access.read(self._disk, self._account.path(name)) for name in self._account.names()}
        return {name: held for name, held in found.items() if held}

    def permit(self, name: str, identifier: str, op: FlagOp, rights: str) -> Deferred[None]:
        done = self._lane.run(self._permit, name, identifier, op, rights)
        return done.addCallback(self._told, RightsChanged(name))

    def _permit(self, name: str, identifier: str, op: FlagOp, rights: str) -> None:
        if identifier.removeprefix("-") == self._account.name:
            raise NotAllowed("an owner has all rights")
        path = self._account.folder(name).path
        before = access.read(self._disk, path)
        after = access.changed(before, identifier, op, rights)
        if after != before:
            self._shares.add(self._account.name, identifier)  # rather a line too many than one too few
            access.write(self._disk, path, after)
            self._shares.keep(self._account.name, {each for held in self._accesses().values() for each in held})

    def sharers(self) -> Deferred[Sequence[str]]:
        return self._lane.run_unlocked(self._sharers)

    def _sharers(self) -> Sequence[str]:
        owners = self._shares.owners(self._account.name)
        return [owner for owner in owners if os.path.isdir(self._account.maildir_of(owner))]

    # -- annotations -----------------------------------------------------------------------------------------------

    def annotations(self, name: str, user: str) -> Deferred[Mapping[str, bytes]]:
        return self._lane.run(self._annotations, name, user)

    def _annotations(self, name: str, user: str) -> Mapping[str, bytes]:
        found = metadata.seen_by(self._disk, self._path(name), user)
        if name and user == self._account.name and (use := self._account.special_use(name)):
            found[SPECIAL_USE] = use.encode("ascii")
        return found

    def annotate(self, name: str, user: str, values: Mapping[str, bytes], removed: Collection[str]) -> Deferred[None]:
        done = self._lane.run(self._annotate, name, user, values, removed)
        return done.addCallback(self._told, Annotated(name, (*values, *removed), user))

    def _told(self, _: None, change: MailboxesChange) -> None:
        self._account.mailboxes.publish((change,), self._origin)

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
