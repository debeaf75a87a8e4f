"""The file of happenings: rows in the order in which they came, appended and cut off at the old end.  Blocking.

There is no index: a message costs a few appended rows, and whoever looks for one reads the file, some hundred MiB a
second.  ``at`` is in seconds since the epoch, ``key`` the message's id, or ``ACCOUNT/MAILBOX``, ``data`` the happening
as JSON.  What a power cut tears is begun anew: it is a record of what was, and nothing is decided by it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from mailsuite.errors import Temporary

#: (at, key, data)
Row: TypeAlias = tuple[float, str, bytes]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS happenings (number INTEGER PRIMARY KEY, at REAL, key TEXT, data BLOB)
"""
#: Rows removed at a time.
_PIECE = 5000


class Database:
    """Opened at the first use; ``size`` is the most octets the file may have."""

    def __init__(self, path: str, keep: float, size: int) -> None:
        """``keep``: seconds for which rows are kept."""
        self._path = path
        self._keep = keep
        self._size = size
        self._connection: sqlite3.Connection | None = None

    def write(self, rows: Sequence[Row], now: float) -> None:
        """Append, and let go of what is too old or too much.  Raises Temporary."""
        try:
            connection = self._opened()
            with connection:
                connection.executemany("INSERT INTO happenings (at, key, data) VALUES (?, ?, ?)", rows)
                self._forget(connection, now, len(rows))
        except sqlite3.DatabaseError as error:
            self.close()
            if not isinstance(error, sqlite3.OperationalError):  # not a database any more
                with contextlib.suppress(OSError):
                    os.replace(self._path, self._path + ".broken")
            raise Temporary(f"{self._path}: {error}") from error

    def _forget(self, connection: sqlite3.Connection, now: float, written: int) -> None:
        """One piece a batch, so that none takes long, and always more than was written."""
        oldest = connection.execute("SELECT number, at FROM happenings ORDER BY number LIMIT 1").fetchone()
        newest = connection.execute("SELECT max(number) FROM happenings").fetchone()
        if oldest is None:
            return
        pages, free = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        used = (pages - free) * connection.execute("PRAGMA page_size").fetchone()[0]
        if used > self._size:
            share = min((newest[0] - oldest[0]) // 8, _PIECE) + written
            connection.execute("DELETE FROM happenings WHERE number < ?", (min(oldest[0] + share, newest[0]),))
        elif oldest[1] < now - self._keep:
            connection.execute(
                "DELETE FROM happenings WHERE number < ? AND at < ?", (oldest[0] + _PIECE, now - self._keep)
            )

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(self._path, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_SCHEMA)
        return self._connection

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@contextlib.contextmanager
def reading(path: str) -> Iterator[sqlite3.Connection]:
    """The rows as they are now, beside a server that writes.  Raises Temporary."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise Temporary(f"{path}: {error}") from error
    try:
        yield connection
    except sqlite3.Error as error:
        raise Temporary(f"{path}: {error}") from error
    finally:
        connection.close()
