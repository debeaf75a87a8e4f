"""Mail that can be told apart: each letter has a number in its header and a body like no other."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence

import msgspec

_NUMBER = re.compile(rb"^X-World: (\d+)\r$", re.MULTILINE)
_RECIPIENT = re.compile(rb"^Final-Recipient: *rfc822; *<?([^\s>]+)", re.MULTILINE | re.IGNORECASE)
_ACTION = re.compile(rb"^Action: *(\w+)", re.MULTILINE | re.IGNORECASE)
_WORDS = b"mail queue spool relay letter stamp envelope postman .dot ..two From \xc3\xa9t\xc3\xa9 box".split(b" ")


class Letter(msgspec.Struct, frozen=True):
    """``owner`` is the account that put it into its own mailbox; then there are no recipients."""

    number: int
    sender: str
    recipients: tuple[str, ...]
    octets: bytes
    digest: bytes
    owner: str = ""

    @property
    def eight_bit(self) -> bool:
        return not self.octets.isascii()


class Report(msgspec.Struct, frozen=True):
    """A notification about a letter: (recipient, action) each.  ``number`` is 0 where the letter's header was not
    added, as it could not be read."""

    number: int
    said: tuple[tuple[str, str], ...]


def write(number: int, rng: random.Random, sender: str, recipients: Sequence[str], owner: str = "") -> Letter:
    body = _body(rng)
    to = ", ".join(recipients) or owner
    head = (
        f"From: <{sender}>\r\nTo: {to}\r\nSubject: letter {number}\r\nMessage-ID: <{number}@world.test>\r\n"
        f"Date: Sun, 15 Jun 2025 15:06:40 +0000\r\nX-World: {number}\r\n\r\n"
    )
    return Letter(number, sender, tuple(recipients), head.encode() + body, digest_of(body), owner)


def _body(rng: random.Random) -> bytes:
    size = rng.choice((200, 600, 2000, 2000, 5000)) if rng.random() < 0.97 else 300_000
    lines: list[bytes] = []
    while size > 0:
        line = b" ".join(rng.choices(_WORDS, k=rng.choice((1, 5, 12, 80)))) + b" %d" % rng.getrandbits(30)
        repeated = [line] * (1 if size < 10_000 else 40)
        lines += repeated
        size -= len(line) * len(repeated)
    return b"\r\n".join(lines) + b"\r\n"


def digest_of(octets: bytes) -> bytes:
    return hashlib.blake2b(octets, digest_size=12).digest()


def read(octets: bytes) -> tuple[int, bytes] | Report:
    """The number and the digest of the body of a letter (0 of what is none), or what a report says."""
    head, _, body = octets.partition(b"\r\n\r\n")
    found = _NUMBER.search(head + b"\r\n")
    if found is not None:
        return int(found[1]), digest_of(body)
    if b"multipart/report" not in head.lower():
        return 0, digest_of(body)
    about = _NUMBER.search(body)
    recipients = [each.decode() for each in _RECIPIENT.findall(body)]
    actions = [each.decode().lower() for each in _ACTION.findall(body)]
    return Report(int(about[1]) if about else 0, tuple(zip(recipients, actions, strict=False)))
