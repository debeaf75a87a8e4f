"""One account on disk: its lock, its index, and the folders of its Maildir.

Everything here blocks.  ``with account.locked():`` comes first, whatever thread one is in; the lock is all that
correctness rests on.  (The lane ``account:<name>`` only keeps an account's sessions in order and from holding more than
one thread.)  Who holds several accounts' locks took them in the order of the names (``disk.placement``).  Nothing that
a mailbox name says reaches a path except through ``names.to_folder``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from twisted.logger import Logger

from mailsuite.disk.meaning import meaning_of
from mailsuite.disk.placement import Busy
from mailsuite.errors import (
    DiskFull,
    Exists,
    HasChildren,
    InvalidName,
    MailError,
    NotFound,
    Temporary,
    Unsupported,
)
from mailsuite.interfaces import IRecorded
from mailsuite.model import (
    INBOX,
    SPECIAL_USES,
    MailboxesChange,
    MailboxMade,
    MailboxRemoved,
    MailboxRenamed,
    SubscriptionChanged,
)
from mailsuite.store import access, subscriptions
from mailsuite.store.counters import FILE as COUNTERS_FILE
from mailsuite.store.counters import Counters
from mailsuite.store.feed import Feed
from mailsuite.store.find_index import FindIndex
from mailsuite.store.folder import Folder
from mailsuite.store.index import Index, set_aside
from mailsuite.store.mailboxes_feed import MailboxesFeed
from mailsuite.store.names import (
    account_path,
    checked_name,
    from_folder,
    missing,
    parents,
    to_folder,
    with_subscription,
)
from mailsuite.store.names_seen import NamesSeen
from mailsuite.store.resources import Resources
from mailsuite.store.unrendered import Unrendered
from mailsuite.store.usage import Usage

SPECIAL_USE_FILE = "mailsuite-special-use"
ACCOUNT_FILE = "mailsuite-account"
_REMOVED = "mailsuite-removed-"

_log = Logger()


class AccountMail:
    """The mail of ``name`` below the folder ``root``.  Opened by the first ``locked``."""

    def __init__(self, root: str, name: str, resources: Resources) -> None:
        self.name = name
        self.resources = resources
        self.home = os.path.join(root, account_path(name))
        self.maildir = os.path.join(self.home, "Maildir")
        self._root = root
        self.index: Index
        #: Who uses it: sessions' stores and placements.  While there is one it is not closed to save memory.
        self.users: weakref.WeakSet[object] = weakref.WeakSet()
        #: When a session, or a delivery, last had something done with it; seconds since the epoch.
        self.asked_at = 0.0
        #: Feeds with something new, for the reactor to wake.
        self.stirred: deque[Feed] = deque()
        #: What becomes of its mailboxes.
        self.mailboxes = MailboxesFeed()
        self.names_seen = NamesSeen(self)
        self._changes: list[MailboxesChange] = []
        self.find_index = FindIndex(os.path.join(self.home, "search.sqlite"))
        self._lock = threading.RLock()
        self._expected: deque[tuple[IRecorded, Callable[[bool], None]]] = deque()
        self._uncertain = 0  # how many of the first of them somebody may have found already
        self._opened = self._closed = self._resting = False
        self._folders: dict[str, Folder] = {}
        self.usage = Usage(self)
        #: What the index is to be told before anything else is asked of the account, but after the answer.
        self.afterwards: deque[Callable[[], None]] = deque()
        #: New messages whose ENVELOPE and structure will be asked for.
        self.unrendered: Unrendered[Folder] = Unrendered()

    # -- the lock ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def locked(self, patience: float = -1, see_all: bool = True) -> Iterator[None]:
        """Alone with the account; ``Busy`` if that takes more than ``patience`` seconds, below 0 is for ever.  What was
        delivered before is there, unless ``see_all`` is False.  An index that SQLite cannot read is replaced and the
        work fails with ``Temporary``."""
        if not self._lock.acquire(timeout=patience):
            raise Busy(f"somebody works with the mail of {self.name}")
        try:
            if self._closed:
                raise Temporary("the store is closed")
            try:
                if not self._opened:
                    self._open()
                if see_all:
                    self.catch_up()
                yield
            except sqlite3.OperationalError as error:
                full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
                raise (DiskFull if full else Temporary)(f"{self._index_path}: {error}") from error
            except OSError as error:
                raise meaning_of(error, self.home) from error
            except sqlite3.DatabaseError as error:
                self.begin_index_anew(str(error))
                raise Temporary(f"{self.home}: the index was rebuilt, try again") from error
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def glance(self) -> Iterator[bool]:
        """Alone with what is in memory, if that can be at once and is all that there is; any thread, nothing blocks."""
        if not self._lock.acquire(blocking=False):
            yield False
            return
        try:
            yield self._opened and not self._closed and not self._expected
        finally:
            self._lock.release()

    def _open(self) -> None:
        self.resources.disk.make_folder(self.maildir)
        for entry in os.scandir(self.maildir):
            if entry.name.startswith(_REMOVED) and entry.is_dir(follow_symlinks=False):
                self.resources.disk.remove_folder(entry.path)
        self.index = Index(self._index_path, self.resources.now)
        self.index.keep_only({to_folder(name) for name in self.names()})
        self._opened = True

    @property
    def _index_path(self) -> str:
        return os.path.join(self.home, "index.sqlite")

    def begin_index_anew(self, reason: str) -> None:
        if self._opened:
            self.index.close()
        set_aside(self._index_path, reason, self.resources.now())
        self.index = Index(self._index_path, self.resources.now)
        self.usage.forget()
        self.afterwards.clear()
        for folder in tuple(self._folders.values()):
            folder.rebuild()

    # -- what is delivered ---------------------------------------------------------------------------------------

    def expect(self, recorded: IRecorded, publish: Callable[[bool], None]) -> None:
        """Messages are durable, and there when ``recorded`` is done; ``publish`` is to be called then, with the lock
        held, before anybody looks; or, if they could not be put there at once, with True, for somebody may have found
        some of them and given them other UIDs."""
        self._expected.append((recorded, publish))

    @property
    def expects(self) -> bool:
        """Whether messages are durable that nobody can see yet; any thread, without the lock."""
        return bool(self._expected)

    def catch_up(self, wait: bool = True) -> None:
        """Publish what is expected: all of it, which may take its being done, or (not ``wait``) what is done."""
        while self._expected and (wait or self._expected[0][0].done):
            recorded, publish = self._expected[0]
            try:
                recorded.perform()
            except (Temporary, OSError) as error:
                _log.warn("{account}: new messages cannot be seen yet: {error}", account=self.name, error=error)
                self._uncertain = len(self._expected)
                return
            self._expected.popleft()
            publish(self._uncertain > 0)  # which looks
            self._uncertain = len(self._expected) if self._uncertain else 0

    def finish_off(self) -> None:
        """Do what was to be done afterwards."""
        while self.afterwards:
            self.afterwards.popleft()()

    # -- the end -------------------------------------------------------------------------------------------------

    def rest(self) -> bool:
        """Close what is open, unless somebody uses it; whether it is closed now.  The next ``locked`` opens it."""
        with self._lock:
            self._resting = True  # before it is looked who uses it: who comes now finds no folder without the lock
            if not self.users and not any(folder.behind.pending for folder in self._folders.values()):
                self._settle()
            self._resting = False
            return not self._opened

    def close(self) -> None:
        """For good."""
        with self._lock:
            self._settle()
            self._closed = True
        self.find_index.end()

    def _settle(self) -> None:
        """Write what spares the next start from guessing, and forget everything."""
        if self._opened:
            with contextlib.suppress(MailError, OSError, sqlite3.Error):
                self.catch_up()
                self.finish_off()
                for folder in self._folders.values():
                    folder.behind.finish()
                    folder.look()
                self.index.checkpoint()  # before counters say that it knows everything
                for folder in self._folders.values():
                    folder.counters.settle(folder.times)
            self.index.close()
            self.find_index.close()
            self.find_index.in_use = False
            for folder in self._folders.values():
                folder.behind.drop()
                folder.rest()
            self._folders.clear()
            self._expected.clear()
            self._uncertain = 0
            self.afterwards.clear()
            self.unrendered.clear()
            self.usage.forget()
            self._opened = False

    # -- mailboxes -----------------------------------------------------------------------------------------------

    def folder(self, name: str) -> Folder:
        """The mailbox of that name; ``NotFound``."""
        name = checked_name(name)
        folder = to_folder(name)
        if not os.path.isdir(os.path.join(self.maildir, folder)):
            if not folder:
                self._begin_maildir_anew()
            elif name in self._folders:  # another program removed it
                self._drop(self._folders[name])
            if folder:
                raise NotFound(f"no mailbox {name}")
        if name not in self._folders:
            self._folders[name] = Folder(self, name, folder)
        return self._folders[name]

    def _begin_maildir_anew(self) -> None:
        """INBOX is always there (RFC 9051 §5.1): mail for it is not refused.  But not where a whole disk is missing."""
        above = os.path.dirname(self.home)
        if not os.path.isdir(above):
            raise Temporary(f"{above}: the folder is gone")
        _log.warn("{path} was removed by another program, and is made anew", path=self.maildir)
        last = max((folder.counters.uidvalidity for folder in self._folders.values()), default=0)
        self.resources.disk.make_folder(self.maildir)
        self.take_uidvalidity(last)  # none of those is given again
        for folder in tuple(self._folders.values()):
            self._drop(folder)
        self.index.keep_only({to_folder(INBOX)})
        self.usage.forget()

    def path(self, name: str) -> str:
        """The folder of a mailbox."""
        return os.path.join(self.maildir, to_folder(checked_name(name)))

    def maildir_of(self, account: str) -> str:
        """Where another account has its mail, if it has any."""
        return os.path.join(self._root, account_path(account), "Maildir")

    def known(self, name: str) -> Folder | None:
        """The same if it was used before; any thread, without the lock.  It stays the one of that name as long as the
        mailbox is there and the caller is among the ``users``."""
        return None if self._resting else self._folders.get(name)

    def in_use(self) -> tuple[Folder, ...]:
        """Those that were used before; any thread, without the lock."""
        return tuple(self._folders.values())

    def uidvalidities(self) -> set[int]:
        """Of all mailboxes."""
        files = (os.path.join(self.maildir, to_folder(name), COUNTERS_FILE) for name in self.names())
        loaded = (Counters.load(self.resources.disk, path) for path in files)
        return {counters.uidvalidity for counters in loaded if counters}

    def names(self) -> set[str]:
        """All mailboxes."""
        found = {INBOX}
        with contextlib.suppress(FileNotFoundError), os.scandir(self.maildir) as entries:
            for entry in entries:
                if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    with contextlib.suppress(InvalidName):
                        found.add(from_folder(entry.name))
        return found

    def take_uidvalidity(self, known: int = 0) -> int:
        """A UIDVALIDITY that no mailbox of the account ever had (RFC 9051 §2.3.1.1); or ``known``, which another server
        gave to one, noted so that no other mailbox gets it."""
        path = os.path.join(self.maildir, ACCOUNT_FILE)
        try:
            last = int(self.resources.disk.read(path))
        except FileNotFoundError:
            last = self._highest_uidvalidity()
        except ValueError:
            last = self._highest_uidvalidity()
            _log.warn("{path} was not a number that mailsuite wrote, and is made anew", path=path)
        fresh = known or max(last + 1, int(self.resources.now()))
        self.resources.disk.replace(path, b"%d\n" % max(last, fresh))
        return fresh

    def _highest_uidvalidity(self) -> int:
        return max(self.uidvalidities(), default=0)

    def create(self, name: str, special_use: str) -> Folder:
        name = checked_name(name)
        there = self.names()
        if name in there:
            raise Exists(f"{name} is there already")
        for each in missing(there, (*parents(name), name)):
            self._make(each, special_use if each == name else "")
            self._inherit(each)
        return self.folder(name)

    def _inherit(self, name: str) -> None:
        """RFC 4314 section 4: a new mailbox has the access list of the one above it."""
        for parent in parents(name)[-1:]:
            held = access.read(self.resources.disk, self.path(parent))
            if held:
                access.write(self.resources.disk, self.path(name), held)

    def _make(self, name: str, special_use: str) -> None:
        disk = self.resources.disk
        path = os.path.join(self.maildir, to_folder(name))
        disk.make_folder(path)
        disk.replace(os.path.join(path, "maildirfolder"), b"")  # Maildir++: a subfolder, not a Maildir of its own
        if special_use:
            disk.replace(os.path.join(path, SPECIAL_USE_FILE), special_use.encode("ascii") + b"\n")
        self.folder(name)
        self._changes.append(MailboxMade(name))

    def take_changes(self) -> Sequence[MailboxesChange]:
        """What became of mailboxes since the last call."""
        changes, self._changes = self._changes, []
        return changes

    def delete(self, name: str) -> None:
        name = checked_name(name)
        there = self.names()
        if name == INBOX:
            raise Unsupported("INBOX cannot be deleted")
        if name not in there and any(other.startswith(name + "/") for other in there):
            raise HasChildren(f"{name} has mailboxes below it")  # RFC 9051 §6.3.5
        folder = self.folder(name)
        self.resources.disk.checkpoint()  # nothing that is committed names it by its old path any more
        removed = os.path.join(self.maildir, _REMOVED + self.resources.unique.name(self.resources.now()))
        self.resources.disk.rename(folder.path, removed)
        self.resources.disk.sync_folder(self.maildir)
        self._drop(folder)
        self._changes.append(MailboxRemoved(name))
        self.resources.disk.remove_folder(removed)

    def _drop(self, folder: Folder) -> None:
        """Its files are gone."""
        messages, octets = self.index.size(folder.id)
        self.usage.count(-octets, -messages)
        self.index.drop_mailbox(folder.id)
        del self._folders[folder.name]
        folder.end()

    def rename(self, old: str, new: str) -> None:
        """Not INBOX, whose messages move instead."""
        there = self.names()
        if new in there or any(other.startswith(new + "/") for other in there):
            raise Exists(f"{new} is there already")
        if new.startswith(old + "/"):
            raise InvalidName(f"{old} cannot move below itself")
        moved = sorted(other for other in there if other == old or other.startswith(old + "/"))
        if not moved:
            raise NotFound(f"no mailbox {old}")
        targets = {name: checked_name(new + name[len(old) :]) for name in moved}
        for parent in missing(there, parents(new)):
            self._make(parent, "")
        for name in moved:
            self.folder(name).behind.finish()
        self.resources.disk.checkpoint()  # nothing that is committed names them by their old paths any more
        for name, target in targets.items():
            self._rename_one(name, target)
        self._changes.append(MailboxRenamed(old, new))
        self.resources.disk.sync_folder(self.maildir)

    def _rename_one(self, name: str, target: str) -> None:
        folder = self.folder(name)
        renamed = to_folder(target)
        self.resources.disk.rename(folder.path, os.path.join(self.maildir, renamed))
        self.index.rename_mailbox(folder.id, renamed)
        del self._folders[name]
        folder.move_to(target, renamed)
        self._folders[target] = folder

    # -- LIST ----------------------------------------------------------------------------------------------------

    def set_special_use(self, name: str, special_use: str) -> None:
        """RFC 6154 attributes, or nothing."""
        path = os.path.join(self.maildir, to_folder(checked_name(name)), SPECIAL_USE_FILE)
        if special_use != self.special_use(name):
            self.resources.disk.replace(path, special_use.encode("ascii") + b"\n")

    def special_use(self, name: str) -> str:
        """RFC 6154 attributes of a mailbox."""
        path = os.path.join(self.maildir, to_folder(checked_name(name)), SPECIAL_USE_FILE)
        try:
            words = self.resources.disk.read(path).decode("ascii", "replace").split()
        except FileNotFoundError:
            return ""
        return " ".join(use for use in SPECIAL_USES if use in words)

    def subscribed(self) -> set[str]:
        """Names, whether or not there are such mailboxes."""
        return subscriptions.read(self.resources.disk, self.maildir)

    def subscribe(self, name: str, wanted: bool) -> None:
        name = checked_name(name)
        names = self.subscribed()
        if (name in names) != wanted:
            path = os.path.join(self.maildir, subscriptions.FILE)
            self.resources.disk.replace(path, subscriptions.dump(with_subscription(names, name, wanted)))
            self._changes.append(SubscriptionChanged(name))
