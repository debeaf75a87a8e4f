"""What SORT and THREAD compare of a message's header: RFC 5256, RFC 5957.  Texts are in the collation's form."""

from __future__ import annotations

import msgspec

from mailsuite.mime import addresses
from mailsuite.mime.addresses import Group
from mailsuite.mime.base_subject import base_subject
from mailsuite.mime.collation import casemap
from mailsuite.mime.dates import parse_date
from mailsuite.mime.encodings import decode_words, to_text
from mailsuite.mime.message_ids import first_id, message_ids

#: Octets of an address field and characters of a key that count.
MAX_FIELD, MAX_KEY = 4096, 500


class Ordering(msgspec.Struct, frozen=True, array_like=True):
    """``sent``: epoch seconds, and ``day`` the date as written (a proleptic Gregorian ordinal); both None where there
    is no date.  ``subject``: the base subject; ``reply``: it was one of a reply or forward.  ``sender``, ``to``,
    ``cc``: addr-mailbox of the first address; ``shown_sender``, ``shown_to``: what RFC 5957 §3 sorts by.  ``id`` and
    ``references``: the message's id, and those of its ancestors, the nearest last."""

    sent: float | None
    day: int | None
    subject: str
    reply: bool
    sender: str
    to: str
    cc: str
    shown_sender: str
    shown_to: str
    id: str
    references: tuple[str, ...]


def ordering(fields: dict[bytes, bytes]) -> Ordering:
    """Of the first header fields of each name, as ``header.index`` gives them."""
    sent = parse_date(fields.get(b"date", b""))
    subject = base_subject(decode_words(fields.get(b"subject", b"")))
    sender, shown_sender = _first(fields.get(b"from", b""))
    to, shown_to = _first(fields.get(b"to", b""))
    cc, _ = _first(fields.get(b"cc", b""))
    return Ordering(
        sent=sent.at if sent else None,
        day=sent.day if sent else None,
        subject=casemap(subject.text)[:MAX_KEY],
        reply=subject.reply,
        sender=sender,
        to=to,
        cc=cc,
        shown_sender=shown_sender,
        shown_to=shown_to,
        id=first_id(fields.get(b"message-id", b"")),
        references=_references(fields),
    )


def _references(fields: dict[bytes, bytes]) -> tuple[str, ...]:
    """RFC 5256 §3: those of References, or the first of In-Reply-To."""
    found = message_ids(fields.get(b"references", b""))
    if not found:
        found = message_ids(fields.get(b"in-reply-to", b""))[:1]
    return tuple(found)


def _first(value: bytes) -> tuple[str, str]:
    """addr-mailbox of the first address, and what is shown of it (RFC 5957 §3)."""
    found = addresses.parse(value[:MAX_FIELD]) if value else []
    if not found:
        return "", ""
    first = found[0]
    if isinstance(first, Group):  # RFC 3501 §7.4.2: the group's name is the mailbox, there is no host
        name = _key(to_text(first.name, b""))
        return name, name
    local = to_text(first.local, b"")
    named = decode_words(first.name)
    address = f"{local}@{to_text(first.domain, b'')}" if first.domain else local
    return _key(local), _key(named or address)


def _key(text: str) -> str:
    return casemap(text)[:MAX_KEY]
