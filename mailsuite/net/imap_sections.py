"""Sections of messages for FETCH: cut from a message at hand, or streamed from one that is too large for that."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

from mailsuite.errors import Expunged, MailError
from mailsuite.imap import rows
from mailsuite.imap.items import BodySection, SectionKind, Transfer
from mailsuite.interfaces import IBody
from mailsuite.mime import header, transfer
from mailsuite.mime.section import Span, Which, find_part, locate
from mailsuite.mime.structure import Part, Scanner, scan
from mailsuite.net.imap_parts import BrokenAnswer
from mailsuite.net.imap_selection import Selection
from mailsuite.net.imap_session import Session

#: Octets read and written at once.
PIECE = 256 * 1024
#: Octets scanned at once, and seconds after which others have a turn: of parts in parts an octet can be dear.
SCANNED, TURN = 16 * 1024, 0.02

_FIELD_NAME = re.compile(rb"[!-9;-~]{1,200}")
_WHICH = {
    SectionKind.CONTENT: Which.ALL,
    SectionKind.HEADER: Which.HEADER,
    SectionKind.FIELDS: Which.HEADER,
    SectionKind.FIELDS_NOT: Which.HEADER,
    SectionKind.TEXT: Which.TEXT,
    SectionKind.MIME: Which.MIME,
}


def of_header(block: bytes, section: BodySection) -> bytes:
    """A header section from its header block."""
    if section.kind in (SectionKind.FIELDS, SectionKind.FIELDS_NOT):
        return header.select(block, section.fields, section.kind is SectionKind.FIELDS_NOT)
    return block


def header_item(section: BodySection) -> str:
    """What the store is to be asked for: of FIELDS what is wanted (of names that no field can have: none, RFC 5322
    §3.6.8), else the whole header."""
    if section.kind is not SectionKind.FIELDS:
        return "header"
    names = sorted({name for name in section.fields if _FIELD_NAME.fullmatch(name)})
    return f"fields {b' '.join(names).decode()}"


def of_text(selection: Selection, uid: int, text: bytes, section: BodySection) -> bytes | int | None:
    """A section from the whole message; None where there is no such part.  Raises Undecodable (BINARY)."""
    if section.kind is SectionKind.CONTENT and not section.part:
        return len(text) if section.transfer is Transfer.DECODED_SIZE else text
    root = selection.scanned.get(uid)
    if root is None:
        root = _remember(selection.scanned, uid, scan(text))
    span = locate(root, section.part, _WHICH[section.kind])
    if span is None:
        return None
    content = text[span.start : span.start + span.length]
    if section.transfer is Transfer.AS_SENT:
        return of_header(content, section)
    decoder = _decoder(root, section)
    decoded = decoder.feed(content) + decoder.end()
    return len(decoded) if section.transfer is Transfer.DECODED_SIZE else decoded


def _decoder(root: Part, section: BodySection) -> transfer.Decoder:
    """For the part, or for the message itself, of which nothing is decoded."""
    part = find_part(root, section.part) if section.part else None
    return transfer.decoder(part.fields.get(b"content-transfer-encoding", b"") if part is not None else b"")


def _remember(scanned: dict[int, Part], uid: int, root: Part) -> Part:
    scanned.clear()
    scanned[uid] = root
    return root


# -- large messages ----------------------------------------------------------------------------------------------------


class Stream:
    """Sections of one large message, straight from its body onto the wire."""

    def __init__(self, session: Session, body: IBody) -> None:
        self._session = session
        self._body = body
        self._root = Part(0)
        #: Octets read since others had a turn.
        self._made = 0

    async def locate(self, scanned: dict[int, Part], uid: int, wanted: Sequence[BodySection]) -> list[Span | None]:
        """Where the sections lie; reads the whole message if its structure is not among the ``scanned``.  Raises
        Undecodable."""
        whole = Span(0, self._body.size)
        if all(section.kind is SectionKind.CONTENT and not section.part for section in wanted):
            return [whole for _ in wanted]
        root = scanned.get(uid)
        if root is None:
            root = _remember(scanned, uid, await self._scan())
        self._root = root
        for section in wanted:
            if section.transfer is not Transfer.AS_SENT:
                _decoder(root, section)
        return [locate(root, section.part, _WHICH[section.kind]) for section in wanted]

    async def _scan(self) -> Part:
        scanner = Scanner()
        at = 0
        while at < self._body.size:
            if at:
                await self._session.breathe()
            data = await self._body.read_at(at, PIECE)
            if not data:
                break
            await self._feed(scanner, data)
            at += len(data)
        return scanner.finish()

    async def _feed(self, scanner: Scanner, data: bytes) -> None:
        clock = self._session.clock
        begun = clock.seconds()
        for start in range(0, len(data), SCANNED):
            if clock.seconds() - begun > TURN:
                await self._session.breathe()
                begun = clock.seconds()
            scanner.feed(data[start : start + SCANNED])

    async def send(self, row: bytes, wanted: Sequence[BodySection], spans: Sequence[Span | None], first: bool) -> None:
        """The rest of a FETCH response that begins with ``row``; ``first``: no item stands in it yet.

        Raises BrokenAnswer when a literal that was begun cannot be finished."""
        with self._session.in_pieces():
            self._session.core.untagged(row)
            try:
                await self._send_sections(wanted, spans, first)
            except MailError as error:
                raise BrokenAnswer(f"a message cannot be read: {error}") from error
            self._session.core.untagged(b")\r\n")

    async def _send_sections(self, wanted: Sequence[BodySection], spans: Sequence[Span | None], first: bool) -> None:
        core = self._session.core
        for section, span in zip(wanted, spans, strict=True):
            core.untagged(b"" if first else b" ")
            first = False
            if self._made >= PIECE:  # sections may be many, and overlap
                await self._breathe()
            if span is None:
                core.untagged_all(rows.section(section, None))
            elif section.transfer is not Transfer.AS_SENT:
                await self._send_decoded(section, span)
            elif section.fields:
                core.untagged_all(rows.section(section, of_header(await self._read(span), section)))
            else:
                cut = _cut(span, section)
                core.untagged(rows.announced(section, cut.length, False))
                async for data in self._pieces(cut):
                    core.untagged(rows.sendable(section, data))

    async def send_string(self, head: bytes, section: BodySection, span: Span) -> None:
        """A line of ``head`` and one section; BrokenAnswer as of ``send``."""
        read = section.fields
        found = of_header(await self._read(span), section) if read else b""
        cut = _cut(Span(0, len(found)) if read else span, section)
        core = self._session.core
        with self._session.in_pieces():
            core.untagged(head + b"{%d}\r\n" % cut.length)
            try:
                async for data in self.contents(section, span):
                    core.untagged(rows.sendable(section, data))
            except MailError as error:
                raise BrokenAnswer(f"a message cannot be read: {error}") from error
            core.untagged(b"\r\n")

    async def contents(self, section: BodySection, span: Span) -> AsyncIterator[bytes]:
        """A section as it is sent, in pieces."""
        if section.fields:
            found = of_header(await self._read(span), section)
            cut = _cut(Span(0, len(found)), section)
            yield found[cut.start : cut.start + cut.length]
        else:
            async for data in self._pieces(_cut(span, section)):
                yield data

    async def _send_decoded(self, section: BodySection, span: Span) -> None:
        """It is decoded twice, for the size goes first."""
        core = self._session.core
        size, nul = 0, False
        async for data in self._decoded(section, span):
            size += len(data)
            nul = nul or b"\0" in data
        if section.transfer is Transfer.DECODED_SIZE:
            core.untagged_all(rows.section(section, size))
            return
        cut = _cut(Span(0, size), section)
        core.untagged(rows.announced(section, cut.length, nul))
        at = 0
        async for data in self._decoded(section, span):
            core.untagged(data[max(cut.start - at, 0) : max(cut.start + cut.length - at, 0)])
            at += len(data)

    async def _decoded(self, section: BodySection, span: Span) -> AsyncIterator[bytes]:
        decoder = _decoder(self._root, section)
        async for data in self._pieces(span):
            yield decoder.feed(data)
        yield decoder.end()

    async def _pieces(self, span: Span) -> AsyncIterator[bytes]:
        """Each when the client has read most of what was sent before."""
        at, end = span.start, span.start + span.length
        while at < end:
            data = await self._piece(at, min(PIECE, end - at))
            yield data
            at += len(data)
            if at < end:
                await self._breathe()

    async def _breathe(self) -> None:
        self._made = 0
        await self._session.breathe()

    async def _read(self, span: Span) -> bytes:
        """All of a short span."""
        data: list[bytes] = []
        at, end = span.start, span.start + span.length
        while at < end:
            data.append(await self._piece(at, min(PIECE, end - at)))
            at += len(data[-1])
        return b"".join(data)

    async def _piece(self, at: int, length: int) -> bytes:
        data = await self._body.read_at(at, length)
        if not data:
            raise Expunged("a message is shorter than it was")
        self._made += len(data)
        return data


def _cut(span: Span, section: BodySection) -> Span:
    """What ``<offset.length>`` leaves of it."""
    partial = section.partial
    if partial is None:
        return span
    start = min(partial.offset, span.length)
    return Span(span.start + start, min(partial.length, span.length - start))
