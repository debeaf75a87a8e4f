"""A message as programs write it, made one that can be sent: RFC 5322, RFC 6409 §8.

Lines may end in LF or CR LF, also with more than one CR.  What stands before the first line that is no header field is
the header; addresses in it without a domain get ours, Bcc and what only a delivery may write goes, From is added where
there is none.  Date and Message-ID are the server's business.  Pure.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence

import msgspec

from mailsuite.mime import addresses
from mailsuite.mime.addresses import MAX_ADDRESSES, Group, Mailbox
from mailsuite.mime.header import Field, split
from mailsuite.mime.lines import to_lf
from mailsuite.model import Address
from mailsuite.sendmail.exits import Exit, Stop
from mailsuite.smtp.address import AddressError, parse_mailbox

#: RFC 5322 §3.6.8: what a field begins with.
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_LINE_END = re.compile(rb"(?<!\r)\r++(?:\n|\Z)")
_ATOMS = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+)*")
_LOCAL = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+)*")
#: Fields of addresses; those that name recipients, for ``-t``; those that are never sent.
_ORIGINATORS = (b"from", b"sender", b"reply-to")
_RECIPIENTS = (b"to", b"cc", b"bcc")
_RESENT = b"resent-"
_DROPPED = frozenset((b"bcc", b"resent-bcc", b"return-path", b"content-length"))
_QUALIFIED = frozenset(
    prefix + name for prefix in (b"", _RESENT) for name in (*_ORIGINATORS, *_RECIPIENTS) if name != b"bcc"
)


class Letter(msgspec.Struct, frozen=True):
    """``fields`` in order, ``body`` with the empty line before it; LF line ends."""

    fields: tuple[Field, ...]
    body: bytes

    def octets(self) -> bytes:
        """The whole message, LF."""
        return b"".join(to_lf(field.raw) for field in self.fields) + self.body

    @property
    def header(self) -> bytes:
        return b"".join(to_lf(field.raw) for field in self.fields)


def until_dot(data: bytes) -> bytes:
    """What stands before a line with a dot alone; all, if there is none."""
    if data.startswith((b".\n", b".\r\n")):
        return b""
    found = re.search(rb"\n\.\r?(?:\n|\Z)", data)
    return data if found is None else data[: found.start() + 1]


def read(data: bytes) -> Letter:
    """The parts of a message; a line ``From `` of a mailbox file before it is passed over."""
    text = _LINE_END.sub(b"\n", data)
    if text.startswith((b"From ", b">From ")):
        text = text.partition(b"\n")[2]
    end = _header_end(text)
    rest = text[end:]
    if rest and not rest.endswith(b"\n"):
        rest += b"\n"
    header = text[:end] if text[:end].endswith(b"\n") or not end else text[:end] + b"\n"
    return Letter(tuple(split(header)), rest if rest.startswith(b"\n") else b"\n" + rest)


def _header_end(text: bytes) -> int:
    """Where the first line begins that is neither a field nor the continuation of one."""
    at = 0
    while at < len(text):
        continued = at > 0 and text[at : at + 1] in (b" ", b"\t")
        if not continued and _FIELD.match(text, at) is None:
            break
        end = text.find(b"\n", at)
        at = len(text) if end < 0 else end + 1
    return at


def recipients(letter: Letter, domain: str) -> list[Address]:
    """Those whom the header names (``-t``): of a message that is sent on, in Resent fields.  Raises Stop."""
    names = {field.name.lower() for field in letter.fields}
    resent = any(name.startswith(_RESENT) for name in names)
    wanted = frozenset(_RESENT + name if resent else name for name in _RECIPIENTS)
    values = [field.value for field in letter.fields if field.name.lower() in wanted]
    return [address for value in values for address in listed(value, domain)]


def listed(value: bytes, domain: str) -> list[Address]:
    """The addresses of a list, ours those without a domain.  Raises Stop for one that is none."""
    found = list(_mailboxes(value))
    if len(found) >= MAX_ADDRESSES or addresses.may_be_cut(value):
        raise Stop(Exit.DATAERR, f"more than {MAX_ADDRESSES} addresses in one field, or of too many words")
    return [_address_of(mailbox, domain, value) for mailbox in found]


def _mailboxes(value: bytes) -> Iterator[Mailbox]:
    for entry in addresses.parse(value):
        if isinstance(entry, Group):
            yield from entry.members
        else:
            yield entry


def _address_of(mailbox: Mailbox, domain: str, value: bytes) -> Address:
    """Raises Stop.  It must stand in ``value`` as it is: what is read kindly may be somebody else's address."""
    local = mailbox.local if _LOCAL.fullmatch(mailbox.local) else _quoted(mailbox.local)
    written = local + b"@" + mailbox.domain if mailbox.domain else local
    try:
        if not mailbox.local or written not in value:
            raise AddressError(written)
        return parse_mailbox((local + b"@" + (mailbox.domain or domain.encode())).decode("utf-8"))
    except (AddressError, UnicodeDecodeError):
        raise Stop(Exit.DATAERR, f"not an address: {value.decode('utf-8', 'replace')!r}; nothing was sent") from None


def completed(letter: Letter, author: Address, full_name: str, domain: str) -> Letter:
    """The same with everything that a message must have but Date and Message-ID."""
    fields = [_qualified(field, domain) for field in letter.fields if field.name.lower() not in _DROPPED]
    names = {field.name.lower() for field in fields}
    resent = any(name.startswith(_RESENT) for name in names)
    missing = b"Resent-From" if resent else b"From"
    if missing.lower() not in names and not author.is_null:
        fields.insert(0, Field(missing, missing + b": " + _author(author, full_name) + b"\r\n"))
    return Letter(tuple(fields), letter.body)


def _author(author: Address, full_name: str) -> bytes:
    if not full_name:
        return str(author).encode()
    name = full_name.encode()
    if not full_name.isascii():  # RFC 2047 §2
        name = b"=?utf-8?B?" + base64.b64encode(name[:45].decode("utf-8", "ignore").encode()) + b"?="
    return _phrase(name) + b" <" + str(author).encode() + b">"


def _qualified(field: Field, domain: str) -> Field:
    """An address field with our domain wherever one is missing; untouched if none is."""
    if field.name.lower() not in _QUALIFIED or addresses.may_be_cut(field.value):
        return field
    entries = addresses.parse(field.value)
    if len(entries) >= MAX_ADDRESSES or all(map(_is_whole, _mailboxes(field.value))):
        return field
    return Field(field.name, field.name + b": " + _written(entries, domain.encode()) + b"\r\n")


def _is_whole(mailbox: Mailbox) -> bool:
    return bool(mailbox.domain) or not mailbox.local


def _written(entries: Sequence[Mailbox | Group], domain: bytes) -> bytes:
    """A line for each, for the list may be long."""
    return b",\r\n\t".join(_entry(entry, domain) for entry in entries)


def _entry(entry: Mailbox | Group, domain: bytes) -> bytes:
    if isinstance(entry, Group):
        return _phrase(entry.name) + b": " + b", ".join(_entry(one, domain) for one in entry.members) + b";"
    if not entry.local:  # a name without an address
        return _phrase(entry.name)
    local = entry.local if _LOCAL.fullmatch(entry.local) else _quoted(entry.local)
    address = local + b"@" + (entry.domain or domain)
    return _phrase(entry.name) + b" <" + address + b">" if entry.name else address


def _phrase(name: bytes) -> bytes:
    return name if _ATOMS.fullmatch(name) else _quoted(name)


def _quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
