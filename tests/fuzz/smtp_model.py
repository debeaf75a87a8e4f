"""What an SMTP or LMTP server must answer and take, written anew and small: the measure of the real one.

Knows the world of tests/dialogues/smtp_world.py.  Each method is told what the client sends and gives the reply codes
that are due; ``taken`` is what must have been delivered, in order.  Nothing here is imported from ``mailsuite.smtp``.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

#: Mailboxes and aliases that anybody may write to.
LOCAL = ("alice@here.test", "bob@here.test", "sales@here.test", "away@here.test", "x@also.test", "ärger@here.test")


class Place(enum.Enum):
    START = 0
    READY = 1
    MAIL = 2
    RCPT = 3
    CHUNKS = 4
    BROKEN = 5


class Taken(NamedTuple):
    sender: str
    recipients: tuple[str, ...]
    octets: bytes


class Model:
    """One server; ``connect`` begins a session with it."""

    def __init__(self, lmtp: bool, mend: bool, message_limit: int, recipient_limit: int) -> None:
        """``mend``: an LF without CR is a line end."""
        self.lmtp = lmtp
        self._mend = mend
        self._message_limit = message_limit
        self._recipient_limit = recipient_limit
        self.taken: list[Taken] = []
        self.connect()

    def connect(self) -> list[int]:
        self.place = Place.START
        self.extended = self.secure = self.logged_in = False
        self._end()
        return [220]

    def _end(self) -> None:
        self._sender = ""
        self._binary = self._utf8 = False
        self._recipients: list[str] = []
        self._body = b""

    # -- the session -------------------------------------------------------------------------------------------------

    def greet(self, verb: str, name: str) -> list[int]:
        if (verb == "LHLO") is not self.lmtp:
            return [500]
        if name == "bad.test":  # the policy of the world
            return [550]
        self.place, self.extended = Place.READY, verb != "HELO"
        self._end()
        return [250]

    def reset(self) -> list[int]:
        if self.place is not Place.START:
            self.place = Place.READY
        self._end()
        return [250]

    def starttls(self) -> list[int]:
        if self.place not in (Place.READY, Place.MAIL, Place.RCPT) or self.secure:
            return [503]
        self.place, self.secure, self.extended, self.logged_in = Place.START, True, False, False
        self._end()
        return [220]

    def may_log_in(self) -> bool:
        return self.place is Place.READY and self.extended and not self.logged_in

    def log_in(self, outcome: int, rounds: int) -> list[int]:
        """``rounds`` challenges come before the outcome."""
        self.logged_in = outcome == 235
        return [334] * rounds + [outcome]

    # -- the transaction ---------------------------------------------------------------------------------------------

    def mail(self, sender: str | None, size: int, binary: bool, utf8: bool) -> list[int]:
        """``sender``: None for one that is no address; ``size``: as declared, 0 where it is not; the others are
        BODY=BINARYMIME and SMTPUTF8."""
        if self.place is not Place.READY:
            return [503]
        if sender is None:
            return [501]
        if (size or binary or utf8) and not self.extended:
            return [555]
        if not (sender.isascii() or utf8):  # RFC 6531 §3.5
            return [550]
        if size > self._message_limit:
            return [552]
        self.place, self._sender, self._binary, self._utf8 = Place.MAIL, sender, binary, utf8
        return [250]

    def rcpt(self, recipient: str | None) -> list[int]:
        if self.place not in (Place.MAIL, Place.RCPT):
            return [503]
        if recipient is None:
            return [501]
        if not (recipient.isascii() or self._utf8):
            return [553]
        if len(self._recipients) >= self._recipient_limit:
            return [452]
        if recipient not in LOCAL and not (recipient.endswith("@far.test") and self.logged_in):
            return [550]
        self.place = Place.RCPT
        self._recipients.append(recipient)
        return [250]

    def data(self) -> list[int]:
        return [354] if self.place is Place.RCPT and not self._binary else [503]

    def message(self, octets: bytes) -> list[int]:
        """All that came after 354, to the final dot."""
        return self._finish(octets)

    def bdat(self, octets: bytes, last: bool) -> list[int]:
        if self.place not in (Place.RCPT, Place.CHUNKS):
            return [503]
        self.place = Place.CHUNKS
        self._body += octets
        if last:
            return self._finish(self._body)
        if len(self._mended(self._body)) > self._message_limit:
            self.place = Place.BROKEN
            return [552]
        return [250]

    def _mended(self, octets: bytes) -> bytes:
        if not self._mend or self._binary:
            return octets
        return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def _finish(self, octets: bytes) -> list[int]:
        octets = self._mended(octets)
        code = self._judge(octets)
        if code == 250:
            self.taken.append(Taken(self._sender, tuple(dict.fromkeys(self._recipients)), octets))
        answers = len(self._recipients) if self.lmtp else 1
        self.place = Place.READY
        self._end()
        return [code] * answers

    def _judge(self, octets: bytes) -> int:
        if len(octets) > self._message_limit:
            return 552
        rest = octets.replace(b"\r\n", b"")
        if not set(rest) & set(b"\r\n\0"):
            return 250
        return 554 if self._binary else 550  # no part of these messages says that it is binary


def on_the_wire(octets: bytes) -> bytes:
    """A message as it follows 354: each line with its dot doubled, and the final dot."""
    lines = octets.split(b"\r\n")
    if lines[-1]:
        raise ValueError("the last line must be ended")
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines[:-1]) + b".\r\n"


def codes(lines: Sequence[bytes]) -> list[int]:
    """Reply lines -> a code a reply."""
    return [int(line[:3]) for line in lines if line[3:4] == b" "]
