"""What FETCH asks for, RFC 3501 section 9 ``fetch-att`` and section 6.4.5, RFC 3516 (BINARY)."""

from __future__ import annotations

import re

from mailsuite.imap.items import Attribute, BodySection, FetchItem, Partial, SectionKind, Transfer
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError, over_limit
from mailsuite.mime.structure import MAX_DEPTH

# fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] /
#             "BODY" ["STRUCTURE"] / "UID" / "BODY" section ["<" number "." nz-number ">"] /
#             "BODY.PEEK" section ["<" number "." nz-number ">"]
_NAME = re.compile(rb"[A-Za-z0-9.]+")
# section-part = nz-number *("." nz-number)
_PART = re.compile(rb"[1-9][0-9]{0,4}(?:\.[1-9][0-9]{0,4})*")
# section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT" ; section-text also "MIME"
_TEXT = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
# "<" number "." nz-number ">"
_PARTIAL = re.compile(rb"<([0-9]{1,19})\.([1-9][0-9]{0,18})>")
# "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"] ; preview-mod = "LAZY", RFC 8970 §6
_LAZY = re.compile(rb" \(LAZY(?: LAZY)*\)", re.IGNORECASE)

#: Items and header fields in one command, levels of a part number (counts), octets of a field name.
_MOST_ITEMS, _MOST_FIELDS, _DEEPEST, _LONGEST_FIELD = 100, 200, MAX_DEPTH, 200

_MACROS: dict[bytes, tuple[FetchItem, ...]] = {
    b"FAST": (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.RFC822_SIZE),
    b"ALL": (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.RFC822_SIZE, Attribute.ENVELOPE),
    b"FULL": (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.RFC822_SIZE, Attribute.ENVELOPE, Attribute.BODY),
}
_BINARY = (b"BINARY", b"BINARY.PEEK", b"BINARY.SIZE")
_PLAIN: dict[bytes, FetchItem] = {
    **{attribute.value.encode(): attribute for attribute in Attribute},
    b"RFC822": BodySection(b"RFC822"),
    b"RFC822.HEADER": BodySection(b"RFC822.HEADER", kind=SectionKind.HEADER, peek=True),
    b"RFC822.TEXT": BodySection(b"RFC822.TEXT", kind=SectionKind.TEXT),
}


def fetch_items(cursor: Cursor) -> tuple[FetchItem, ...]:
    """ "ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")", duplicates removed."""
    if not cursor.skip(b"("):
        return _item_or_macro(cursor)
    items = dict.fromkeys(_item_or_macro(cursor))
    while cursor.skip(b" "):
        items.update(dict.fromkeys(_item_or_macro(cursor)))
        if len(items) > _MOST_ITEMS:
            raise over_limit(f"at most {_MOST_ITEMS} fetch items in one command")
    cursor.need(b")")
    return tuple(items)


def _item_or_macro(cursor: Cursor) -> tuple[FetchItem, ...]:
    """Macros are let through in a list too; some clients write ``(FAST)``."""
    start = cursor.pos
    name = cursor.take(_NAME, "a fetch item").upper()
    if name in (b"BODY", b"BODY.PEEK") and cursor.skip(b"["):
        return (_section(cursor, peek=name == b"BODY.PEEK"),)
    if name in _BINARY and cursor.skip(b"["):
        return (_binary(cursor, name),)
    if name in _MACROS:
        return _MACROS[name]
    if name == b"PREVIEW" and cursor.match(_LAZY):
        return (Attribute.LAZY_PREVIEW,)
    if name in _PLAIN:
        return (_PLAIN[name],)
    cursor.pos = start
    raise cursor.expected("a fetch item")


def peeked(spec: bytes, partial: bytes = b"") -> BodySection:
    """``BODY.PEEK[spec]<partial>``; ProtocolError."""
    cursor = Cursor(spec + b"]" + partial)
    section = _section(cursor, peek=True)
    cursor.end()
    return section


def _section(cursor: Cursor, peek: bool) -> BodySection:
    """section = "[" [section-spec] "]", from behind the bracket, and the partial after it."""
    part = _part(cursor)
    kind = SectionKind.CONTENT
    fields: tuple[bytes, ...] = ()
    label = _dotted(part)
    if not part or cursor.skip(b"."):
        kind, fields = _section_text(cursor, part)
        label += (b"." if part and kind.value else b"") + kind.value.encode()
        if fields:
            label += b" (" + b" ".join(fields) + b")"
    cursor.need(b"]")
    partial = _partial(cursor)
    label = b"BODY[" + label + b"]" + _origin(partial)
    return BodySection(label, part, kind, tuple(field.lower() for field in fields), partial, peek)


def _binary(cursor: Cursor, name: bytes) -> BodySection:
    """section-binary = "[" [section-part] "]", from behind the bracket, and the partial after it; RFC 3516 §7."""
    part = _part(cursor)
    cursor.need(b"]")
    label = b"[" + _dotted(part) + b"]"
    if name == b"BINARY.SIZE":
        return BodySection(b"BINARY.SIZE" + label, part, peek=True, transfer=Transfer.DECODED_SIZE)
    partial = _partial(cursor)
    peek = name == b"BINARY.PEEK"
    return BodySection(
        b"BINARY" + label + _origin(partial), part, partial=partial, peek=peek, transfer=Transfer.DECODED
    )


def _part(cursor: Cursor) -> tuple[int, ...]:
    numbers = cursor.match(_PART)
    part = tuple(map(int, numbers.group().split(b"."))) if numbers else ()
    if len(part) > _DEEPEST:
        raise over_limit(f"a part number may have at most {_DEEPEST} levels")
    return part


def _dotted(part: tuple[int, ...]) -> bytes:
    return b".".join(b"%d" % number for number in part)


def _origin(partial: Partial | None) -> bytes:
    """How a response shows a partial."""
    return b"<%d>" % partial.offset if partial else b""


def _section_text(cursor: Cursor, part: tuple[int, ...]) -> tuple[SectionKind, tuple[bytes, ...]]:
    if not part and cursor.looking_at(b"]"):
        return SectionKind.CONTENT, ()
    start = cursor.pos
    kind = SectionKind(cursor.take(_TEXT, "a section").decode().upper())
    if kind is SectionKind.MIME and not part:
        cursor.pos = start
        raise cursor.expected("a section (MIME needs a part number)")
    if kind not in (SectionKind.FIELDS, SectionKind.FIELDS_NOT):
        return kind, ()
    cursor.space()
    return kind, _header_list(cursor)


def _header_list(cursor: Cursor) -> tuple[bytes, ...]:
    """header-list = "(" header-fld-name *(SP header-fld-name) ")", as astrings that can be echoed."""
    cursor.need(b"(")
    fields = [_field_name(cursor)]
    while cursor.skip(b" "):
        fields.append(_field_name(cursor))
        if len(fields) > _MOST_FIELDS:
            raise over_limit(f"at most {_MOST_FIELDS} header fields in one item")
    cursor.need(b")")
    return tuple(fields)


def _field_name(cursor: Cursor) -> bytes:
    name = strings.astring(cursor, "a header field name")
    if len(name) > _LONGEST_FIELD or not strings.ASTRING_ATOM.fullmatch(name):
        raise ProtocolError("not a header field name")
    return name


def _partial(cursor: Cursor) -> Partial | None:
    found = cursor.match(_PARTIAL)
    if found is None:
        if cursor.looking_at(b"<"):
            raise cursor.expected("a partial like <0.1024>")
        return None
    offset, length = int(found.group(1)), int(found.group(2))
    if max(offset, length) > 2**63 - 1:
        raise ProtocolError("the partial is out of range")
    return Partial(offset, length)
