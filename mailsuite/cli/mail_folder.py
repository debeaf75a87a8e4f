"""The mail folder of an account, which stays when the account goes.

Whoever is given the name next would read what is in it, so ``user add`` asks before it takes over an old one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

from mailsuite.config.schema import Paths
from mailsuite.errors import ConfigError, NotAllowed
from mailsuite.services.lock import FolderLock
from mailsuite.store.names import account_path


def mail_folder(paths: Paths, account: str) -> str:
    """Where the mail of an account is, or would be."""
    return os.path.join(paths.store, account_path(account))


@contextlib.contextmanager
def no_server(paths: Paths) -> Iterator[None]:
    """No server begins to run meanwhile.  Raises NotAllowed if one runs: it may have the mail open."""
    if not os.path.isdir(paths.queue):
        yield
        return
    try:
        lock = FolderLock(paths.queue)
    except ConfigError as error:
        raise NotAllowed("the server is running and may have this mail open: stop it first; nothing changed") from error
    try:
        yield
    finally:
        lock.release()


def delete_mail(folder: str) -> None:
    """All of it, for good; nothing if there is none.  Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
