"""FETCH rows: from the items that were asked to octets, one format a command instead of one decision an item.

``Plan`` says what the store must be asked for, and puts what it answered into ``* n FETCH (...)`` lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import msgspec

from mailsuite.imap import responses
from mailsuite.imap.items import Attribute, BodySection, FetchItem, Transfer

_Render = Callable[[object], bytes]


def _number(value: object) -> bytes:
    return b"%d" % cast(int, value)


def _date(value: object) -> bytes:
    return responses.internaldate(cast(float, value))


def _preview(value: object) -> bytes:
    """nstring, in UTF-8 (RFC 8970 §3.3): NIL where it is not known yet."""
    return responses.nstring(None if value is None else cast(str, value).encode("utf-8", "replace"))


def _modseq(value: object) -> bytes:
    return b"(%d)" % cast(int, value)  # RFC 7162 §7: fetch-mod-resp


def _object_id(value: object) -> bytes:
    return b"(%b)" % cast(bytes, value)  # RFC 8474 §7


def _as_it_is(value: object) -> bytes:
    return cast(bytes, value)


#: Attribute -> the item of ``IMailbox.fetch`` that answers it, and how that is written.  FLAGS and UID are the view's.
_STORED: dict[Attribute, tuple[str, _Render]] = {
    Attribute.INTERNALDATE: ("date", _date),
    Attribute.SAVEDATE: ("saved", _date),
    Attribute.PREVIEW: ("preview", _preview),
    Attribute.LAZY_PREVIEW: ("known_preview", _preview),
    Attribute.RFC822_SIZE: ("size", _number),
    Attribute.MODSEQ: ("modseq", _modseq),
    Attribute.EMAILID: ("emailid", _object_id),
    Attribute.THREADID: ("threadid", _object_id),
    Attribute.ENVELOPE: ("envelope", _as_it_is),
    Attribute.BODY: ("body", _as_it_is),
    Attribute.BODYSTRUCTURE: ("structure", _as_it_is),
}
#: How ``rows`` writes columns that are no plain octets.
_FORMATS: dict[FetchItem, str] = {
    Attribute.UID: "UID %d",
    Attribute.RFC822_SIZE: "RFC822.SIZE %d",
    Attribute.MODSEQ: "MODSEQ (%d)",
    Attribute.EMAILID: "EMAILID (%b)",
    Attribute.THREADID: "THREADID (%b)",
}
#: What needs no rendering.
_READY = frozenset((*_FORMATS, Attribute.ENVELOPE, Attribute.BODY, Attribute.BODYSTRUCTURE))


def _column(item: FetchItem) -> _Render:
    """What must be done to the values of a column before ``rows`` can write them."""
    if isinstance(item, BodySection):
        return lambda content: b"".join(section(item, cast(bytes, content)))
    return _STORED[item][1]


def _word(item: FetchItem) -> str:
    """A column of octets; sections have their label with them."""
    return f"{item.label} %b" if isinstance(item, Attribute) else "%b"


class Plan(msgspec.Struct, frozen=True):
    """How to answer one FETCH.

    ``wanted``: item names for ``IMailbox.fetch``, to be asked in this order.  ``sections``: what must be read from
    messages, in the order in which ``row`` wants them.  ``flags``: whether rows show flags.  ``sets_seen``: whether
    reading sets \\\\Seen (RFC 3501 section 6.4.5).  ``uid_only``: rows are UIDFETCH responses (RFC 9586 §3.3).
    """

    items: tuple[FetchItem, ...]
    wanted: tuple[str, ...]
    sections: tuple[BodySection, ...]
    flags: bool
    sets_seen: bool
    uid_only: bool = False

    @property
    def only_flags(self) -> bool:
        """Nothing but FLAGS and UID: ``View.flag_rows`` answers without the store."""
        return self.flags and not self.wanted and not self.sections

    @property
    def uid(self) -> bool:
        """Whether rows show the UID: asked for by name, or by a UID command, which puts it among the items."""
        return Attribute.UID in self.items

    def rows(
        self, numbers: Sequence[int], uids: Sequence[int], flags: Sequence[bytes], values: Sequence[Sequence[object]]
    ) -> bytes:
        """Many lines at once; ``values`` are the columns that ``wanted`` names, and then those of ``sections``, all in
        step with ``numbers``; ``flags`` as ``View.rendered`` gives them."""
        columns: dict[FetchItem, Sequence[object]] = {Attribute.UID: uids, Attribute.FLAGS: flags}
        stored: list[FetchItem] = [item for item in self.items if item in _STORED]
        for item, column in zip(stored + list(self.sections), values, strict=False):
            columns[item] = list(map(_column(item), column)) if item not in _READY else column
        words = " ".join(_FORMATS.get(item) or _word(item) for item in self.items)
        line = f"* %d {'UID' if self.uid_only else ''}FETCH ({words})\r\n".encode()
        first = uids if self.uid_only else numbers
        return b"".join([line % fields for fields in zip(first, *(columns[item] for item in self.items), strict=True)])

    def row(
        self, number: int, uid: int, flags: bytes, values: Sequence[object], sections: Sequence[bytes | int | None]
    ) -> list[bytes]:
        """One line, in pieces, so that long sections are not copied.  ``values`` in step with ``wanted``;
        ``sections`` in step with the plan's: see ``section``."""
        stored, texts = iter(values), iter(sections)
        pieces: list[bytes] = []
        words = b"* %d UIDFETCH (" % uid if self.uid_only else b"* %d FETCH (" % number
        between = b""
        for item in self.items:
            if isinstance(item, BodySection):
                head, content = section(item, next(texts))
                pieces += (words + between + head, content)
                words = b""
            elif item is Attribute.UID:
                words += b"%bUID %d" % (between, uid)
            elif item is Attribute.FLAGS:
                words += b"%bFLAGS %b" % (between, flags)
            else:
                words += b"%b%b %b" % (between, item.label.encode(), _STORED[item][1](next(stored)))
            between = b" "
        pieces.append(words + b")\r\n")
        return pieces


def plan(items: tuple[FetchItem, ...], keeps_seen: bool, uid_only: bool = False) -> Plan:
    """For ``events.Fetch.items``; ``keeps_seen``: whether this client's reading can set \\Seen at all.

    With ``uid_only`` the UID is no item unless nothing else is asked: it stands in front of them all (RFC 9586 §3.3).
    Where reading sets \\Seen, rows show the flags too, so that the client hears of it (RFC 3501 section 6.4.5).
    """
    if uid_only:
        items = tuple(item for item in items if item is not Attribute.UID) or items
    sections = tuple(item for item in items if isinstance(item, BodySection))
    sets_seen = keeps_seen and any(not section.peek for section in sections)
    return Plan(
        items=items,
        wanted=tuple(_STORED[item][0] for item in items if isinstance(item, Attribute) and item in _STORED),
        sections=sections,
        flags=Attribute.FLAGS in items,
        sets_seen=sets_seen,
        uid_only=uid_only,
    )


def section(item: BodySection, content: bytes | int | None) -> tuple[bytes, bytes]:
    """``BODY[1]<0> {5}`` CRLF, and ``hello``: ``content`` is the whole section, of which the partial is cut here, or
    its size for BINARY.SIZE; None for a part that is not there."""
    if isinstance(content, int):
        return item.label + b" %d" % content, b""
    if content is None:
        return item.label + (b" 0" if item.transfer is Transfer.DECODED_SIZE else b" NIL"), b""
    if item.partial is not None:
        start = item.partial.offset
        content = content[start : start + item.partial.length]
    return announced(item, len(content), b"\0" in content), sendable(item, content)


def announced(item: BodySection, size: int, nul: bool) -> bytes:
    """``BODY[1]<0> {5}`` CRLF; ``nul``: the octet NUL may be among those that follow."""
    eight = b"~" if nul and item.transfer is Transfer.DECODED else b""  # literal8, RFC 3516 §4.3
    return item.label + b" %b{%d}\r\n" % (eight, size)


def sendable(item: BodySection, content: bytes) -> bytes:
    """The same octets, without NUL where a literal must not hold it (RFC 3501 §9 CHAR8): 0x80 stands for it."""
    return content if item.transfer is Transfer.DECODED else content.replace(b"\0", b"\x80")
