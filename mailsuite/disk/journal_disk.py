"""IDisk with a journal: a commit costs one shared fdatasync, whatever it does, and is done whole or not at all.

A unit is written to the journal first; when it is durable there, its steps are done on the file system without waiting
for the disk: at once (``commit``) or when somebody asks for them (``record``).  A *checkpoint* (every ``INTERVAL``
seconds while something is new, and when half a journal file is used) does what is left to be done and makes the file
system write everything, so that the journal's room can be used again.  ``open`` does again what a
crash may have undone.  ``replace`` is a commit too, for what is committed must not be changed past the journal.
Limit: what another program changes or removes between a commit and the next checkpoint may come back after a crash.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Sequence

from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.disk.applying import Applied
from mailsuite.disk.files import append_to_file, write_file
from mailsuite.disk.filesystem import syncfs
from mailsuite.disk.frames import History, encode_unit, units_of
from mailsuite.disk.journal import SIZE, Journal
from mailsuite.disk.linked import Linked
from mailsuite.disk.many import do_many
from mailsuite.disk.meaning import meaning_of
from mailsuite.disk.promised import Chain, Kept, Promise, follows
from mailsuite.disk.real import RealDisk, meaning
from mailsuite.disk.recorded import Behind, Placer, Recorded, links_first
from mailsuite.disk.replay import replay
from mailsuite.errors import DiskFull, Temporary
from mailsuite.interfaces import IDisk, IPromise, IRecorded
from mailsuite.steps import Link, Links, Many, Put, Rename, Step, Unit, Unlink, Unlinks, folders, places

#: Seconds between checkpoints while something is committed.
INTERVAL = 2.0
#: Files that a file system must have room for (inodes) while something is to be recorded.
FILES = 4096

_log = Logger()


@implementer(IDisk)
class JournalDisk(RealDisk):
    """Files of this machine, with the journal in ``folder``, which only this process uses.  Its paths below the parent
    of that one's parent are relative, so that an installation may be moved."""

    def __init__(self, folder: str, size: int = SIZE, placer: Placer | None = None) -> None:
        """``placer`` does what is recorded; this process itself without."""
        super().__init__()
        self._folder = os.path.abspath(folder)
        self._base = os.path.join(os.path.dirname(os.path.dirname(self._folder)), "")
        self._size = size
        self._journal = Journal(self._folder, size)
        self._journal.finish = self._perform_recorded
        self._journal.make_room = self._write_effects
        self._placer = placer
        self._recorded: dict[IRecorded | IPromise, None] = {}
        self._touched: set[str] = set()
        self._linked = Linked()
        self._lock = threading.Lock()
        self._one_checkpoint = threading.Lock()
        self._keeper: threading.Thread | None = None
        self._wanted = threading.Event()
        self._closing = self._opened = False
        self._life = threading.Lock()
        self._mark = 0

    # -- start and end -------------------------------------------------------------------------------------------

    @meaning
    def open(self, keep: bool = True) -> int:
        """Read the journal and do again what may be missing; how many files were written.  ``Corrupt``,
        ``Temporary``.  ``keep``: make checkpoints in a thread, until ``close``."""
        with self._life:
            if self._closing:
                raise Temporary("the journal was closed before it was opened")
            self.make_folder(self._folder)
            written = self._recover(self._journal.open())
            self._opened = True
            if self._placer is not None:
                self._placer.start(self._base, self._journal.lock)
            if keep:
                self._keeper = threading.Thread(target=self._keep, name="mailsuite checkpoints", daemon=True)
                self._keeper.start()
            return written

    def _recover(self, history: History) -> int:
        if history.torn:
            _log.warn("the journal in {folder} ends in the middle of a frame, which is cut", folder=self._folder)
        steps = [step for frame in history.frames for unit in units_of(frame, self._base) for step in unit]
        if steps:
            written, problems = replay(steps)
            for problem in problems:
                _log.warn("not done again: {problem}", problem=problem)
            _log.info("{count} committed steps were done again", count=len(steps))
            self._touched.update(folders(steps))
        else:
            written = 0
        self.checkpoint()
        return written

    def _keep(self) -> None:
        """Says why there is no checkpoint once for each reason, not again at each attempt."""
        told = ""
        while not self._closing:
            self._wanted.wait(INTERVAL)
            self._wanted.clear()
            try:
                self.checkpoint()
                told = ""
            except Temporary as error:
                if str(error) != told:
                    told = str(error)
                    _log.error("no checkpoint, tried again every {wait} s: {error}", wait=INTERVAL, error=told)
            except Exception:
                _log.failure("a checkpoint failed")

    def close(self) -> None:
        """After a last checkpoint: the next start has nothing to do again.  Nothing if it was never opened."""
        self._closing = True
        self._wanted.set()
        with self._life:
            if self._keeper is not None:
                self._keeper.join()
            try:
                if self._opened:
                    self.checkpoint()
            finally:
                self._opened = False
                if self._placer is not None:
                    self._placer.close()
                self._journal.close()

    # -- committing ----------------------------------------------------------------------------------------------

    def commit(self, steps: Unit) -> frozenset[int]:
        frame = self._journal.append([encode_unit(steps, self._base)])
        return self._apply(frame, steps, None)

    def _apply(self, frame: int, steps: Unit, after: IPromise | None) -> frozenset[int]:
        """Do the steps of this frame, or take back what was done of them."""
        applied = Applied(self, self._put, _do_many, _append)
        back: list[Step] = []
        try:
            if after is not None:
                after.perform()
            for step in steps:
                self._do(step, applied)
            return frozenset(applied.missed)
        except Exception:
            back = applied.undo()
            raise
        finally:
            self._end(frame, folders(steps))
            if back:
                self._take_back(back)

    def promise(self, steps: Unit, after: IPromise | None = None) -> IPromise:
        """See ``record`` for what cannot be promised."""
        if problem := self._refusal(steps, {}):
            raise problem
        frame = self._journal.append([encode_unit(steps, self._base)])
        applied = Applied(self, self._put, None, _append)
        try:
            for step in steps:
                if not follows(step):
                    self._do(step, applied)
        except Exception:  # a full disk, say: the rest is not left for later, so that all can be taken back
            return Kept(self._apply(frame, steps, after))

        def finish() -> None:
            self._end(frame, folders(steps))
            with self._lock:
                del self._recorded[promise]

        chain = after.chain if isinstance(after, Promise) else Chain(self._ask_placer, _do_many)
        promise = Promise(steps, chain, finish)
        with self._lock:  # ``finish`` waits for it
            self._recorded[promise] = None
            chain.add(promise)
        return promise

    def _ask_placer(self, step: Many) -> list[int] | None:
        """See ``Chain``."""
        self._lose_names(step)
        return None if self._placer is None else self._placer.change(encode_unit((step,), self._base))

    def record(self, units: Sequence[Unit]) -> IRecorded:
        """What is promised must find room: ``DiskFull`` while there is less of it than the journal may hold; what only
        removes files is never refused for that."""
        problems: dict[str, Temporary | None] = {}
        errors: list[Exception | None] = [self._refusal(unit, problems) for unit in units]
        kept = [number for number, error in enumerate(errors) if error is None]
        units = [links_first(unit) for unit, error in zip(units, errors, strict=True) if error is None]
        if not units:
            return Recorded(errors)
        encoded = [encode_unit(unit, self._base) for unit in units]
        try:
            frame = self._journal.append(encoded)
        except Temporary as error:
            return Recorded([each or error for each in errors])
        behind = Behind(self, encoded, self._base, self._put, self._placer)
        touched = {folder for unit in units for step in unit for folder in places(step)}
        names = [step for unit in units for step in unit if isinstance(step, Link | Rename)]

        def finish() -> None:
            behind.finish()
            for step in names:
                self._linked.note(step)
            self._end(frame, touched)
            with self._lock:
                del self._recorded[recorded]

        recorded = Recorded(errors, finish, lambda unit: behind.forgo(kept.index(unit)))
        with self._lock:
            self._recorded[recorded] = None
        return recorded

    def _refusal(self, unit: Unit, problems: dict[str, Temporary | None]) -> Temporary | None:
        """Why this cannot be promised; ``problems`` by folder as far as they are known.  What is removed needs no
        room, and makes some."""
        for step in unit:
            removes = isinstance(step, Unlink | Unlinks)
            for folder in places(step):
                if folder not in problems:
                    problems[folder] = self._problem(folder)
                problem = problems[folder]
                if problem is not None and not (removes and isinstance(problem, DiskFull)):
                    return problem
        return None

    def _problem(self, folder: str) -> Temporary | None:
        """Why no files can be put there."""
        try:
            left = os.statvfs(folder)
        except FileNotFoundError:  # another program removed it; it is made again
            return None
        except OSError as error:
            return meaning_of(error, folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            return Temporary(f"{folder}: no files can be put there")
        if left.f_bavail * left.f_frsize < 2 * self._size or (left.f_files and left.f_favail < FILES):
            return DiskFull(f"{folder}: no space left")
        return None

    def _end(self, frame: int, touched: Iterable[str]) -> None:
        """The effects are in the file system.  It is noted where before the journal may forget them."""
        with self._lock:
            self._touched.update(touched)
        self._journal.done(frame)
        if self._journal.written - self._mark > self._size // 2:
            self._wanted.set()

    def _perform_recorded(self) -> None:
        """What was recorded until now is done when this returns; ``Temporary``."""
        with self._lock:
            waiting = tuple(self._recorded)
        failed: list[Temporary] = []
        for recorded in waiting:
            try:
                recorded.perform()
            except Temporary as error:
                failed.append(error)
            except OSError as error:
                failed.append(meaning_of(error, self._base))
        if failed:
            raise failed[0]

    def _do(self, step: Step, applied: Applied) -> None:
        """Links are noted when they are there, lest a checkpoint that came before takes them for durable."""
        links = isinstance(step, Link | Links)
        if not links:
            self._lose_names(step)
        applied.do(step)
        if links:
            self._linked.note(step)

    def _lose_names(self, step: Step) -> None:
        """What loses its name in this step has its other name on the medium before."""
        for other in self._linked.note(step):
            with contextlib.suppress(FileNotFoundError):
                self.sync_folder(other)

    @meaning
    def _put(self, put: Put) -> None:
        write_file(put)

    def _take_back(self, steps: list[Step]) -> None:
        """The journal says that it was done; let it say that it was undone."""
        try:
            self._journal.done(self._journal.append([encode_unit(steps, self._base)]))
        except Temporary as error:
            _log.error("what could not be done may come back after a restart: {error}", error=error)

    def replace(self, path: str, data: bytes, mode: int = 0o600) -> None:
        if not os.path.isdir(os.path.dirname(path)):
            raise FileNotFoundError(path)
        self.commit((Put(path, data, mode=mode),))

    # -- checkpoints ---------------------------------------------------------------------------------------------

    @meaning
    def checkpoint(self) -> None:
        if self._journal.settled:
            return
        self._journal.wait_for_effects()
        self._write_effects()
        self._journal.done(self._journal.append(()))

    def _write_effects(self) -> None:
        """Have the file systems write what was done; OSError."""
        with self._one_checkpoint:
            self._mark = self._journal.written
            oldest = self._journal.oldest()
            with self._lock:
                touched, self._touched = self._touched, set()
            self._linked.begin_checkpoint()
            try:
                opened = _open_filesystems(touched)
            except OSError:  # no descriptor is left, or the like: nothing is amiss with what was written
                with self._lock:
                    self._touched |= touched
                raise
            try:
                _sync_all(opened)
            except OSError as error:
                self._journal.fail(f"the files could not be written: {error.strerror}")
                raise
            self._journal.settle(oldest)
            self._linked.end_checkpoint()


_do_many = meaning(do_many)
_append = meaning(append_to_file)


def _open_filesystems(paths: set[str]) -> list[int]:
    """A descriptor for each file system on which these folders lie, or lay; OSError, and none is open then."""
    opened: dict[int, int] = {}
    try:
        for path in paths:
            fd = _open_nearest(path)
            if opened.setdefault(os.fstat(fd).st_dev, fd) != fd:
                os.close(fd)
    except OSError:
        for fd in opened.values():
            os.close(fd)
        raise
    return list(opened.values())


def _sync_all(opened: list[int]) -> None:
    """Each file system is durable, and its descriptor closed."""
    try:
        for fd in opened:
            syncfs(fd)
    finally:
        for fd in opened:
            os.close(fd)


def _open_nearest(path: str) -> int:
    """The folder, or the nearest one above it: another thread or program may remove it at any moment."""
    while True:
        try:
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            path = os.path.dirname(path)
