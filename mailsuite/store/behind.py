"""What was promised of the files of one mailbox, and follows behind the answer: renames by STORE, removals by EXPUNGE.

Of many messages the system calls for each file cost ten times what all the rest does.  So they wait: the unit is in the
journal, the index says what is so, and a thread without the account's lock does the renames while sessions go on.
Until then a file is found under a name that it had before.  What needs the files to be where the index says comes
after ``finish``.  A file that another program renames meanwhile is missed: a removal is then repeated under the
new name, and a STORE made again upon what that program said, as if it had come after.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from mailsuite.errors import DiskFull, NotFound, Temporary
from mailsuite.interfaces import IPromise
from mailsuite.steps import Unit, Unlink
from mailsuite.store.places import Places
from mailsuite.store.scan import listing

if TYPE_CHECKING:
    from mailsuite.store.folder import Folder

#: Seconds from the answer until the files follow: what the client asks next often undoes that, or removes them.
DELAY = 0.2
#: Of these how many they let a session go first that goes on asking: they take a processor and the disk.
MOMENTS = 5
#: Seconds after which the next change waits for what is behind, lest something always is.
PATIENCE = 1.0
#: Units, and files in them, that may be behind; the next one waits for them.
MAX_UNITS, MAX_FILES = 8, 100_000
#: How often what was missed is tried again: each time that somebody looks at the mailbox.
TRIES = 20

_log = Logger()


class _Unit:
    """``places``: where its files were; ``again`` is called with those that were missed."""

    def __init__(self, promise: IPromise, places: Places, again: Callable[[Places], None], removes: bool) -> None:
        self.promise = promise
        self.places = places
        self.removes = removes
        self.tries = 0  # to mend it
        self._again = again
        self._before: dict[int, str] = {}

    def mend(self) -> None:
        """``MailError``."""
        missed = self.promise.missed
        if missed:
            self._again(self.places.only([number in missed for number in range(len(self.places))]))

    def before(self, uid: int) -> str:
        """The name of the file of that message, in ``new`` or ``cur``; any thread."""
        if not self._before:
            first = self.places.in_new
            inside = ["new/"] * first + ["cur/"] * (len(self.places) - first)
            self._before = dict(zip(self.places.uids, map(str.__add__, inside, self.places.names()), strict=True))
        return self._before.get(uid, "")


class Behind:
    """Of ``folder``.  Needs the account's lock, where nothing else is said."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        #: Files of which the names are changed before the answer.
        self.at_once = folder.account.resources.amounts.at_once
        self._units: deque[_Unit] = deque()
        self._to_mend: list[_Unit] = []  # done, but for what was missed
        self._mending = False
        self._since = 0.0  # when the first of the units came to none

    @property
    def pending(self) -> bool:
        """Whether files may be called otherwise than the index says; any thread."""
        return bool(self._units or self._to_mend)

    @property
    def several(self) -> bool:
        """More than one unit; of too many, somebody would have to wait."""
        return len(self._units) > 1

    def commit(
        self, steps: Unit, places: Places, again: Callable[[Places], None], removes: bool = False
    ) -> Collection[int]:
        """Make the unit durable; its first steps concern the files in ``places``, which come ``new_first``.  Done are
        those of a few files, when this returns, and the numbers of those that were missed are the answer.  Of more
        files ``again`` is called later with those that were missed."""
        disk, now = self._folder.account.resources.disk, self._folder.account.resources.now()
        if self._units and (self._too_many(len(places)) or now - self._since > PATIENCE):
            self.finish()
        if not self._units:
            self._since = now
        if (len(places) <= self.at_once or self._mending) and not self._units:
            return disk.commit(steps)
        self._folder.sight.expect_change()
        try:
            promise = disk.promise(steps, self._units[-1].promise if self._units else None)
        except DiskFull:  # a little room is enough for what is done at once, and it may be this that makes more
            self._folder.sight.change_came()
            self.finish()
            return disk.commit(steps)
        except BaseException:
            self._folder.sight.change_came()
            raise
        if promise.done and not self._units:
            self._folder.sight.change_came()
            return promise.missed
        self._units.append(_Unit(promise, places, again, removes))
        return ()

    def _too_many(self, more: int) -> bool:
        return len(self._units) >= MAX_UNITS or more + sum(len(unit.places) for unit in self._units) > MAX_FILES

    def perform(self) -> None:
        """Do what is left to do; any thread, without the lock.  ``Temporary``: the disk tries again."""
        for unit in tuple(self._units):
            unit.promise.perform()

    def publish(self) -> None:
        """What is done is in step with the index now."""
        if self._mending:  # those that come next are mended next
            return
        while done := self._done():
            for unit in sorted(done, key=lambda each: not each.removes):  # a look would take for new what is to go
                self._mend(unit)
            if self._to_mend:
                break

    def _done(self) -> list[_Unit]:
        """Those that are not behind any more."""
        done, self._to_mend = self._to_mend, []
        while self._units and self._units[0].promise.done:
            done.append(self._units.popleft())
            self._folder.sight.change_came()
        return done

    def _mend(self, unit: _Unit) -> None:
        """What was missed is done again, at once; if that cannot be now, with the next that is published."""
        self._mending = True
        unit.tries += 1
        try:
            unit.mend()
        except Temporary as error:
            if unit.tries < TRIES:
                self._to_mend.append(unit)
            else:
                _log.error("{path}: changes of messages are lost: {error}", path=self._folder.path, error=error)
        except NotFound:
            _log.info("{path} was removed by another program", path=self._folder.path)
        except Exception:
            _log.failure("{path}: changes of messages may be lost", path=self._folder.path)
        finally:
            self._mending = False

    def finish(self) -> None:
        """All files are where the index says, as far as we know; ``Temporary``."""
        if self.pending:
            self.perform()
            self.publish()

    def drop(self) -> None:
        """The mailbox is gone, or is read anew: nothing is to be brought in step."""
        self._to_mend.clear()
        while self._units:
            self._units.popleft()
            self._folder.sight.change_came()

    def paths_before(self, uid: int) -> Sequence[str]:
        """Where the file of that message may lie still, the oldest name first; any thread, without the lock."""
        names = (unit.before(uid) for unit in tuple(self._units))
        return [os.path.join(self._folder.path, name) for name in names if name]


def remove_renamed(folder: Folder, places: Places) -> None:
    """The files of these were to be removed, and another program had renamed them."""
    wanted = frozenset(places.bases)
    found = [*listing(folder.new, True, []).items(), *listing(folder.cur, False, []).items()]
    inside = {True: folder.new, False: folder.cur}
    steps = [Unlink(os.path.join(inside[in_new], name)) for base, (in_new, name) in found if base in wanted]
    if steps:
        with folder.own_change():
            folder.account.resources.disk.commit(steps)
