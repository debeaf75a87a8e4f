"""What an OSError of the disk means."""

from __future__ import annotations

import errno

from mailsuite.errors import DiskFull, Temporary

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


def meaning_of(error: OSError, path: str) -> Temporary:
    """To be raised; the text names the file, which is ``path`` where the error itself does not say."""
    kind = DiskFull if error.errno in _FULL else Temporary
    return kind(f"{error.filename or path}: {error.strerror or error}")
