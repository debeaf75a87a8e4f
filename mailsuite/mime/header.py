"""The header block of a message or part: where it ends, its fields, chosen fields as they stand.

Fields are found by their line structure alone (RFC 5322 §2.2): a line that begins with a space or a tab continues the
field above it, whatever stands before the first colon is the name, a line without a colon is a field without a name.
Names are compared without case.  Blocks may have LF or CRLF line ends and may lack the empty line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from mailsuite.mime.lines import to_lf

_FOLD = re.compile(rb"\n[ \t]+(?:\n[ \t]+)*")
_NEXT_FIELD = re.compile(rb"\n(?![ \t])")
_FIELD = re.compile(rb"\n([^\n]+(?:\n[ \t][^\n]*)*)")


class Field(msgspec.Struct, frozen=True):
    """One header field: ``name`` as it was written, ``raw`` the whole lines with CRLF."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """What follows the colon, unfolded and without white space around it."""
        return unfold(self.raw.partition(b":")[2]).strip()


def header_end(data: bytes, start: int = 0) -> int:
    """The offset just after the empty line that ends the header beginning at ``start``; ``len(data)`` if there is
    none.  The empty line may be the first."""
    if data.startswith(b"\n", start):
        return start + 1
    if data.startswith(b"\r\n", start):
        return start + 2
    crlf = data.find(b"\n\r\n", start)
    lf = data.find(b"\n\n", start) if crlf < 0 else data.find(b"\n\n", start, crlf)
    if lf >= 0:
        return lf + 2
    return crlf + 3 if crlf >= 0 else len(data)


def unfold(raw: bytes) -> bytes:
    """RFC 5322 §2.2.3: line ends that white space follows are taken out, and the last one."""
    return to_lf(raw).replace(b"\n", b"")


def split(block: bytes) -> list[Field]:
    """The fields of a header block, in order."""
    found = _FIELD.findall(b"\n" + to_lf(block))
    return [Field(raw.partition(b":")[0].rstrip(), raw.replace(b"\n", b"\r\n") + b"\r\n") for raw in found]


def unfolded(block: bytes) -> list[bytes]:
    """The lines of a header block, each field on one; a fold reads as one space, however much white space made it."""
    return _FOLD.sub(b" ", to_lf(block)).split(b"\n")


def in_blocks(block: bytes, octets: int) -> Iterator[bytes]:
    """The fields of a header block in blocks of about so many octets; a field that has more is in one by itself."""
    start = 0
    while len(block) - start > octets:
        found = _NEXT_FIELD.search(block, start + octets)
        if found is None:
            break
        yield block[start : found.end()]
        start = found.end()
    yield block[start:]


def index(block: bytes) -> dict[bytes, bytes]:
    """The first field of each name: lower-case name to value, without white space around it.  A fold reads as one
    space, however much white space made it."""
    found: dict[bytes, bytes] = {}
    for line in unfolded(block):
        name, _, value = line.partition(b":")
        found.setdefault(name.rstrip().lower(), value.strip())
    found.pop(b"", None)
    return found


def first(block: bytes, name: bytes) -> bytes:
    """The unfolded value of the first field called ``name``; empty if there is none."""
    found = _matcher(frozenset((name.lower(),))).search(b"\n" + to_lf(block))
    return unfold(found[1].partition(b":")[2]).strip() if found else b""


def all_values(block: bytes, name: bytes) -> list[bytes]:
    """The unfolded values of every field called ``name``, in order."""
    found = _matcher(frozenset((name.lower(),))).findall(b"\n" + to_lf(block))
    return [unfold(raw.partition(b":")[2]).strip() for raw in found]


def select(block: bytes, names: Iterable[bytes], negate: bool = False) -> bytes:
    """RFC 9051 §6.4.5 HEADER.FIELDS and, with ``negate``, HEADER.FIELDS.NOT: the matching fields as they stand, with
    CRLF line ends, and the empty line."""
    wanted = frozenset(name.lower() for name in names)
    if negate:
        return b"".join([f.raw for f in split(block) if f.name.lower() not in wanted]) + b"\r\n"
    if not wanted:
        return b"\r\n"
    found = _matcher(wanted).findall(b"\n" + to_lf(block))
    return b"\n".join([*found, b"", b""]).replace(b"\n", b"\r\n") if found else b"\r\n"


@lru_cache(maxsize=256)
def _matcher(names: frozenset[bytes]) -> re.Pattern[bytes]:
    """Finds whole fields of these names in an LF block that has a line end put before it."""
    choice = b"|".join(re.escape(name) for name in sorted(names))
    return re.compile(rb"(?i)\n((?:" + choice + rb")[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*)")
