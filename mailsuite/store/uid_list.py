"""The UIDs that another server gave to the files of a folder: Dovecot's ``dovecot-uidlist``, Courier's
``courierimapuiddb``.

Dovecot 1.1 and later, https://doc.dovecot.org/2.3/admin_manual/mailbox_formats/maildir/ : ``3 V<uidvalidity> N<uidnext>
G<guid>``, then a line a message, ``<uid> [<key><value> ...] :<file>``.  Courier and Dovecot 1.0: ``1 <uidvalidity>
<uidnext>``, then ``<uid> <file>``.  Lines are appended without touching the first one, so UIDNEXT may be too low there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from mailsuite.errors import Corrupt
from mailsuite.store.filename import MAX_UID, split, stem

DOVECOT = "dovecot-uidlist"
COURIER = "courierimapuiddb"

_NUMBER = r"(\d{1,10})"
_FIRST_1 = re.compile(rf"1 {_NUMBER} {_NUMBER}")
_FIRST_3 = re.compile(r"3( [A-Z][^ ]*)+")
_LINE_1 = re.compile(rf"{_NUMBER} (\S.*)")
_LINE_3 = re.compile(rf"{_NUMBER}(?: [^: ][^ ]*)* +:(.+)")


class UidList(msgspec.Struct, frozen=True):
    """``uids``: what ``filename.stem`` makes of a file's name -> its UID."""

    uidvalidity: int
    uidnext: int
    uids: Mapping[str, int]


def parse(data: bytes, path: str) -> UidList:
    """``Corrupt`` if that is not such a file; lines that are none are left out."""
    first, *lines = data.decode("utf-8", "surrogateescape").split("\n")
    found = _FIRST_1.fullmatch(first.strip())
    if found:
        return _collect(int(found[1]), int(found[2]), lines, _LINE_1.fullmatch, path)
    if not _FIRST_3.fullmatch(first.strip()):
        raise Corrupt(f"{path}: its first line is not one of Dovecot's or Courier's")
    fields = {field[0]: field[1:] for field in first.split()[1:]}
    try:
        uidvalidity, uidnext = int(fields["V"]), int(fields["N"])
    except (KeyError, ValueError):
        raise Corrupt(f"{path}: its first line lacks UIDVALIDITY or UIDNEXT") from None
    return _collect(uidvalidity, uidnext, lines, _LINE_3.fullmatch, path)


def _collect(
    uidvalidity: int, uidnext: int, lines: list[str], match: Callable[[str], re.Match[str] | None], path: str
) -> UidList:
    uids: dict[str, int] = {}
    for line in lines:
        if found := match(line):
            uids[stem(split(found[2])[0])] = int(found[1])
    uidnext = max(uidnext, max(uids.values(), default=0) + 1)
    if not 0 < uidvalidity <= MAX_UID or not 0 < uidnext <= MAX_UID:
        raise Corrupt(f"{path}: UIDVALIDITY {uidvalidity} and UIDNEXT {uidnext} are not possible")
    return UidList(uidvalidity, uidnext, uids)
