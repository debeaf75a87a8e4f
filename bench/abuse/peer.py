"""One connection of an attacker: blocking, a line at a time, from a loopback address of its own."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import time
from collections.abc import Iterable
from typing import Self

from bench.abuse.case import Aim
from bench.abuse.sent import COUNT

#: Where attackers come from if nothing else is said; the polite client is 127.0.0.1.
SOURCE = "127.0.66.1"


class Peer:
    """Use as a context.  Whatever is read is bounded by ``patience`` seconds (TimeoutError)."""

    def __init__(self, port: int, source: str = SOURCE, patience: float = 30.0, buffer: int = 0) -> None:
        """``buffer``: octets of answers that the kernel holds for us, 0 for its own choice."""
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(patience)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        COUNT.add(connections=1)
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.close()

    def line(self) -> bytes:
        """The next line without its end; empty when the server has closed."""
        while b"\n" not in self._unread:
            try:
                got = self.socket.recv(65536)
            except ConnectionError:
                got = b""
            if not got:
                left, self._unread = self._unread, b""
                return left
            self._unread += got
        line, _, self._unread = self._unread.partition(b"\n")
        return line.rstrip(b"\r")

    def send(self, data: bytes) -> bool:
        """Whether all of it went, or the server has closed."""
        unsent = memoryview(data)
        try:
            while unsent:
                taken = self.socket.send(unsent)
                COUNT.add(octets=taken)
                unsent = unsent[taken:]
        except ConnectionError:
            return False
        return True

    def send_all(self, pieces: Iterable[bytes]) -> bool:
        """The same of many pieces, as long as the server takes them."""
        return all(self.send(piece) for piece in pieces)

    def last(self, seconds: float = 30.0) -> bytes:
        """The last line before the server closes."""
        end, line = time.monotonic() + seconds, b""
        while time.monotonic() < end:
            got = self.line()
            if not got:
                return line
            line = got
        raise TimeoutError(f"not closed after {seconds} s; last: {line[:200]!r}")

    def is_open(self) -> bool:
        """Whether the server has not closed; drops what waits to be read."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65536):
                pass
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.socket.setblocking(True)
        return False


class Smtp(Peer):
    """Greeted."""

    def __init__(self, aim: Aim, service: str = "smtp", source: str = SOURCE, patience: float = 30.0) -> None:
        super().__init__(aim.ports[service], source, patience)
        self.banner = self.reply()

    def reply(self) -> bytes:
        """The last line of a reply."""
        while (line := self.line())[3:4] == b"-":
            pass
        return line

    def ask(self, command: bytes) -> bytes:
        """The last line of its reply; empty when the server is gone."""
        self.send(command + b"\r\n")
        return self.reply()

    def addressed(self, recipient: str, sender: str = "mallory@evil.test") -> Self:
        """Up to what comes before the message."""
        for command in (b"EHLO evil.test", b"MAIL FROM:<%b>" % sender.encode(), b"RCPT TO:<%b>" % recipient.encode()):
            answer = self.ask(command)
            assert answer.startswith(b"250"), answer
        return self

    def envelope(self, recipient: str, sender: str = "mallory@evil.test") -> Self:
        """Up to ``354``."""
        answer = self.addressed(recipient, sender).ask(b"DATA")
        assert answer.startswith(b"354"), answer
        return self

    def log_in(self, aim: Aim) -> Self:
        """As the attacker's own account."""
        self.ask(b"EHLO evil.test")
        plain = base64.b64encode(f"\0{aim.account}\0{aim.password}".encode())
        answer = self.ask(b"AUTH PLAIN " + plain)
        assert answer.startswith(b"235"), answer
        return self


class Imap(Peer):
    """Greeted; ``log_in`` for more."""

    def __init__(self, aim: Aim, source: str = SOURCE, patience: float = 60.0, buffer: int = 0) -> None:
        super().__init__(aim.ports["imap"], source, patience, buffer)
        self._aim = aim
        self.banner = self.line()

    def ask(self, command: bytes) -> bytes:
        """The tagged answer, without its tag; empty when the server is gone.  What comes before it is dropped."""
        self.send(b"t " + command + b"\r\n")
        return self.tagged()

    def tagged(self) -> bytes:
        """The next tagged answer, without its tag; the octets of literals are not looked at."""
        while line := self.line():
            if line.startswith(b"t "):
                return line[2:]
            while (literal := re.search(rb"\{(\d+)\}$", line)) is not None:
                self._drop(int(literal[1]))
                line = self.line()
        return b""

    def _drop(self, octets: int) -> None:
        octets -= len(self._unread)
        if octets < 0:
            self._unread = self._unread[octets:]
            return
        self._unread = b""
        while octets > 0:
            got = self.socket.recv(min(octets, 1 << 20))
            if not got:
                return
            octets -= len(got)

    def log_in(self) -> Self:
        answer = self.ask(b"LOGIN %b %b" % (self._aim.account.encode(), self._aim.password.encode()))
        assert answer.startswith(b"OK"), answer
        return self

    def append(self, mailbox: str, message: bytes) -> bytes:
        """The tagged answer."""
        self.send(b"t APPEND %b {%d+}\r\n" % (mailbox.encode(), len(message)) + message + b"\r\n")
        return self.tagged()


def still_open(peers: Iterable[Peer]) -> int:
    """How many of them the server has not closed."""
    return sum(peer.is_open() for peer in peers)


def wait_until_closed(peers: list[Peer], seconds: float) -> float:
    """Seconds until the server has closed them all; AssertionError if it has not in time."""
    begun = time.monotonic()
    while left := still_open(peers):
        assert time.monotonic() < begun + seconds, f"{left} of {len(peers)} connections are open after {seconds} s"
        time.sleep(0.2)
    return time.monotonic() - begun
