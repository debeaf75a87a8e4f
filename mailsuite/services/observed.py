"""The mailboxes of one protocol's sessions, with an observer who is told what they read, move and remove.

Everything else is the store's own: the classes here pass on whatever the seams have.  A message that is read again in
the same selection is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from twisted.internet.defer import Deferred
from twisted.python.components import proxyForInterface

from mailsuite.errors import MailError
from mailsuite.happenings import Moved, Read, Removed
from mailsuite.interfaces import IBody, IDraft, IMailbox, IMailStore, IMailStores, IObserver
from mailsuite.model import SEEN, Appended, Copied, FlagOp, Flags

#: UIDs of one selection that are remembered as read.
_REMEMBERED = 10_000

if TYPE_CHECKING:

    class _Stores:
        original: IMailStores

        def __init__(self, original: IMailStores) -> None: ...

    class _Store:
        original: IMailStore

        def __init__(self, original: IMailStore) -> None: ...

    class _Mailbox:
        original: IMailbox
        name: str
        account: str

        def __init__(self, original: IMailbox) -> None: ...

else:
    _Stores, _Store, _Mailbox = map(proxyForInterface, (IMailStores, IMailStore, IMailbox))


class ObservedStores(_Stores):
    """``how`` names the protocol: what it does is told with its name; ``bodies``: a body that is opened is given to the
    client."""

    def __init__(
        self, original: IMailStores, observer: IObserver, how: str, seconds: Callable[[], float], bodies: bool
    ) -> None:
        super().__init__(original)
        self.telling = _Telling(observer, how, seconds, bodies)

    def open(self, account: str) -> Deferred[IMailStore]:
        return self.original.open(account).addCallback(
            lambda store: cast(IMailStore, ObservedStore(store, self.telling))
        )


def observed(
    stores: IMailStores, observer: IObserver, how: str, seconds: Callable[[], float], bodies: bool
) -> IMailStores:
    """The same mailboxes, with ``observer`` told what happens in them, if it listens; see ``ObservedStores``."""
    if not observer.listens:
        return stores
    return cast(IMailStores, ObservedStores(stores, observer, how, seconds, bodies))


class _Telling:
    def __init__(self, observer: IObserver, how: str, seconds: Callable[[], float], bodies: bool) -> None:
        self.observer = observer
        self.how = how
        self.seconds = seconds
        self.bodies = bodies


class ObservedStore(_Store):
    def __init__(self, original: IMailStore, telling: _Telling) -> None:
        super().__init__(original)
        self._telling = telling

    def open(self, name: str) -> Deferred[IMailbox]:
        opening = self.original.open(name)
        return opening.addCallback(lambda mailbox: cast(IMailbox, ObservedMailbox(mailbox, self._telling)))

    def copy(self, source: IMailbox, uids: Sequence[int], target: str, move: bool) -> Deferred[Copied]:
        own = source.original if isinstance(source, ObservedMailbox) else source
        return self.original.copy(own, uids, target, move).addCallback(self._copied, own, target, move)

    def _copied(self, copied: Copied, source: IMailbox, target: str, move: bool) -> Copied:
        telling = self._telling
        if copied.sources:
            where = f"{source.account}/{target}"
            moved = Moved(telling.seconds(), place_of(source), copied.sources, where, copied.targets, not move)
            telling.observer.happened(moved)
        return copied

    def replace(
        self, source: IMailbox, uid: int, name: str, message: tuple[IDraft, Flags, float]
    ) -> Deferred[Appended]:
        own = source.original if isinstance(source, ObservedMailbox) else source
        return self.original.replace(own, uid, name, message).addCallback(self._replaced, own, uid)

    def _replaced(self, appended: Appended, source: IMailbox, uid: int) -> Appended:
        telling = self._telling
        removed = Removed(telling.seconds(), place_of(source), (uid,), f"replaced by {telling.how}")
        telling.observer.happened(removed)
        return appended


class ObservedMailbox(_Mailbox):
    def __init__(self, original: IMailbox, telling: _Telling) -> None:
        super().__init__(original)
        self._telling = telling
        self._read: set[int] = set()

    def body(self, uid: int) -> Deferred[IBody]:
        if not self._telling.bodies:
            return self.original.body(uid)
        return self.original.body(uid).addCallback(self._opened, uid)

    def _opened(self, body: IBody, uid: int) -> IBody:
        self._once((uid,))
        return body

    def octets(self, uids: Sequence[int], most: int) -> Deferred[Sequence[bytes | MailError]]:
        found = self.original.octets(uids, most)
        return found.addCallback(self._fetched, uids) if self._telling.bodies else found

    def _fetched(self, found: Sequence[bytes | MailError], uids: Sequence[int]) -> Sequence[bytes | MailError]:
        """Of several, some may be read before the client asks for them (``net.imap_following``)."""
        ahead = ", or ahead for it" if len(uids) > 1 else ""
        self._once([uid for uid, each in zip(uids, found, strict=False) if isinstance(each, bytes)], ahead)
        return found

    def _once(self, uids: Sequence[int], ahead: str = "") -> None:
        fresh = [uid for uid in uids if uid not in self._read]
        if fresh:
            self.given(fresh, f"read by {self._telling.how}{ahead}")
            self._read.update(fresh[: max(0, _REMEMBERED - len(self._read))])

    def given(self, uids: Sequence[int], how: str) -> None:
        """Told by who knows it better than the store."""
        telling = self._telling
        telling.observer.happened(Read(telling.seconds(), place_of(self.original), tuple(uids), how))

    def store(
        self, uids: Sequence[int], op: FlagOp, flags: Flags, unchanged_since: int | None
    ) -> Deferred[tuple[Sequence[tuple[int, Flags, int]], Sequence[int]]]:
        stored = self.original.store(uids, op, flags, unchanged_since)
        if SEEN in flags and op is not FlagOp.REMOVE:
            stored.addCallback(self._marked)
        return stored

    def _marked(
        self, stored: tuple[Sequence[tuple[int, Flags, int]], Sequence[int]]
    ) -> tuple[Sequence[tuple[int, Flags, int]], Sequence[int]]:
        if stored[0]:
            self.given([uid for uid, _, _ in stored[0]], f"marked as read by {self._telling.how}")
        return stored

    def expunge(self, uids: Sequence[int]) -> Deferred[Sequence[int]]:
        return self.original.expunge(uids).addCallback(self._removed)

    def _removed(self, uids: Sequence[int]) -> Sequence[int]:
        telling = self._telling
        if uids:
            place = place_of(self.original)
            telling.observer.happened(Removed(telling.seconds(), place, tuple(uids), f"expunged by {telling.how}"))
        return uids


def place_of(mailbox: IMailbox) -> str:
    """``ACCOUNT/MAILBOX``"""
    return f"{mailbox.account}/{mailbox.name}"
