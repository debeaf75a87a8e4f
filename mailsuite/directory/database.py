"""The SQLite file under the directory: its tables, its errors by meaning, its transactions.

A rollback journal and not a WAL: one file of mode 0600 that ``cp`` copies, a change is seen by every process with its
next query, and queries hold their lock for microseconds only.  Blocking; one thread at a time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from typing import Any, TypeAlias

from mailsuite.errors import Corrupt, Exists, NotFound, Temporary

Row: TypeAlias = tuple[Any, ...]

#: Marks the file as ours ("mail") and says which layout it has.
_APPLICATION, _LAYOUT = 0x6D61696C, 3
_TABLES = f"""
BEGIN EXCLUSIVE;
CREATE TABLE domains (name TEXT PRIMARY KEY, added INTEGER NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE accounts (
    name TEXT PRIMARY KEY, domain TEXT NOT NULL, added INTEGER NOT NULL UNIQUE, password TEXT NOT NULL,
    quota_bytes INTEGER NOT NULL DEFAULT 0, quota_messages INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX accounts_of_domain ON accounts (domain, added);
CREATE TABLE aliases (
    source TEXT NOT NULL, position INTEGER NOT NULL, domain TEXT NOT NULL, target TEXT NOT NULL,
    PRIMARY KEY (source, position), UNIQUE (source, target)
) WITHOUT ROWID;
CREATE INDEX aliases_of_domain ON aliases (domain, source, position);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = 1;
COMMIT;
"""
#: What makes each layout of the one before it; done when such a file is opened.
_STEPS: dict[int, tuple[str, ...]] = {
    2: (
        "ALTER TABLE accounts ADD COLUMN scram TEXT NOT NULL DEFAULT ''",  # directory.scram; empty: none yet
        "ALTER TABLE accounts ADD COLUMN keep_scram INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE accounts ADD COLUMN apop TEXT NOT NULL DEFAULT ''",  # the secret itself; empty: none
        "ALTER TABLE accounts ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        "INSERT INTO secrets VALUES ('fake salts', randomblob(32))",
    ),
    3: (
        "ALTER TABLE accounts ADD COLUMN login_delay INTEGER",  # NULL: as the server has it
        "ALTER TABLE accounts ADD COLUMN expire_days INTEGER",
    ),
}
#: How long a query waits for another process that is writing.
_BUSY_SECONDS = 10.0


def create(path: str) -> None:
    """Make an empty directory of mode 0600.  Raises Exists, Temporary."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise Exists(f"{path} exists already") from error
    except OSError as error:
        raise Temporary(f"{path}: {error.strerror}") from error
    with _meaning(path), contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(_TABLES)
    Database(path).close()


class Database:
    """An open directory file, brought to the newest layout.  Everything raises Temporary when it cannot be read or
    written, and Corrupt when it is not what ``create`` makes."""

    def __init__(self, path: str) -> None:
        """Raises NotFound if there is no such file: an empty directory in its place would refuse everybody."""
        if not os.path.exists(path):
            raise NotFound(f"{path}: the directory is missing; restore it from a backup, or check paths.directory")
        self._path = path
        with _meaning(path):
            self._connection = sqlite3.connect(path, _BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self.do("PRAGMA synchronous = EXTRA")  # the folder too: a journal that comes back undoes a change
            self._require_ours()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def all(self, query: str, *values: object) -> list[Row]:
        """Every row of an answer."""
        with _meaning(self._path):
            return self._connection.execute(query, values).fetchall()

    def one(self, query: str, *values: object) -> Row | None:
        """The first row of an answer."""
        rows = self.all(query, *values)
        return rows[0] if rows else None

    def do(self, query: str, *values: object) -> int:
        """Change something; gives how many rows it touched."""
        with _meaning(self._path):
            return self._connection.execute(query, values).rowcount

    def reading(self) -> contextlib.AbstractContextManager[None]:
        """All queries inside see one state of the file, and lock it once."""
        return self._transaction("BEGIN")

    def change(self) -> contextlib.AbstractContextManager[None]:
        """What is done inside is done whole, on disk at the end, or not at all."""
        return self._transaction("BEGIN IMMEDIATE")

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self.do(begin)
        try:
            yield
            self.do("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self.do("ROLLBACK")
            raise

    def _require_ours(self) -> None:
        """It is ours, and of the newest layout, after this."""
        if self.one("PRAGMA application_id") != (_APPLICATION,):
            raise Corrupt(
                f"{self._path} is not a directory of mailsuite; restore it from a backup, or check paths.directory"
            )
        if not 1 <= self._layout() <= _LAYOUT:
            raise Corrupt(f"{self._path} was written by another version of mailsuite")
        if self._layout() < _LAYOUT:
            self._upgrade()

    def _upgrade(self) -> None:
        with self.change():  # another process may have been faster
            for step in range(self._layout() + 1, _LAYOUT + 1):
                for statement in _STEPS[step]:
                    self.do(statement)
                self.do(f"PRAGMA user_version = {step}")

    def _layout(self) -> int:
        row = self.one("PRAGMA user_version")
        return int(row[0]) if row else 0


@contextlib.contextmanager
def _meaning(path: str) -> Iterator[None]:
    """SQLite's errors by meaning."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Temporary(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise Corrupt(f"{path}: {error}; restore it from a backup") from error
