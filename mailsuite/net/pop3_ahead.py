"""Reads the messages that a POP3 session will ask for next, several in one go, while it takes the ones before.

Clients fetch messages in order, one command at a time or pipelined; a thread that reads one message for each command
costs more than the reading.  Bounded: ``GROUP`` octets and ``MOST`` messages at a time for a session, two such groups
at most, and the ``Shelf``'s octets for all sessions together, where who was idle for longest loses first.  What was
taken is let go half a group at a time, so that nothing but a look-up is done for most messages.  What is removed by
others meanwhile is heard of and not given any more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import Expunged, MailError
from mailsuite.interfaces import IMailbox, IWatch
from mailsuite.model import Gone, Overflow, Vanished

#: Octets and messages that are read at a time.
GROUP = 512 * 1024
MOST = 64
#: Messages of the first group: nobody knows yet whether more will be asked for.
_FIRST = 8


class Shelf:
    """How many octets all sessions together may have read ahead."""

    def __init__(self, most: int = 64 * 1024 * 1024) -> None:
        self._most = most
        self._held: OrderedDict[Ahead, int] = OrderedDict()
        self.octets = 0

    def hold(self, ahead: Ahead, octets: int) -> None:
        """``ahead`` has so many now."""
        self.octets += octets - self._held.pop(ahead, 0)
        if octets:
            self._held[ahead] = octets
        while self.octets > self._most and self._held:
            other, lost = self._held.popitem(last=False)
            self.octets -= lost
            other.lose()


class Ahead:
    """One session's."""

    log = Logger()

    def __init__(self, mailbox: IMailbox, uids: Sequence[int], at: int, shelf: Shelf) -> None:
        """``uids`` by index; ``at`` is the change-feed position of the listing that they are from."""
        self._mailbox = mailbox
        self._uids = uids
        self._at = at
        self._shelf = shelf
        self._found: dict[int, bytes | MailError] = {}
        self._octets = 0
        self._next = 0  # where reading in order goes on
        self._turn = 0  # who takes this one, or one after it, has taken half of what was read last
        self._run = _FIRST
        self._reading = False
        self._waiting: list[Deferred[None]] = []
        self._watch: IWatch | None = None
        self._gone: set[int] = set()
        self._closed = False

    def take(self, index: int) -> bytes | MailError | None:
        """The message, or why there is none, if that is at hand; it stays until later ones are taken."""
        found = self._found.get(index)
        if found is not None and self._turn <= index < self._next:
            self._drop_before(index)
            self._read_on()
        return found

    async def get(self, index: int, coming: Sequence[int]) -> bytes | MailError:
        """The message, read now if need be, with those that are ``coming`` or else the next ones.  Raises MailError."""
        while self._reading:
            done: Deferred[None] = Deferred()
            self._waiting.append(done)
            await done
        if index in self._found:
            return self._found[index]
        wanted = dict.fromkeys((index, *(coming or self._in_order(index))))
        return await self._read([each for each in wanted if each not in self._found])

    def _in_order(self, index: int) -> range:
        """More each time as long as it is the next that is asked for; only up to what is at hand, so that who goes
        backwards has each read once."""
        self._run = min(2 * self._run, MOST) if index == self._next else _FIRST
        self._next = index
        end = min(index + self._run, len(self._uids))
        return range(index, next((each for each in range(index + 1, end) if each in self._found), end))

    def lose(self) -> None:
        """Others need the room."""
        self._found.clear()
        self._octets = 0
        self._run = 1

    def close(self) -> None:
        """The session ends."""
        self._closed = True
        self.lose()
        self._shelf.hold(self, 0)
        if self._watch is not None:
            self._watch.close()

    # -- reading -------------------------------------------------------------------------------------------------

    def _read_on(self) -> None:
        """The next messages in order, in the background."""
        if self._reading or self._next >= len(self._uids):
            return
        self._run = min(2 * self._run, MOST)
        self._turn = self._next
        wanted = range(self._next, min(self._next + self._run, len(self._uids)))
        Deferred.fromCoroutine(self._read(wanted)).addErrback(self._not_read)

    def _not_read(self, failure: Failure) -> None:
        """Who asks for one of them will hear why."""
        if not failure.check(MailError):
            self.log.failure("while reading ahead", failure)

    async def _read(self, wanted: Sequence[int]) -> bytes | MailError:
        """Keep as many of them as there is room for; gives the first."""
        if self._watch is None:
            self._watch = self._mailbox.watch(self._at, self._changed)
        self._reading = True
        try:
            found = await self._mailbox.octets([self._uids[index] for index in wanted], GROUP)
            if not self._closed:
                self._keep(wanted[: len(found)], found)
            return found[0] if self._uids[wanted[0]] not in self._gone else Expunged("the message is gone")
        finally:
            self._reading = False
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                done.callback(None)

    def _keep(self, indices: Sequence[int], found: Sequence[bytes | MailError]) -> None:
        self._make_room()
        for index, message in zip(indices, found, strict=True):
            self._drop(index)
            if self._uids[index] not in self._gone:
                self._found[index] = message
                self._octets += _size(message)
        if indices and indices[0] <= self._next <= indices[-1]:
            self._next = indices[-1] + 1
            self._turn = self._next - max(len(indices) // 2, 1)
        self._shelf.hold(self, self._octets)

    def _drop_before(self, index: int) -> None:
        found = self._found
        if not found or next(iter(found)) >= index:
            return
        while found and (first := next(iter(found))) < index:
            self._drop(first)
        self._shelf.hold(self, self._octets)

    def _make_room(self) -> None:
        """Who does not ask in order keeps of what was read before no more than a group, the latest."""
        while self._octets > GROUP or len(self._found) > MOST:
            self._drop(next(iter(self._found)))

    def _drop(self, index: int) -> None:
        self._octets -= _size(self._found.pop(index, b""))

    def _changed(self) -> None:
        """What others did to the mailbox."""
        for change in self._watch.take() if self._watch is not None else ():
            if isinstance(change, Vanished):
                self._gone.update(change.uids)
            elif isinstance(change, Overflow | Gone):
                self.lose()
        for index in [index for index in self._found if self._uids[index] in self._gone]:
            self._drop(index)


def _size(message: bytes | MailError) -> int:
    return len(message) if isinstance(message, bytes) else 0
