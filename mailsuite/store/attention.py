"""Sees at once what other programs do in the mailboxes that sessions look at.

The kernel tells which names come and go in ``new`` and ``cur``.  They are gathered for ``DELAY`` seconds; then a job in
the account's lane asks whether our own rows explain them all, as they do after our own work.  If not, the folder is
listed.  Of very many names the first count; for the rest the folders' times do, and looks go on until these are past
doubt.  While we change many names ourselves the kernel is not asked (``while_away``): it would tell of each.  Where the
kernel does not tell, or more than ``MAX_FOLDERS`` are watched, ``follows`` says so and others look from time to time.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Protocol, TypeAlias, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.disk.inotify import Ended, Lost, Moved, Told
from mailsuite.errors import MailError
from mailsuite.store.filename import read_base, split
from mailsuite.store.folder import Folder
from mailsuite.store.mailbox import Lane
from mailsuite.store.sight import TICK

#: Seconds from the first name to the look.
DELAY = 0.1
#: Seconds from a look that was in doubt to the next, if something was not told.
QUIET = TICK + 0.5
#: Seconds after which a look is one: nothing tells of what another host does to a shared disk.
LOOK_EVERY = 15.0
#: Seconds for which a mailbox is followed when nobody looks at it any more: who selects it again is answered at once.
#: No longer, for a folder that another program moves away or puts in its place tells nothing.
LINGER = 1.0
#: Mailboxes of which that is so: their accounts stay open.
MAX_LINGERING = 64
#: Mailboxes that are watched at the same time, each with two of the kernel's watches.
MAX_FOLDERS = 4000

#: Path -> whether it appeared last, or left.
Names: TypeAlias = Mapping[str, bool]

_T = TypeVar("_T")

_log = Logger()


class Eyes(Protocol):
    """``disk.inotify.Inotify``."""

    def watch(self, path: str) -> int: ...

    def forget(self, number: int) -> None: ...

    def catch_up(self) -> None: ...

    def close(self) -> None: ...


class _Followed:
    """A mailbox under watch."""

    def __init__(self, lane: Lane, folder: Folder) -> None:
        self.lane = lane
        self.folder = folder
        self.numbers: dict[int, str] = {}  # -> "new" or "cur"
        self.names: dict[str, bool] = {}
        self.waiting: IDelayedCall | None = None
        self.looking = False
        self.away = 0  # how many look away
        self.looked = 0.0  # when it was looked at last, whatever was told
        self.reasons = 0  # to look, until now
        self.unsure = True  # something may have happened that was not told
        self.again: IDelayedCall | None = None


class Attention:
    """``open_eyes`` is called at the first mailbox; OSError from it means that there are none.  ``most``:
    ``Amounts.names``."""

    def __init__(self, clock: IReactorTime, open_eyes: Callable[[Told], Eyes] | None, most: int) -> None:
        self._clock = clock
        self._most = most
        self._open_eyes = open_eyes
        self._eyes: Eyes | None = None
        self._followed: dict[Folder, _Followed] = {}
        self._by_number: dict[int, _Followed] = {}
        self._lingering: dict[_Followed, IDelayedCall] = {}

    def follows(self, folder: Folder) -> bool:
        return folder in self._followed

    def nothing_new(self, folder: Folder) -> bool:
        """No other program did anything in it that is not known: a look would find nothing."""
        followed = self._followed.get(folder)
        if followed is None or self._eyes is None or self._clock.seconds() - followed.looked >= LOOK_EVERY:
            return False
        self._eyes.catch_up()
        away = followed.away and not folder.behind.pending  # as long as that is so, no look looks
        busy = followed.names or followed.waiting is not None or followed.looking or away
        return not busy and self._followed.get(folder) is followed

    def looked(self, folder: Folder) -> None:
        """Somebody did."""
        if folder in self._followed:
            self._followed[folder].looked = self._clock.seconds()

    def reasons(self, folder: Folder) -> int:
        """How many there were to look at it: who begins to look now sees what they were about."""
        followed = self._followed.get(folder)
        return followed.reasons if followed is not None else 0

    def looked_after(self, folder: Folder, reasons: int) -> None:
        """Somebody looked, who began when there were so many."""
        followed = self._followed.get(folder)
        if followed is not None and followed.reasons == reasons and not followed.names:
            self.looked(folder)
            _cancel(followed.waiting)
            followed.waiting = None

    def follow(self, lane: Lane, folder: Folder) -> None:
        """From now until its feed has had no watch for ``LINGER``; nothing if that is so already, or cannot be."""
        followed = self._followed.get(folder)
        if followed in self._lingering and self._clock.seconds() - followed.looked >= LINGER:
            self._drop(followed)
            followed = None
        if followed is None:
            if folder.gone or len(self._followed) >= MAX_FOLDERS:
                return
            followed = self._followed[folder] = _Followed(lane, folder)
            folder.feed.unwatched = partial(self._linger, followed)
            self._watch(followed)
        self._linger(followed)

    def _linger(self, followed: _Followed) -> None:
        """Until somebody watches the feed."""
        _cancel(self._lingering.pop(followed, None))
        if self._followed.get(followed.folder) is followed and not followed.folder.feed.watched:
            self._lingering[followed] = self._clock.callLater(LINGER, self._drop, followed)
            if len(self._lingering) > MAX_LINGERING:
                self._drop(next(iter(self._lingering)))

    def _watch(self, followed: _Followed) -> None:
        try:
            eyes = self._opened()
            for inside in ("new", "cur"):
                number = eyes.watch(os.path.join(followed.folder.path, inside))
                followed.numbers[number] = inside
                self._by_number[number] = followed
        except OSError as error:
            self._drop(followed)
            self._not_followed(error)
            return
        followed.unsure = True  # of what happened before
        self._soon(followed)

    def while_away(self, names: int, folders: Iterable[Folder], work: Callable[[], Deferred[_T]]) -> Deferred[_T]:
        """Start ``work``, in which so many names of these change at our own hands.  If they are many, nothing is told
        of the folders until it ends; what other programs do meanwhile is found by a look when times are past doubt."""
        away = [self._followed[each] for each in folders if each in self._followed] if names > self._most else []
        for followed in away:
            followed.away += 1
            self._unwatch(followed)

        def look_again(result: _T) -> _T:
            for followed in away:
                followed.away -= 1
                if not followed.away and self._followed.get(followed.folder) is followed:
                    self._watch(followed)
            return result

        return work().addBoth(look_again)

    def _opened(self) -> Eyes:
        if self._eyes is None:
            if self._open_eyes is None:
                raise FileNotFoundError(errno.ENOENT, "nobody tells of changes")
            self._eyes = self._open_eyes(self._told)
        return self._eyes

    def _not_followed(self, error: OSError) -> None:
        """A folder that is gone is no news; all else is said once."""
        if error.errno != errno.ENOENT:
            _log.warn("changes of other programs are looked for once a second: inotify: {error}", error=error.strerror)
            if self._eyes is None:
                self._open_eyes = None

    def _drop(self, followed: _Followed) -> None:
        if self._followed.get(followed.folder) is followed:
            del self._followed[followed.folder]
            followed.folder.feed.unwatched = _nothing  # or the account would be in use as long as it is in memory
        self._unwatch(followed)
        for timer in (followed.waiting, followed.again, self._lingering.pop(followed, None)):
            _cancel(timer)
        followed.waiting = None

    def _unwatch(self, followed: _Followed) -> None:
        for number in followed.numbers:
            if self._by_number.get(number) is followed and self._eyes is not None:
                del self._by_number[number]
                self._eyes.forget(number)
        followed.numbers.clear()

    # -- what is told ----------------------------------------------------------------------------------------------

    def _told(self, event: Moved | Ended | Lost) -> None:
        match event:
            case Moved(number, name, appeared):
                followed = self._by_number.get(number)
                if followed is not None and not name.startswith("."):
                    self._note(followed, os.path.join(followed.numbers[number], name), appeared)
            case Ended(number):
                followed = self._by_number.get(number)
                if followed is not None:  # a session that is still there is told by the looks from time to time
                    self._drop(followed)
            case Lost():
                for followed in self._followed.values():
                    followed.unsure = True
                    self._soon(followed)

    def _note(self, followed: _Followed, name: str, appeared: bool) -> None:
        if len(followed.names) < self._most:
            followed.names[name] = appeared
        else:
            followed.unsure = True
        self._soon(followed)

    def _soon(self, followed: _Followed) -> None:
        followed.reasons += 1
        if followed.waiting is None and not followed.looking and self._followed.get(followed.folder) is followed:
            followed.waiting = self._clock.callLater(DELAY, self._look, followed)

    def _look(self, followed: _Followed) -> None:
        followed.waiting, followed.looking = None, True
        names, followed.names = followed.names, {}
        looked = followed.lane.run_unasked(look, followed.folder, names)
        looked.addErrback(self._could_not_look)
        looked.addBoth(self._looked, followed)

    def _looked(self, _: object, followed: _Followed) -> None:
        followed.looking = False
        self.looked(followed.folder)
        if self._followed.get(followed.folder) is not followed:
            return
        if followed.names:
            self._soon(followed)
        elif followed.unsure:
            self._look_until_sure(followed)

    def _look_until_sure(self, followed: _Followed) -> None:
        """Of what was not told only times tell, once they are past doubt."""
        folder = followed.folder
        followed.unsure = folder.behind.pending or folder.sight.in_doubt
        _cancel(followed.again)
        if followed.unsure:
            followed.again = self._clock.callLater(QUIET, self._soon, followed)

    def _could_not_look(self, failure: Failure) -> None:
        if not failure.check(MailError):
            _log.failure("cannot look at a mailbox", failure)

    def close(self) -> None:
        """No more, of any."""
        for followed in tuple(self._followed.values()):
            self._drop(followed)
        if self._eyes is not None:
            self._eyes.close()
            self._eyes = None
        self._open_eyes = None


def _nothing() -> None:
    pass


def _cancel(timer: IDelayedCall | None) -> None:
    if timer is not None and timer.active():
        timer.cancel()


def look(folder: Folder, names: Names) -> None:
    """Look at a folder in which these names came and went.  Blocking, with the account's lock held."""
    folder.look(force=not is_explained(folder, names))


def is_explained(folder: Folder, names: Names) -> bool:
    """Whether the index says the same: what appeared is where a row has it, what left is in no row."""
    uids = {read_base(split(os.path.basename(name))[0]).uid for name in names}
    known = {os.path.relpath(folder.path_of(row), folder.path) for row in folder.account.index.rows(folder.id, uids)}
    return all((name in known) == appeared for name, appeared in names.items())
