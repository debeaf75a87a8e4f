"""How ``sendmail`` ends: the exit statuses of sysexits(3), which callers go by, and the error that carries one."""

from __future__ import annotations

import enum

from mailsuite.model import Failed


class Exit(enum.IntEnum):
    """sysexits(3)."""

    OK = 0
    USAGE = 64
    DATAERR = 65
    NOINPUT = 66
    NOUSER = 67
    NOHOST = 68
    UNAVAILABLE = 69
    SOFTWARE = 70
    OSERR = 71
    CANTCREAT = 73
    IOERR = 74
    TEMPFAIL = 75
    NOPERM = 77
    CONFIG = 78


class Stop(Exception):
    """It ends with this status; the text is for standard error, nothing if it is empty."""

    def __init__(self, status: Exit, text: str) -> None:
        super().__init__(text)
        self.status = status


#: RFC 3463 subject and detail, detail 0 for all others of the subject, of a refusal for good.
_BY_STATUS = {
    (1, 1): Exit.NOUSER,
    (1, 2): Exit.NOHOST,
    (1, 3): Exit.DATAERR,
    (1, 10): Exit.NOHOST,
    (1, 0): Exit.NOUSER,
    (6, 0): Exit.DATAERR,
    (7, 0): Exit.NOPERM,
}


def status_of(failed: Failed) -> Exit:
    """Of a recipient that was refused."""
    subject, detail = failed.status.subject, failed.status.detail
    return _BY_STATUS.get((subject, detail)) or _BY_STATUS.get((subject, 0), Exit.UNAVAILABLE)
