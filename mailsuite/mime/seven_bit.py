"""Makes an 8-bit message a 7-bit one, for a server that takes nothing else: RFC 6152 §3, RFC 2045 §6.

Text becomes quoted-printable, anything else base64; what is 7-bit already stays as it is, octet for octet.  Not
everything may be converted: a header with 8-bit text has no other form, and what is signed or encrypted must stay as it
was made (RFC 1847 §2.1).  Pure; the whole message is in memory twice.
"""

from __future__ import annotations

import binascii

from mailsuite.mime.encodings import decode
from mailsuite.mime.header import split
from mailsuite.mime.structure import Kind, Part, scan

#: Octets of base64 on a line, RFC 2045 §6.8.
_LINE = 76
_SEALED = (b"multipart/signed", b"multipart/encrypted")
#: RFC 6532 §3.7, RFC 6533 §4.4: the types under message/ that may have an encoding.
_ENCODABLE = (b"message/global", b"message/global-headers", b"message/global-delivery-status")


class Unconvertible(Exception):
    """There is no 7-bit form of it; the text says why."""


def to_seven_bit(message: bytes) -> bytes:
    """The same message in ASCII.  ``message`` has CRLF line ends.  Raises Unconvertible."""
    if message.isascii():
        return message
    converted = _converted(message, scan(message))
    return converted if _has(message, b"mime-version") else b"MIME-Version: 1.0\r\n" + converted


def _has(message: bytes, name: bytes) -> bool:
    head = message[: scan(message).body]
    return any(field.name.lower() == name for field in split(head))


def _converted(message: bytes, part: Part) -> bytes:
    """A part with its header."""
    header, content = message[part.start : part.body], message[part.body : part.end]
    if not header.isascii():
        raise Unconvertible("there is 8-bit text in a header")
    if content.isascii():
        return header + content
    if part.type.main.lower() in _SEALED:
        raise Unconvertible("what is signed or encrypted cannot be converted")
    if part.kind is Kind.LEAF or (part.kind is Kind.MESSAGE and _is_encodable(part)):
        return _encoded(header, content, part)
    return _with_encoding(header, b"7bit") + _with_children(message, part)


def _is_encodable(part: Part) -> bool:
    return part.type.main.lower() in _ENCODABLE


def _with_children(message: bytes, part: Part) -> bytes:
    """The content of a multipart or an embedded message, what lies between the children as it was."""
    pieces: list[bytes] = []
    at = part.body
    for child in part.children:
        between = message[at : child.start]
        if not between.isascii():
            raise Unconvertible("there is 8-bit text between the parts")
        pieces += [between, _converted(message, child)]
        at = child.end
    if not message[at : part.end].isascii():
        raise Unconvertible("there is 8-bit text behind the parts")
    return b"".join([*pieces, message[at : part.end]])


def _encoded(header: bytes, content: bytes, part: Part) -> bytes:
    declared = part.fields.get(b"content-transfer-encoding", b"")
    plain = decode(content, declared)  # 8-bit octets in something that was encoded are a mistake: taken as they decode
    if part.type.main.lower().startswith(b"text/") or _is_encodable(part):
        return _with_encoding(header, b"quoted-printable") + _quoted_printable(plain)
    if part.type.main.lower().startswith((b"multipart/", b"message/")):
        raise Unconvertible("a part that holds others cannot be encoded")
    return _with_encoding(header, b"base64") + _base64(plain, content.endswith(b"\r\n"))


def _quoted_printable(text: bytes) -> bytes:
    octets = binascii.b2a_qp(text.replace(b"\r\n", b"\n"), istext=True)
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _base64(octets: bytes, end: bool) -> bytes:
    encoded = binascii.b2a_base64(octets, newline=False)
    lines = [encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE)]
    return b"\r\n".join(lines) + (b"\r\n" if end else b"")


def _with_encoding(header: bytes, encoding: bytes) -> bytes:
    """The header block with this Content-Transfer-Encoding instead of any other."""
    kept = b"".join(field.raw for field in split(header) if field.name.lower() != b"content-transfer-encoding")
    return kept + b"Content-Transfer-Encoding: %b\r\n\r\n" % encoding
