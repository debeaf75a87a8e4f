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
from mailsuite.store.places import Files
from mailsuite.store.reading import from_file

#: Stored octets of a small message.
WHOLE = 256 * 1024


def octets(folder: Folder, uids: Sequence[int], most: int) -> list[bytes | MailError]:
    """See ``IMailbox.octets``."""
    with folder.account.locked():
        folder.must_be_there()
        files = folder.account.index.to_read(folder.id, uids)
    places = dict(zip(files.uids, range(len(files)), strict=True))
    found: list[bytes | MailError] = []
    for uid in uids:
        place = places.get(uid)
        if place is None:
            found.append(Expunged("the message is gone"))
            continue
        most -= files.sizes[place]
        if most < 0 and found:
            break
        found.append(_whole(folder, files, place))
    return found


def _whole(folder: Folder, files: Files, place: int) -> bytes | MailError:
    """All of a small message as sent, or why not."""
    size = files.stored[place]
    if size > WHOLE:
        return TooBig("too large to be read at once")
    stored = _expected(folder.place(files.bases[place], files.letters[place], bool(files.recent[place])), size)
    if not stored:
        return _looked_for(folder, files.uids[place])
    sent = stored.replace(b"\n", b"\r\n")
    return sent if len(sent) == files.sizes[place] else to_crlf(stored)  # it is longer where CRLF was there already


def _looked_for(folder: Folder, uid: int) -> bytes | MailError:
    """The same, of a file that is not what it was."""
    try:
        with folder.account.locked():
            rows = folder.account.index.rows(folder.id, [uid])
        stored = from_file(folder, rows[0], _read_small) if rows else b""
    except MailError as error:
        return error
    except OSError as error:
        return meaning_of(error, "a message")
    if not rows:
        return Expunged("the message is gone")
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
