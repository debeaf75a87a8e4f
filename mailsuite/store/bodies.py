"""Whole small messages, several in one job.

What is open for each is one file: no more is asked of the system than to open, to read the octets that the index knows
of, and to close.  A file that has another size, or is none, is looked at as any other program's would be.  Blocking;
takes the account's lock itself, and not while messages are read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from mailsuite.disk.body import read_stored
from mailsuite.disk.meaning import meaning_of
from mailsuite.disk.opening import FLAGS
from mailsuite.errors import Expunged, MailError, TooBig
from mailsuite.mime.lines import to_crlf
from mailsuite.store.folder import Folder
from mailsuite.store.places import Row
from mailsuite.store.reading import from_file

#: Stored octets of a small message.
WHOLE = 256 * 1024


def octets(folder: Folder, uids: Sequence[int], most: int) -> list[bytes | MailError]:
    """See ``IMailbox.octets``."""
    with folder.account.locked():
        folder.must_be_there()
        rows = {row.uid: row for row in folder.account.index.rows(folder.id, uids)}
    found: list[bytes | MailError] = []
    for uid in uids:
        row = rows.get(uid)
        most -= row.wire if row is not None else 0
        if most < 0 and found:
            break
        found.append(_whole(folder, row) if row is not None else Expunged("the message is gone"))
    return found


def _whole(folder: Folder, row: Row) -> bytes | MailError:
    """All of a small message as sent, or why not."""
    if row.stored > WHOLE:
        return TooBig("too large to be read at once")
    stored = _expected(folder.path_of(row), row.stored)
    if not stored:
        try:
            stored = from_file(folder, row, _read_small)
        except MailError as error:
            return error
        except OSError as error:
            return meaning_of(error, "a message")
    return TooBig("too large to be read at once") if len(stored) > WHOLE else to_crlf(stored)


def _expected(path: str, size: int) -> bytes:
    """The file's octets if there are exactly so many; nothing if there is any doubt."""
    try:
        fd = os.open(path, FLAGS)
    except OSError:
        return b""
    try:
        stored = os.read(fd, size + 1)
    except OSError:
        return b""
    finally:
        os.close(fd)
    return stored if len(stored) == size else b""


def _read_small(path: str) -> bytes:
    return read_stored(path, WHOLE + 1)
