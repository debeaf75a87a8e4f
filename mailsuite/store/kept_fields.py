"""Answers header keys by the fields that the index keeps as they are sent (``header_sets``), where nothing is known
yet of what messages hold: right after a bulk of mail, for one.

The answer is the one that ``FindIndex`` would give.  Most messages are ruled out by a look for one word in the field
as it stands; of the others it is decoded.  Blocking; the account's lock is held only while fields are fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from mailsuite import query as q
from mailsuite.mime.collation import wanted
from mailsuite.mime.search import header_holds
from mailsuite.store.folder import Folder
from mailsuite.store.header_sets import Names

#: Messages that are decided in one go: some milliseconds.
AT_ONCE = 1000
#: A field whose value may read otherwise than it stands, with words that RFC 2231 spelled.
_WITH_PARAMETERS = ("content-type", "content-disposition")


class Decided(msgspec.Struct, frozen=True):
    """UIDs of messages that hold a key, and of those of which no fields are kept."""

    found: list[int]
    unknown: Sequence[int]


def decide(folder: Folder, key: q.Header | q.SentDate, uids: Sequence[int]) -> Decided:
    """For these, ascending, ``AT_ONCE`` at most."""
    name = key.field.lower() if isinstance(key, q.Header) else "date"
    with folder.account.locked():
        folder.must_be_there()
        sets = folder.account.index.header_sets
        names = _with(name, sets.known)
        there, blocks = sets.read(names, folder.id, uids) if names else ([], ())
    may_hold = _rule_out(key.text, name) if isinstance(key, q.Header) else None
    found = [
        uid
        for uid, block in zip(there, blocks, strict=True)
        if (may_hold is None or may_hold(block)) and header_holds(key, block)
    ]
    return Decided(found, sorted(frozenset(uids).difference(there)) if len(there) < len(uids) else ())


def _with(name: str, sets: Sequence[Names]) -> Names:
    """The smallest of the sets that has such a field; none if none has."""
    return min((names for names in sets if name in names.split()), key=len, default="")


def _rule_out(text: str, name: str) -> Callable[[bytes], bool] | None:
    """Says of a block of fields whether the one of that name may hold the text: the longest word stands in it as it is,
    or it is encoded.  None where that cannot be said so."""
    word = max(wanted(text).split(), key=len, default="")
    if not word.isascii() or not word or name in _WITH_PARAMETERS:
        return None
    octets, start = word.encode("ascii"), re.escape(name.upper().encode("utf-8", "replace"))
    field = re.compile(rb"\n%b[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*" % start)

    def may_stand_in(raw: bytes) -> bool:
        return octets in raw or b"=?" in raw or not raw.isascii()

    def may_hold(block: bytes) -> bool:
        upper = b"\n" + block.upper()
        return may_stand_in(upper) and any(map(may_stand_in, field.findall(upper)))

    return may_hold
