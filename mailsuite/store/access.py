"""Access lists of mailboxes (RFC 4314) in plain files, and who shares anything with whom.

``mailsuite-acl`` in the folder of a mailbox is the truth: a line ``identifier rights`` each.  ``mailsuite-shares`` in
the folder of all accounts, a line ``owner identifier`` each, only says whose mailboxes are worth a look for LIST; a
line too many harms nobody.  Programs other than the server may change both while it runs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection

from mailsuite.access import ANYONE, Access, ordered
from mailsuite.errors import TooMany
from mailsuite.interfaces import IDisk
from mailsuite.model import FlagOp

FILE = "mailsuite-acl"
SHARES_FILE = "mailsuite-shares"
#: Identifiers in one access list.
MAX_IDENTIFIERS = 1000


def read(disk: IDisk, path: str) -> dict[str, str]:
    """The access list in the folder ``path``.  Blocking."""
    try:
        lines = disk.read(os.path.join(path, FILE)).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split() for line in lines)
    return {pair[0]: ordered(pair[1]) for pair in pairs if len(pair) == 2}


def write(disk: IDisk, path: str, access: Access) -> None:
    """Blocking."""
    lines = "".join(f"{identifier} {rights}\n" for identifier, rights in sorted(access.items()))
    disk.replace(os.path.join(path, FILE), lines.encode("utf-8"))


def changed(access: Access, identifier: str, op: FlagOp, rights: str) -> dict[str, str]:
    """With other rights for one identifier, and without it if it has none; TooMany."""
    now = set(access.get(identifier, ""))
    given = set(ordered(rights))
    new = {FlagOp.REPLACE: given, FlagOp.ADD: now | given, FlagOp.REMOVE: now - given}[op]
    others = {other: held for other, held in access.items() if other != identifier}
    if not new:
        return others
    if len(others) >= MAX_IDENTIFIERS:
        raise TooMany(f"an access list has at most {MAX_IDENTIFIERS} identifiers")
    return {**others, identifier: ordered(new)}


class Shares:
    """The file ``mailsuite-shares`` in ``root``.  Blocking; any thread."""

    def __init__(self, root: str, disk: IDisk) -> None:
        self._path = os.path.join(root, SHARES_FILE)
        self._disk = disk
        self._lock = threading.Lock()
        self._known: set[tuple[str, str]] = set()
        self._seen = -1

    def owners(self, user: str) -> list[str]:
        """Who shares something with ``user``, or with anyone; sorted."""
        with self._lock:
            return sorted({owner for owner, who in self._read() if who in (user, ANYONE) and owner != user})

    def add(self, owner: str, identifier: str) -> None:
        with self._lock:
            known = self._read()
            if (owner, identifier) not in known:
                self._write(known | {(owner, identifier)})

    def keep(self, owner: str, identifiers: Collection[str]) -> None:
        """``owner`` shares with these alone."""
        with self._lock:
            known = self._read()
            kept = {pair for pair in known if pair[0] != owner} | {(owner, identifier) for identifier in identifiers}
            if kept != known:
                self._write(kept)

    def _read(self) -> set[tuple[str, str]]:
        try:
            seen = os.stat(self._path).st_mtime_ns
        except FileNotFoundError:
            self._known, self._seen = set(), -1
            return self._known
        if seen != self._seen:
            pairs = (line.split() for line in self._disk.read(self._path).decode("utf-8", "replace").splitlines())
            self._known, self._seen = {(pair[0], pair[1]) for pair in pairs if len(pair) == 2}, seen
        return self._known

    def _write(self, known: set[tuple[str, str]]) -> None:
        self._disk.replace(self._path, "".join(f"{owner} {who}\n" for owner, who in sorted(known)).encode("utf-8"))
        self._seen = -1
