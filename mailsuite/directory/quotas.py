"""An account's limits for blocking code in threads: the store asks while it keeps room for a message."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mailsuite.directory.answers import Answers
from mailsuite.directory.database import Database
from mailsuite.directory.lookup import Lookups
from mailsuite.model import Account


class Quotas:
    """Call it with a canonical account name, from any thread.  An account that is gone has no limits: its mail was
    accepted while it was there.  Raises Corrupt, NotFound (the file), Temporary."""

    def __init__(self, path: str, now: Callable[[], float] = time.time) -> None:
        """``now`` gives epoch seconds by the clock that dates files."""
        self._path = path
        self._lock = threading.Lock()
        self._database: Database | None = None
        self._answers = Answers[Account](path, now)

    def __call__(self, name: str) -> Account:
        with self._lock:
            known = self._answers.get(name)
            if known is not None:
                return known
            state = self._answers.state()
            if self._database is None:
                self._database = Database(self._path)
            stored = Lookups(self._database).stored(name)
            account = stored.account if stored is not None else Account(name)
            self._answers.keep(name, account, state)
        return account

    def close(self) -> None:
        """A later call would open the file again."""
        with self._lock:
            database, self._database = self._database, None
        if database is not None:
            database.close()
