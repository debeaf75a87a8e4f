"""Sections of messages for FETCH: cut from a message at hand, or streamed from one that is too large for that."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailsuite.errors import MailError
from mailsuite.imap import rows
from mailsuite.imap.items import BodySection, SectionKind
from mailsuite.interfaces import IBody
from mailsuite.mime import header
from mailsuite.mime.section import Span, Which, locate
from mailsuite.mime.structure import Part, Scanner, scan
from mailsuite.net.imap_selection import Selection
from mailsuite.net.imap_session import BrokenAnswer, Session

#: Octets read and written at once.
PIECE = 256 * 1024

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


def of_text(selection: Selection, uid: int, text: bytes, section: BodySection) -> bytes | None:
    """A section from the whole message; None where there is no such part."""
    if section.kind is SectionKind.CONTENT and not section.part:
        return text
    root = selection.scanned.get(uid)
    if root is None:
        root = _remember(selection, uid, scan(text))
    span = locate(root, section.part, _WHICH[section.kind])
    return None if span is None else of_header(text[span.start : span.start + span.length], section)


def _remember(selection: Selection, uid: int, root: Part) -> Part:
    selection.scanned = {uid: root}
    return root


# -- large messages ----------------------------------------------------------------------------------------------------


class Stream:
    """Sections of one large message, straight from its body onto the wire."""

    def __init__(self, session: Session, body: IBody) -> None:
        self._session = session
        self._body = body

    async def locate(self, selection: Selection, uid: int, wanted: Sequence[BodySection]) -> list[Span | None]:
        """Where the sections lie; reads the whole message if its structure is not known yet."""
        whole = Span(0, self._body.size)
        if all(section.kind is SectionKind.CONTENT and not section.part for section in wanted):
            return [whole for _ in wanted]
        root = selection.scanned.get(uid)
        if root is None:
            root = _remember(selection, uid, await self._scan())
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
            scanner.feed(data)
            at += len(data)
        return scanner.finish()

    async def send(self, row: bytes, wanted: Sequence[BodySection], spans: Sequence[Span | None], first: bool) -> None:
        """The rest of a FETCH response that begins with ``row``; ``first``: no item stands in it yet.

        Raises BrokenAnswer when a literal that was begun cannot be finished."""
        core = self._session.core
        core.untagged(row)
        for section, span in zip(wanted, spans, strict=True):
            core.untagged(b"" if first else b" ")
            first = False
            if span is None:
                core.untagged_all(rows.section(section, None))
            elif section.fields:
                core.untagged_all(rows.section(section, of_header(await self._read(span), section)))
            else:
                cut = _cut(span, section)
                core.untagged(section.label + b" {%d}\r\n" % cut.length)
                await self._copy(cut)
        core.untagged(b")\r\n")

    async def _copy(self, span: Span) -> None:
        at, end = span.start, span.start + span.length
        while at < end:
            data = await self._piece(at, min(PIECE, end - at))
            self._session.core.untagged(data)
            at += len(data)
            if at < end:
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
        try:
            data = await self._body.read_at(at, length)
        except MailError as error:
            raise BrokenAnswer(f"a message cannot be read: {error}") from error
        if not data:
            raise BrokenAnswer("a message is shorter than it was")
        return data


def _cut(span: Span, section: BodySection) -> Span:
    """What ``<offset.length>`` leaves of it."""
    partial = section.partial
    if partial is None:
        return span
    start = min(partial.offset, span.length)
    return Span(span.start + start, min(partial.length, span.length - start))
