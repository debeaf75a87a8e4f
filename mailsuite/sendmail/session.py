"""Gives a message to the running server over its Unix socket, in SMTP, and says what came of each recipient.

Blocking.  With ``show``, which raises nothing, every line of the dialogue is told as it is sent and as it comes; of the
message only its size.  Once the server has said who it is, a connection that breaks is a matter of the outcomes.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from mailsuite.model import Address, Delayed, Outcome, Recipient, Status
from mailsuite.net.socket_path import short_path
from mailsuite.smtp.client import ClientCore
from mailsuite.smtp.client_events import PATIENCE, BodyWanted, ClientLimits, Done, Ended, Greeted, Transaction
from mailsuite.wire.signals import Signal

#: Told each line of the dialogue, without its line end.
Show: TypeAlias = Callable[[str], None]
#: Recipients of one transaction; every server takes so many (RFC 5321 §4.5.3.1.8).
TOGETHER = 100
#: Commands and answers stand line by line for whoever looks.
_ONE_BY_ONE = frozenset(("PIPELINING", "CHUNKING"))
_READ = 64 * 1024


class Post(msgspec.Struct, frozen=True):
    """A message and its envelope; ``octets`` have LF line ends."""

    sender: Address
    recipients: tuple[Recipient, ...]
    octets: bytes
    envid: str = ""
    ret: str = ""
    eight_bit: bool = False
    utf8_header: bool = False

    @property
    def smtputf8(self) -> bool:
        """RFC 6531: something in envelope or header is not ASCII."""
        addresses = (self.sender, *(one.address for one in self.recipients))
        return self.utf8_header or not all(str(address).isascii() for address in addresses)


class Unreachable(Exception):
    """Nobody listens, or who listens does not speak to us; nothing was sent."""


def deliver(path: str, hostname: str, post: Post, show: Show | None = None) -> list[Outcome]:
    """One outcome a recipient, in their order.  Raises Unreachable."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(short_path(path))
        except OSError as error:
            raise Unreachable(f"{path}: {error.strerror or error}") from error
        return _Session(connection, hostname, show).deliver(post)


class _Session:
    def __init__(self, connection: socket.socket, hostname: str, show: Show | None) -> None:
        self._connection = connection
        self._show = show
        limits = ClientLimits(without=_ONE_BY_ONE if show else frozenset())
        self._core = ClientCore("localhost", hostname, limits)
        self._text = b""

    def deliver(self, post: Post) -> list[Outcome]:
        greeted = self._next()
        if not isinstance(greeted, Greeted):
            raise Unreachable(greeted.text if isinstance(greeted, Ended) else "no greeting")
        outcomes: list[Outcome] = []
        for at in range(0, len(post.recipients), TOGETHER):
            some = post.recipients[at : at + TOGETHER]
            outcomes += self._not_asked(some) if self._core.ended else self._transaction(post, some)
        if not self._core.ended:
            self._core.quit()
            self._next()
        return outcomes

    def _transaction(self, post: Post, recipients: Sequence[Recipient]) -> Sequence[Outcome]:
        self._core.send(
            Transaction(
                *(post.sender, tuple(recipients), len(post.octets) + post.octets.count(b"\n")),
                eight_bit=post.eight_bit,
                smtputf8=post.smtputf8,
                utf8_header=post.utf8_header,
                envid=post.envid,
                ret=post.ret,
            )
        )
        while not isinstance(event := self._next(), Done):
            if isinstance(event, BodyWanted):
                self._flush()
                self._core.body(post.octets)
                self._core.end_body()
                self._flush(message=len(post.octets))
        return event.outcomes

    def _not_asked(self, recipients: Sequence[Recipient]) -> Sequence[Outcome]:
        return [Delayed(one.address, Status(4, 4, 2), "the server ended the session") for one in recipients]

    def _next(self) -> object:
        """The next event, waited for.  The core knows what to make of a connection that is lost."""
        while isinstance(event := self._core.next_event(), Signal):
            if self._core.ended:
                return Ended("the session is over")
            self._flush()
            try:
                self._connection.settimeout(PATIENCE[self._core.step])
                data = self._connection.recv(_READ)
            except OSError as error:
                self._core.lost(str(error))
                continue
            if data:
                self._told(data)
                self._core.receive(data)
            else:
                self._core.lost("the connection was closed")
        return event

    def _flush(self, message: int = 0) -> None:
        data = self._core.data_to_send()
        if data and self._show is not None:
            lines = [f"({message} octets of message)", "."] if message else data.decode("utf-8", "replace").splitlines()
            for line in lines:
                self._show(f">>> {line}")
        self._connection.settimeout(PATIENCE[self._core.step])
        try:
            self._connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what it said before it left is still read
        except OSError as error:
            self._core.lost(str(error))

    def _told(self, data: bytes) -> None:
        if self._show is None:
            return
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            self._show("".join(c if c.isprintable() else "?" for c in line.decode("utf-8", "replace").rstrip("\r")))
