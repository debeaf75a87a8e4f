"""Internationalised messages (RFC 6532) for clients that know nothing of them: RFC 6858, which keeps it simple.

Every header block of a message that holds UTF-8 beyond ASCII is written anew in ASCII: addresses that cannot be said
so become one that leads nowhere, with the true one to read beside it (§2.1); MIME parameters take RFC 2231's form, as
RFC 6857 has it, in place of being left out (§2.2); texts become encoded words (§2.3); the other fields go (§2.4).
Bodies stay as they are, so a downgraded message is the message itself with a few ``Edit``s, however large it is.  A
block that is not UTF-8 is old mail with raw octets, not an internationalised one, and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import idna
import msgspec

from mailsuite.mime import addresses, header
from mailsuite.mime.encoded_words import encode_words, phrase
from mailsuite.mime.encodings import decode_words
from mailsuite.mime.parameters import Value, is_token, parse_value
from mailsuite.mime.section import Span
from mailsuite.mime.structure import Part, scan

#: RFC 6858 §2.1: what stands where an address cannot.
INVALID = b"invalid@internationalized-address.invalid"

_ADDRESSES = frozenset(
    b"from sender reply-to to cc bcc resent-from resent-sender resent-reply-to resent-to resent-cc resent-bcc"
    b" disposition-notification-to mail-followup-to mail-reply-to".split()
)
_TEXTS = frozenset(b"subject comments content-description thread-topic organization".split())
_VALUES = frozenset(b"content-type content-disposition".split())
#: Of these the first counts for who reads the message (RFC 2045 §3 allows one of each).
_ONCE = frozenset(b"content-type content-transfer-encoding content-disposition".split())
#: RFC 6532 §3.7, RFC 6533 §6: media types for what holds UTF-8 in headers, and those for what does not.
_TYPES = {b"message/global": b"message/rfc822", b"message/global-headers": b"text/rfc822-headers"}
_DOT_ATOM = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_SPECIAL = re.compile(rb'(["\\])')
#: RFC 2231 §7 attribute-char.
_ATTRIBUTE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")


class Edit(msgspec.Struct, frozen=True):
    """``text`` stands in place of the octets from ``start`` to ``end`` of the message's CRLF form."""

    start: int
    end: int
    text: bytes

    @property
    def growth(self) -> int:
        """Octets by which the message becomes longer, below 0 if shorter."""
        return len(self.text) - (self.end - self.start)


def downgrade(message: bytes) -> bytes:
    """The whole message (CRLF) as such a client may have it; itself where nothing is to be done."""
    if message.isascii():
        return message
    return apply(message, edits(scan(message), lambda start, length: message[start : start + length]))


def apply(message: bytes, found: Iterable[Edit]) -> bytes:
    """The message after the edits, which are in order and do not touch each other."""
    pieces: list[bytes] = []
    at = 0
    for edit in found:
        pieces += (message[at : edit.start], edit.text)
        at = edit.end
    return b"".join((*pieces, message[at:]))


def edits(root: Part, read: Callable[[int, int], bytes]) -> list[Edit]:
    """What is to be done to a message of that structure, in order; ``read(start, length)`` gives its octets."""
    found = (edit(span, read(span.start, span.length)) for span in headers(root))
    return [each for each in found if each is not None]


def headers(part: Part) -> Iterator[Span]:
    """Where the header blocks of a message and its parts lie, in order."""
    yield Span(part.start, part.body - part.start)
    for child in part.children:
        yield from headers(child)


def edit(span: Span, block: bytes) -> Edit | None:
    """What is to be done to the header block that lies there, if anything."""
    changed = block if block.isascii() and b"message/global" not in block.lower() else downgrade_header(block)
    return None if changed == block else Edit(span.start, span.start + span.length, changed)


def downgrade_header(block: bytes) -> bytes:
    """A header block (CRLF) with its empty line in ASCII; itself if it is not UTF-8."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return block
    end = b"\r\n" if block.endswith(b"\r\n\r\n") or block == b"\r\n" else b""
    identity = header.first(block, b"content-transfer-encoding").lower() not in (b"base64", b"quoted-printable")
    fields = [_field(field, identity) for field in _that_count(header.split(block))]
    return b"".join((*fields, end)) if fields else block


def _that_count(fields: Iterable[header.Field]) -> Iterator[header.Field]:
    """Without repeated ones of ``_ONCE``: where the first goes, another would come to count, and say what the content
    never was."""
    seen = set()
    for field in fields:
        name = field.name.lower()
        if name not in seen:
            yield field
        if name in _ONCE:
            seen.add(name)


def _field(field: header.Field, identity: bool) -> bytes:
    """The whole lines that stand for a field; none if it goes.  ``identity``: the content is not encoded."""
    name = field.name.lower()
    if name == b"content-type" and identity and parse_value(field.value).main.lower() in _TYPES:
        given = parse_value(field.value)
        return _line(field.name, _parameters(Value(_TYPES[given.main.lower()], given.parameters)))
    if field.raw.isascii():
        return field.raw
    if not field.name.isascii():
        return b""
    if name in _ADDRESSES:
        return _line(field.name, _address_list(field.value))
    if name in _VALUES:
        return _line(field.name, _parameters(parse_value(field.value)))
    if name == b"keywords":
        return _line(field.name, b",\r\n ".join(phrase(each.strip()) for each in field.value.split(b",")))
    if name in _TEXTS or name.startswith(b"x-"):
        return _line(field.name, encode_words(decode_words(field.value), len(field.name) + 2))
    return b""


def _line(name: bytes, value: bytes) -> bytes:
    return name + b": " + value + b"\r\n" if value.strip() else b""


# -- addresses: RFC 6858 §2.1 ------------------------------------------------------------------------------------------


def _address_list(value: bytes) -> bytes:
    found = addresses.parse(value)
    return b",\r\n ".join(_group(each) if isinstance(each, addresses.Group) else _mailbox(each) for each in found)


def _group(group: addresses.Group) -> bytes:
    members = b",\r\n ".join(map(_mailbox, group.members))
    return (phrase(group.name) or b"group") + b": " + members + b";"


def _mailbox(mailbox: addresses.Mailbox) -> bytes:
    domain = _domain(mailbox.domain)
    if mailbox.local and mailbox.local.isascii() and domain:
        address = _local(mailbox.local) + b"@" + domain
        return _named(phrase(mailbox.name), address) if mailbox.name else address
    address = mailbox.local + b"@" + mailbox.domain if mailbox.domain else mailbox.local
    shown = mailbox.name + b" <" + address + b">" if mailbox.name and address else mailbox.name or address
    return _named(phrase(shown), INVALID)


def _named(name: bytes, address: bytes) -> bytes:
    short = len(name) + len(address) < 60
    return name + (b" <" if short else b"\r\n <") + address + b">"


def _domain(domain: bytes) -> bytes:
    """In ASCII (as A-labels, which name the same: RFC 5890 §2.3.2.1), or empty if that cannot be."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain.decode(), uts46=True)
    except (idna.IDNAError, UnicodeError):
        return b""


def _local(local: bytes) -> bytes:
    return local if _DOT_ATOM.fullmatch(local) else b'"' + _SPECIAL.sub(rb"\\\1", local) + b'"'


# -- MIME: RFC 2231 §4 ---------------------------------------------------------------------------------------------


def _parameters(value: Value) -> bytes:
    """With each parameter that is not ASCII in RFC 2231's extended form; empty if the word itself is not."""
    if not value.main.isascii():
        return b""
    return b";\r\n ".join(
        (value.main, *(_parameter(name, given) for name, given in value.parameters if name.isascii()))
    )


def _parameter(name: bytes, value: bytes) -> bytes:
    if not value.isascii():
        encoded = b"".join([bytes((c,)) if c in _ATTRIBUTE else b"%%%02X" % c for c in value])
        return name.rstrip(b"*") + b"*=utf-8''" + encoded
    if is_token(value):
        return name + b"=" + value
    return name + b'="' + _SPECIAL.sub(rb"\\\1", value) + b'"'
