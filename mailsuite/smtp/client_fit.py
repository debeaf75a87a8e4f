"""Whether a message can go to a server as it is: what the server said it takes, against what the message is."""

from __future__ import annotations

import re
from collections.abc import Mapping

import idna
import msgspec

from mailsuite.model import Address, Recipient, Status
from mailsuite.smtp.client_events import Transaction

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_LIMIT = re.compile(r"([A-Za-z]+)=([0-9]{1,6})")


class Obstacle(msgspec.Struct, frozen=True):
    """Why a message, or one of its recipients, cannot go to this server, ever."""

    status: Status
    text: str


def obstacle(transaction: Transaction, extensions: Mapping[str, str]) -> Obstacle | None:
    """What keeps the message from this server, or None."""
    limit = extensions.get("SIZE", "")
    if limit.isdecimal() and 0 < int(limit[:20]) < transaction.size:  # RFC 1870 §4; 0 is no limit
        return Obstacle(
            Status(5, 3, 4), f"the message has {transaction.size} octets, the server takes at most {int(limit[:20])}"
        )
    if transaction.eight_bit and "8BITMIME" not in extensions:  # RFC 6152 §3
        return Obstacle(Status(5, 6, 3), "the message has 8-bit text and the server takes only 7-bit text")
    if "SMTPUTF8" not in extensions:  # RFC 6531 §3.5
        if not _is_plain(transaction.sender):
            return Obstacle(Status(5, 6, 7), "the sender's address is not ASCII and the server does not take such")
        if transaction.utf8_header:
            return Obstacle(Status(5, 6, 7), "the header has non-ASCII text and the server does not take such")
    if not is_writable(transaction.sender):
        return Obstacle(Status(5, 1, 7), "the sender's address has control characters")
    return _too_soon(transaction, extensions)


def _too_soon(transaction: Transaction, extensions: Mapping[str, str]) -> Obstacle | None:
    """RFC 2852 §4.1: with by-mode R only a server that promises to return it in time may have it."""
    by = transaction.by
    if by is None or not by.returned:
        return None
    if "DELIVERBY" not in extensions:
        return Obstacle(Status(5, 4, 7), "it is to be delivered in time or returned, which the server does not promise")
    least = extensions["DELIVERBY"].split(",")[0].strip()
    if least.isdecimal() and by.seconds < int(least[:9]):
        return Obstacle(
            Status(5, 4, 7), f"it is to be delivered within {by.seconds} seconds, the server wants at least {least}"
        )
    return None


def obstacle_of(recipient: Recipient, extensions: Mapping[str, str]) -> Obstacle | None:
    """What keeps one recipient from this server, or None."""
    if not is_writable(recipient.address):
        return Obstacle(Status(5, 1, 3), "the address has control characters")
    if "SMTPUTF8" not in extensions and not _is_plain(recipient.address):
        return Obstacle(Status(5, 6, 7), "the address is not ASCII and the server does not take such")
    return None


def says_utf8(transaction: Transaction, extensions: Mapping[str, str]) -> bool:
    """Whether SMTPUTF8 is said: where it is offered, of a message that came with it or whose addresses want it."""
    addresses = (transaction.sender, *(recipient.address for recipient in transaction.recipients))
    return "SMTPUTF8" in extensions and (
        transaction.smtputf8 or not all(str(address).isascii() for address in addresses)
    )


def written(address: Address, extensions: Mapping[str, str]) -> str:
    """As it stands on a command line: without SMTPUTF8 the domain in A-labels (RFC 6531 §3.2, RFC 5890)."""
    if "SMTPUTF8" not in extensions and not address.domain.isascii():
        return str(Address(address.local, ascii_domain(address.domain)))
    return str(address)


def ascii_domain(domain: str) -> str:
    """In A-labels, or as it is if it has none."""
    try:
        return idna.encode(domain, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return domain


def is_writable(address: Address) -> bool:
    """Whether it fits on a command line: no control characters, which could begin another command."""
    return _CONTROLS.search(str(address)) is None


def _is_plain(address: Address) -> bool:
    """Whether it can be written in ASCII."""
    return address.local.isascii() and (address.domain.isascii() or ascii_domain(address.domain).isascii())


def limit(extensions: Mapping[str, str], name: str, otherwise: int) -> int:
    """``RCPTMAX``, ``MAILMAX`` or ``RCPTDOMAINMAX`` of RFC 9422 §4; at least 1."""
    for key, value in _LIMIT.findall(extensions.get("LIMITS", "")):
        if key.upper() == name:
            return max(1, int(value))
    return otherwise
