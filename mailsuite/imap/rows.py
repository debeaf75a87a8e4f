"""FETCH rows: from the items that were asked to octets, one format a command instead of one decision an item.

``Plan`` says what the store must be asked for, and puts what it answered into ``* n FETCH (...)`` lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import cast

import msgspec

from mailsuite.imap import responses
from mailsuite.imap.items import Attribute, BodySection, FetchItem, Transfer

#: Makes what a row shows of each value of a column.
_Render = Callable[[Sequence[object]], Sequence[object]]


def _as_they_are(values: Sequence[object]) -> Sequence[object]:
    return values


def _dates(values: Sequence[object]) -> Sequence[object]:
    return responses.internaldates(cast(Sequence[float], values))


def _previews(values: Sequence[object]) -> Sequence[object]:
    """nstring, in UTF-8 (RFC 8970 §3.3): NIL where it is not known yet."""
    texts = cast(Sequence[str | None], values)
    return [responses.nstring(None if text is None else text.encode("utf-8", "replace")) for text in texts]


#: Attribute -> the item of ``IMailbox.fetch`` that answers it, and how that is written.  FLAGS and UID are the view's.
_STORED: dict[Attribute, tuple[str, _Render]] = {
    Attribute.INTERNALDATE: ("second", _dates),
    Attribute.SAVEDATE: ("saved", _dates),
    Attribute.PREVIEW: ("preview", _previews),
    Attribute.LAZY_PREVIEW: ("known_preview", _previews),
    Attribute.RFC822_SIZE: ("size", _as_they_are),
    Attribute.MODSEQ: ("modseq", _as_they_are),
    Attribute.EMAILID: ("emailid", _as_they_are),
    Attribute.THREADID: ("threadid", _as_they_are),
    Attribute.ENVELOPE: ("envelope", _as_they_are),
    Attribute.BODY: ("body", _as_they_are),
    Attribute.BODYSTRUCTURE: ("structure", _as_they_are),
}
#: The formats of what is no plain octets behind its name.
_FORMATS: dict[Attribute, bytes] = {
    Attribute.UID: b"UID %d",
    Attribute.RFC822_SIZE: b"RFC822.SIZE %d",
    Attribute.MODSEQ: b"MODSEQ (%d)",  # RFC 7162 §7: fetch-mod-resp
    Attribute.EMAILID: b"EMAILID (%b)",  # RFC 8474 §7
    Attribute.THREADID: b"THREADID (%b)",
}


def _format(item: Attribute) -> bytes:
    return _FORMATS.get(item) or item.label.encode() + b" %b"


class _Pieces:
    """Lines of one form, put together column by column: formats where values go into octets, and between them, as
    they are, sections."""

    def __init__(self, begin: bytes, first: Sequence[object]) -> None:
        self._count = len(first)
        self._words, self._columns = [begin], [first]
        self._pieces: list[list[bytes]] = []

    def value(self, word: bytes, column: Sequence[object]) -> None:
        self._words.append(word)
        self._columns.append(column)

    def section(self, item: BodySection, contents: Sequence[bytes | int | None]) -> None:
        """Of whole sections nothing is made but their lengths."""
        if item.partial is None and item.transfer is Transfer.AS_SENT and None not in contents:
            # see ``sendable``
            texts = [content.replace(b"\0", b"\x80") for content in cast(Sequence[bytes], contents)]
            self.value(item.label.replace(b"%", b"%%") + b" {%d}\r\n", list(map(len, texts)))
        else:
            made = [section(item, content) for content in contents]
            self.value(b"%b", [head for head, _ in made])
            texts = [text for _, text in made]
        self._close()
        self._pieces.append(texts)

    def end(self) -> list[bytes]:
        """All lines, one behind the other."""
        self._words.append(b")\r\n")
        self._close()
        if len(self._pieces) == 1:
            return self._pieces[0]
        return list(chain.from_iterable(zip(*self._pieces, strict=True)))

    def between(self) -> None:
        self._words.append(b" ")

    def _close(self) -> None:
        """What was said since the last section."""
        line, columns = b"".join(self._words), self._columns
        made = [line % values for values in zip(*columns, strict=True)] if columns else [line] * self._count
        self._pieces.append(made)
        self._words, self._columns = [], []


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
    def whole(self) -> bool:
        """A message as it is sent is the only section."""
        return len(self.sections) == 1 and self.sections[0].is_message

    @property
    def uid(self) -> bool:
        """Whether rows show the UID: asked for by name, or by a UID command, which puts it among the items."""
        return Attribute.UID in self.items

    def rows(
        self, numbers: Sequence[int], uids: Sequence[int], flags: Sequence[bytes], values: Sequence[Sequence[object]]
    ) -> bytes:
        """Many lines at once; ``values`` are the columns that ``wanted`` names, and then those of ``sections``, all in
        step with ``numbers``; ``flags`` as ``View.rendered`` gives them."""
        return b"".join(self.pieces(numbers, uids, flags, values))

    def pieces(
        self, numbers: Sequence[int], uids: Sequence[int], flags: Sequence[bytes], values: Sequence[Sequence[object]]
    ) -> list[bytes]:
        """The same, so that long sections are not copied."""
        left = iter(values)
        shown: dict[FetchItem, Sequence[object]] = {Attribute.UID: uids, Attribute.FLAGS: flags}
        shown |= {item: _STORED[item][1](next(left)) for item in self.items if item in _STORED}
        made = _Pieces(b"* %d UIDFETCH (", uids) if self.uid_only else _Pieces(b"* %d FETCH (", numbers)
        for place, item in enumerate(self.items):
            if place:
                made.between()
            if isinstance(item, BodySection):
                made.section(item, cast(Sequence[bytes | int | None], next(left)))
            else:
                made.value(_format(item), shown[item])
        return made.end()

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
                words += between + _format(item) % uid
            elif item is Attribute.FLAGS:
                words += between + _format(item) % flags
            else:
                words += between + _format(item) % tuple(_STORED[item][1]((next(stored),)))
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
