"""What an OSError of the disk means."""

from __future__ import annotations

import errno

from mailsuite.errors import DiskFull, Temporary

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
_OF_ONE_FILE = frozenset((errno.ENAMETOOLONG, errno.EPERM, errno.EISDIR, errno.EINVAL, errno.ELOOP, errno.EBUSY))


def meaning_of(error: OSError, path: str) -> Temporary:
    """To be raised; the text names the file, which is ``path`` where the error itself does not say."""
    kind = DiskFull if error.errno in _FULL else Temporary
    return kind(f"{error.filename or path}: {error.strerror or error}")


def concerns_one_file(error: BaseException | None) -> bool:
    """Whether it lies in the file or in its name, such as a flag against changes, and not in the disk."""
    return isinstance(error, OSError) and error.errno in _OF_ONE_FILE
