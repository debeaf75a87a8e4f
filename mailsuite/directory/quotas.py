"""An account's limits for blocking code in threads: the store asks while it keeps room for a message."""

from __future__ import annotations

import threading

from mailsuite.directory.database import Database
from mailsuite.directory.lookup import Lookups
from mailsuite.model import Account


class Quotas:
    """Call it with a canonical account name, from any thread.  An account that is gone has no limits: its mail was
    accepted while it was there.  Raises Corrupt, NotFound (the file), Temporary."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._database: Database | None = None

    def __call__(self, name: str) -> Account:
        with self._lock:
            if self._database is None:
                self._database = Database(self._path)
            stored = Lookups(self._database).stored(name)
        return stored.account if stored is not None else Account(name)

    def close(self) -> None:
        """A later call would open the file again."""
        with self._lock:
            database, self._database = self._database, None
        if database is not None:
            database.close()
