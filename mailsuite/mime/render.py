"""ENVELOPE, BODYSTRUCTURE and BODY as IMAP sends them: RFC 9051 §7.5.2, RFC 3501 §7.4.2.

``summary`` makes all of them in one scan, for the index.  Text goes out as it stands in the message: quoted where that
is possible, else as a literal.  What a header lacks is NIL, what it leaves empty is an empty string.
"""

from __future__ import annotations

import re

import msgspec

from mailsuite.mime import addresses
from mailsuite.mime.addresses import AddressList, Group
from mailsuite.mime.parameters import Parameters, is_token, parse_value
from mailsuite.mime.structure import Kind, Part, parts_of, scan

#: Longer text goes as a literal.
MAX_QUOTED = 1000
#: Octets of address fields that are read in all the messages embedded in one; after those the fields are NIL.
MAX_EMBEDDED = 256 * 1024

NIL = b"NIL"
_PLAIN = re.compile(rb"[\x20\x21\x23-\x5b\x5d-\x7e]*")
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")


class Summary(msgspec.Struct, frozen=True):
    """What an index keeps of a message: three IMAP values and sizes in octets of the CRLF form."""

    envelope: bytes
    structure: bytes
    body: bytes
    header_size: int
    size: int
    fields: dict[bytes, bytes]


def summary(message: bytes) -> Summary:
    """Of a message with LF or CRLF line ends.  ``fields``: see ``structure.Part``."""
    return summarize(scan(message))


def summarize(root: Part) -> Summary:
    """Of a scanned message."""
    shown = _show(root, _Allowance())
    return Summary(envelope(root.fields), shown.structure, shown.body, root.body, root.end, root.fields)


def rev1_structures(root: Part) -> tuple[bytes, bytes]:
    """BODYSTRUCTURE and BODY where message/global is not taken apart (RFC 3501 §9 ``media-message``)."""
    shown = _show(root, _Allowance(global_apart=False))
    return shown.structure, shown.body


def string(text: bytes) -> bytes:
    """An IMAP string; NUL, which no string may hold, becomes 0x80 (as Dovecot does)."""
    if len(text) <= MAX_QUOTED:
        if _PLAIN.fullmatch(text):
            return b'"' + text + b'"'
        if _QUOTABLE.fullmatch(text):
            return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return b"{%d}\r\n%b" % (len(text), text.replace(b"\0", b"\x80"))


def envelope(fields: dict[bytes, bytes]) -> bytes:
    """ENVELOPE of a message with these first header fields.  Sender and Reply-To default to From."""
    sent_by = _addresses(fields.get(b"from"))
    sender = _addresses(fields.get(b"sender"))
    reply_to = _addresses(fields.get(b"reply-to"))
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        _field(fields, b"date"),
        _field(fields, b"subject"),
        sent_by,
        sent_by if sender == NIL else sender,
        sent_by if reply_to == NIL else reply_to,
        _addresses(fields.get(b"to")),
        _addresses(fields.get(b"cc")),
        _addresses(fields.get(b"bcc")),
        _field(fields, b"in-reply-to"),
        _field(fields, b"message-id"),
    )


def _field(fields: dict[bytes, bytes], name: bytes) -> bytes:
    value = fields.get(name)
    return NIL if value is None else string(value)


def _text(text: bytes) -> bytes:
    """A part of an address: empty means absent."""
    return string(text) if text else NIL


def _addresses(value: bytes | None) -> bytes:
    listed = _each(addresses.parse(value)) if value else b""
    return b"(" + listed + b")" if listed else NIL


def _each(listed: AddressList) -> bytes:
    shown: list[bytes] = []
    for entry in listed:
        if isinstance(entry, Group):  # RFC 3501 §7.4.2: a NIL host marks start and end of a group
            shown.append(b"(NIL NIL %b NIL)" % string(entry.name))
            shown.append(_each(list(entry.members)))
            shown.append(b"(NIL NIL NIL NIL)")
        else:
            local, domain = string(entry.local or b"MISSING_MAILBOX"), string(entry.domain or b"MISSING_DOMAIN")
            shown.append(b"(%b %b %b %b)" % (_text(entry.name), _text(entry.route), local, domain))
    return b"".join(shown)


# -- structure ---------------------------------------------------------------------------------------------------------


class _Shown(msgspec.Struct, frozen=True):
    """A part with and without extension data."""

    structure: bytes
    body: bytes


_ADDRESS_FIELDS = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")


class _Allowance:
    """What the address fields of embedded messages may still cost, in octets; whether message/global is taken apart."""

    def __init__(self, global_apart: bool = True) -> None:
        self._left = MAX_EMBEDDED
        self.global_apart = global_apart

    def affordable(self, fields: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """The fields, without addresses once those cost too much."""
        self._left -= sum(len(fields.get(name, b"")) for name in _ADDRESS_FIELDS)
        return fields if self._left >= 0 else {name: fields[name] for name in fields if name not in _ADDRESS_FIELDS}


def _show(part: Part, allowance: _Allowance) -> _Shown:
    kind, _, subtype = part.type.main.partition(b"/")
    extension = _disposition_language_location(part.fields)
    if part.kind is Kind.MULTIPART:
        return _show_multipart(part, string(subtype), extension, allowance)
    if part.kind is Kind.LEAF and kind.lower() in (b"multipart", b"message") and _needs_more(kind, subtype):
        kind, subtype = b"application", b"octet-stream"  # too deep to be taken apart
    fields = part.fields
    head = b"%b %b %b %b %b %b %d" % (
        string(kind),
        string(subtype),
        _parameters(part.type.parameters),
        _field(fields, b"content-id"),
        _field(fields, b"content-description"),
        string(_encoding(fields)),
        part.size,
    )
    extension = b" %b%b" % (_field(fields, b"content-md5"), extension)
    if part.kind is Kind.MESSAGE and (allowance.global_apart or subtype.lower() != b"global"):
        return _show_message(part, head, extension, allowance)
    if kind.lower() == b"text":
        head = b"%b %d" % (head, part.lines)
    return _Shown(b"(%b%b)" % (head, extension), b"(%b)" % head)


def _show_multipart(part: Part, subtype: bytes, extension: bytes, allowance: _Allowance) -> _Shown:
    children = [_show(child, allowance) for child in parts_of(part)]
    structure = b"".join([child.structure for child in children])
    body = b"".join([child.body for child in children])
    parameters = _parameters(part.type.parameters)
    return _Shown(b"(%b %b %b%b)" % (structure, subtype, parameters, extension), b"(%b %b)" % (body, subtype))


def _show_message(part: Part, head: bytes, extension: bytes, allowance: _Allowance) -> _Shown:
    message = part.children[0]
    fields = allowance.affordable(message.fields)
    inner = _show(message, allowance)
    head = b"%b %b " % (head, envelope(fields))
    return _Shown(
        b"(%b%b %d%b)" % (head, inner.structure, part.lines, extension),
        b"(%b%b %d)" % (head, inner.body, part.lines),
    )


def _needs_more(kind: bytes, subtype: bytes) -> bool:
    """Whether the grammar demands more of this type than a leaf shows."""
    return kind.lower() == b"multipart" or subtype.lower() in (b"rfc822", b"global")


def _encoding(fields: dict[bytes, bytes]) -> bytes:
    given = fields.get(b"content-transfer-encoding", b"")
    if is_token(given):
        return given
    word = parse_value(given).main
    return word if is_token(word) else b"7bit"  # RFC 2045 §6.1


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return NIL
    return b"(%b)" % b" ".join([string(name) + b" " + string(value) for name, value in parameters])


def _disposition_language_location(fields: dict[bytes, bytes]) -> bytes:
    disposition = language = NIL
    if value := fields.get(b"content-disposition"):
        given = parse_value(value)
        disposition = b"(%b %b)" % (string(given.main), _parameters(given.parameters))
    if value := fields.get(b"content-language"):
        tags = [string(tag.strip()) for tag in value.split(b",") if tag.strip()]
        language = b"(%b)" % b" ".join(tags) if tags else NIL
    return b" %b %b %b" % (disposition, language, _field(fields, b"content-location"))
