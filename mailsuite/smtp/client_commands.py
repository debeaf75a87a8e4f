"""What the client writes and when it must not: command lines, and the extensions a message cannot do without."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping

import msgspec

from mailsuite.model import Address, Status
from mailsuite.smtp.client_events import Login, Transaction
from mailsuite.smtp.reply import Reply

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


class Obstacle(msgspec.Struct, frozen=True):
    """Why a message cannot go to this server, ever."""

    status: Status
    text: str


def parse_extensions(reply: Reply) -> dict[str, str]:
    """Keywords in capitals and their parameters from the answer to EHLO, RFC 5321 §4.1.1.1.

    The first line is the greeting.  ``AUTH=PLAIN`` is what servers said before RFC 2554."""
    extensions: dict[str, str] = {}
    for line in reply.lines[1:]:
        found = _KEYWORD.match(line)
        if found is not None:
            extensions.setdefault(found[0].upper(), line[found.end() :].lstrip(" =").strip())
    return extensions


def obstacle(transaction: Transaction, extensions: Mapping[str, str]) -> Obstacle | None:
    """What keeps the message from this server, or None."""
    limit = extensions.get("SIZE", "")
    if limit.isdecimal() and 0 < int(limit[:20]) < transaction.size:  # RFC 1870 §4; 0 is no limit
        return Obstacle(
            Status(5, 3, 4), f"the message has {transaction.size} octets, the server takes at most {int(limit[:20])}"
        )
    if transaction.eight_bit and "8BITMIME" not in extensions:  # RFC 6152 §3
        return Obstacle(Status(5, 6, 3), "the message has 8-bit text and the server takes only 7-bit text")
    if needs_utf8(transaction) and "SMTPUTF8" not in extensions:  # RFC 6531 §3.5
        return Obstacle(Status(5, 6, 7), "the message has non-ASCII addresses and the server does not take such")
    return None


def needs_utf8(transaction: Transaction) -> bool:
    addresses = (transaction.sender, *(recipient.address for recipient in transaction.recipients))
    return transaction.smtputf8 or not all(str(address).isascii() for address in addresses)


def is_writable(address: Address) -> bool:
    """Whether it fits on a command line: no control characters, which could begin another command."""
    return _CONTROLS.search(str(address)) is None


def mail_line(transaction: Transaction, extensions: Mapping[str, str]) -> bytes:
    """MAIL FROM with the parameters that the server understands."""
    parameters = ""
    if "SIZE" in extensions:
        parameters += f" SIZE={transaction.size}"
    if transaction.eight_bit:
        parameters += " BODY=8BITMIME"
    if needs_utf8(transaction):
        parameters += " SMTPUTF8"
    return f"MAIL FROM:<{transaction.sender}>{parameters}\r\n".encode()


def rcpt_line(address: Address) -> bytes:
    return f"RCPT TO:<{address}>\r\n".encode()


def auth_lines(login: Login, mechanisms: str) -> list[bytes]:
    """The lines to send one a turn, RFC 4954 §4; none if the server offers neither PLAIN nor LOGIN."""
    offered = mechanisms.upper().split()
    if "PLAIN" in offered:  # RFC 4616
        return [b"AUTH PLAIN " + _base64(f"\0{login.user}\0{login.password}")]
    if "LOGIN" in offered:
        return [b"AUTH LOGIN\r\n", _base64(login.user), _base64(login.password)]
    return []


def _base64(text: str) -> bytes:
    return b2a_base64(text.encode(), newline=False) + b"\r\n"
