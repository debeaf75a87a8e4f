"""An SMTP server that misbehaves on order, for clients under test.

``ScriptedPeer({"RCPT": "550 5.1.1 no", "DOT": CLOSE})`` answers properly but at the steps it was told: ``BANNER``,
``EHLO HELO STARTTLS HANDSHAKE AUTH MAIL RCPT DATA BODY CHUNK DOT RSET NOOP QUIT``, and ``RCPT user@host`` for one
recipient. What it does there is a reply, ``PROPER``, ``CLOSE``, ``SILENCE``, ``DEAF``, ``Bye(reply)`` (say it, then
close), ``Part(reply)`` (do not say its end) or ``Flood(octets)``; a list is used up one by one, its last element again
and again.  It has no I/O; ``serve`` puts it on a loopback port in threads of its own.
"""

from __future__ import annotations

import contextlib
import enum
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from mailsuite.wire.dots import Unstuffer
from mailsuite.wire.lines import LineBuffer
from mailsuite.wire.signals import NEED_DATA


class Act(enum.Enum):
    CLOSE = "close the connection without a word"
    SILENCE = "say nothing, ever"
    DEAF = "say nothing and read nothing, ever"
    PROPER = "what is proper"


CLOSE, SILENCE, DEAF, PROPER = Act.CLOSE, Act.SILENCE, Act.DEAF, Act.PROPER


class Bye(msgspec.Struct, frozen=True):
    """A reply, and then the end."""

    reply: str


class Part(msgspec.Struct, frozen=True):
    """A reply whose end of line never comes, and what then: it counts as given, so a message may be taken with it."""

    reply: str
    then: Act = SILENCE


class Flood(msgspec.Struct, frozen=True):
    """These octets again and again, many more of them than a client should listen to."""

    octets: bytes


Answer: TypeAlias = str | Bye | Part | Flood | Act
#: Octets that a flood has.
_FLOOD = 500_000
Script: TypeAlias = Mapping[str, Answer | Sequence[Answer]]

EXTENSIONS = ("PIPELINING", "SIZE 1000000", "8BITMIME", "ENHANCEDSTATUSCODES")
_PROPER = {
    "STARTTLS": "220 2.0.0 go ahead",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 go ahead",
    "CHUNK": "250 2.0.0 Ok",
    "DOT": "250 2.0.0 taken as {count}",
    "RSET": "250 2.0.0 Ok",
    "NOOP": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 bye",
}


class Received(msgspec.Struct, frozen=True):
    """A message the peer said 250 to.  Paths as they stood on the command lines, parameters and all."""

    sender: str
    recipients: tuple[str, ...]
    octets: bytes


class ScriptedPeer:
    """The server behind any number of sessions: ``sessions`` in order, ``messages`` taken."""

    def __init__(self, script: Script | None = None, extensions: Sequence[str] = EXTENSIONS) -> None:
        self.script = {key: list(_several(value)) for key, value in (script or {}).items()}
        self.extensions = extensions
        self.sessions: list[PeerSession] = []
        self.messages: list[Received] = []

    def session(self) -> PeerSession:
        """A new connection has come."""
        session = PeerSession(self)
        self.sessions.append(session)
        session.begin()
        return session

    def order(self, *keys: str) -> Answer:
        """What the script says for the first of the keys that is in it."""
        for key in keys:
            ordered = self.script.get(key)
            if ordered:
                return ordered.pop(0) if len(ordered) > 1 else ordered[0]
        return PROPER

    def answer(self, *keys: str) -> Answer:
        """The same, or what is proper for the last of them."""
        order = self.order(*keys)
        if order is not PROPER:
            return order
        if keys[-1] in ("EHLO", "HELO", "BANNER"):
            return self._greeting(keys[-1])
        return _PROPER.get(keys[-1], "500 5.5.1 what?").format(count=len(self.messages) + 1)

    def _greeting(self, key: str) -> str:
        if key == "BANNER":
            return "220 peer.test ESMTP"
        lines = ["peer.test", *(self.extensions if key == "EHLO" else ())]
        last = len(lines) - 1
        return "\r\n".join(f"250{' ' if n == last else '-'}{line}" for n, line in enumerate(lines))

    @contextlib.contextmanager
    def serve(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[int]:
        """Listen on a port of ``address`` until the context ends; gives the port."""
        server = _Server((address, 0), _Connection)
        server.peer, server.tls = self, tls
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()


def _several(value: Answer | Sequence[Answer]) -> Sequence[Answer]:
    return (value,) if isinstance(value, str | Bye | Part | Flood | Act) else value


class PeerSession:
    """One connection.  ``lines`` are the commands that came; ``handshake`` is true between STARTTLS and its TLS."""

    def __init__(self, peer: ScriptedPeer) -> None:
        self._peer = peer
        self._buffer = LineBuffer(100_000)
        self._body: Unstuffer | None = None
        #: Octets of a chunk (BDAT) that are still to come, and whether it is the last one.
        self._chunk = 0
        self._last = False
        self._lmtp = False
        self._parts: list[bytes] = []
        self._out: list[bytes] = []
        self._sender = ""
        self._recipients: list[str] = []
        self._mute = False
        self.lines: list[str] = []
        self.closed = False
        #: The connection is over, whoever ended it.
        self.ended = False
        #: It reads no more.
        self.deaf = False
        self.handshake = False
        self.secure = False
        #: Octets of the turn in which each command came, to see what was pipelined.
        self.turns: list[bytes] = []

    def begin(self) -> None:
        self._say(self._peer.answer("BANNER"))

    def data_to_send(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> None:
        self.turns.append(data)
        self._buffer.receive(data)
        while not (self.closed or self._mute or self.handshake):
            if self._body is not None:
                if not self._take_body(self._body):
                    return
                continue
            if self._chunk or self._last:
                if not self._take_chunk():
                    return
                continue
            line = self._buffer.take_line()
            if line is NEED_DATA:
                return
            assert isinstance(line, bytes), f"the client sent {line}"
            self._take_line(line.decode())

    def start_tls(self) -> bool:
        """The handshake begins; False if the script breaks it off or hangs in it."""
        self.handshake = False
        order = self._peer.order("HANDSHAKE")
        if order is not PROPER:
            self._say(order)
            return False
        self.secure = True
        return True

    def _take_line(self, line: str) -> None:
        self.lines.append(line)
        verb = line.split(" ", maxsplit=1)[0].upper()
        if verb == "LHLO":
            self._lmtp = True
            self._say(self._peer.answer(verb, "EHLO"))
        elif verb in ("AUTH", "EHLO", "HELO"):
            self._say(self._peer.answer(verb))
        elif verb == "MAIL":
            taken = self._say(self._peer.answer(verb)) == 250
            self._sender, self._recipients = line[len("MAIL FROM:") :] if taken else "", []
            self._parts = []
        elif verb == "RCPT":
            self._take_rcpt(line[len("RCPT TO:") :])
        elif verb == "DATA":
            self._take_data()
        elif verb == "BDAT":
            self._chunk, self._last = int(line.split()[1]), line.upper().endswith(" LAST")
            if not (self._chunk or self._last):
                self._say(self._peer.answer("CHUNK"))
        elif verb == "RSET":
            self._sender, self._recipients, self._parts = "", [], []
            self._say(self._peer.answer(verb))
        elif verb == "STARTTLS":
            said = self._say(self._peer.answer(verb))
            self.handshake = said == 220
        elif verb == "QUIT":
            self._say(self._peer.answer(verb))
            self.closed = True
        else:
            self._say(self._peer.answer(verb if verb in _PROPER else "AUTH"))

    def _take_rcpt(self, path: str) -> None:
        if not self._sender:
            self._say("503 5.5.1 MAIL first")
        elif self._say(self._peer.answer(f"RCPT {path.strip('<>')}", "RCPT")) == 250:
            self._recipients.append(path)

    def _take_data(self) -> None:
        if not self._recipients and "DATA" not in self._peer.script:
            self._say("554 5.5.1 no valid recipients")
        elif self._say(self._peer.answer("DATA")) == 354:
            self._body, self._parts = Unstuffer(), []

    def _take_body(self, body: Unstuffer) -> bool:
        """Whether the message has ended."""
        data = self._buffer.take_all()
        if not data:
            return False
        self._parts.append(body.feed(data))
        order = self._peer.order("BODY")
        if order is not PROPER:
            self._body = None
            self._say(order)
            self._mute = True
            return False
        if not body.ended:
            return False
        self._buffer.put_back(body.rest)
        self._body = None
        if self._lmtp:
            self._take_each()
            return True
        answer = self._peer.answer("DOT")
        if self._says(answer) == 250:
            self._peer.messages.append(Received(self._sender, tuple(self._recipients), b"".join(self._parts)))
        self._say(answer)
        return True

    def _take_each(self) -> None:
        """LMTP: an answer for each recipient (``DOT user@host``)."""
        octets = b"".join(self._parts)
        for path in self._recipients:
            answer = self._peer.answer(f"DOT {path.split('>')[0].strip('<>')}", "DOT")
            if self._says(answer) == 250:
                self._peer.messages.append(Received(self._sender, (path,), octets))
            self._say(answer)

    def _take_chunk(self) -> bool:
        """Whether the chunk has come whole."""
        data = self._buffer.take_all()
        self._parts.append(data[: self._chunk])
        self._buffer.put_back(data[self._chunk :])
        self._chunk -= min(self._chunk, len(data))
        if self._chunk:
            return False
        last, self._last = self._last, False
        if not self._recipients:
            self._say("503 5.5.1 no valid recipients")
            return True
        answer = self._peer.answer("DOT" if last else "CHUNK")
        if last and self._says(answer) == 250:
            self._peer.messages.append(Received(self._sender, tuple(self._recipients), b"".join(self._parts)))
        self._say(answer)
        return True

    def _says(self, answer: Answer) -> int:
        text = answer.reply if isinstance(answer, Part) else answer
        return int(text[:3]) if isinstance(text, str) and text[:3].isdigit() else 0

    def _say(self, answer: Answer) -> int:
        """The reply code, 0 if none was given."""
        if answer is Act.CLOSE:
            self.closed = True
        elif answer in (Act.SILENCE, Act.DEAF):
            self._mute, self.deaf = True, answer is Act.DEAF
        elif isinstance(answer, Part):
            self._out.append(answer.reply.encode())
            self._say(answer.then)
        elif isinstance(answer, Flood):
            self._out.append(answer.octets * (_FLOOD // len(answer.octets)))
            self._mute = True
        elif isinstance(answer, Bye):
            self._out.append(answer.reply.encode() + b"\r\n")
            self.closed = True
        elif isinstance(answer, str):
            self._out.append(answer.encode() + b"\r\n")
        return self._says(answer)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    peer: ScriptedPeer
    tls: ssl.SSLContext | None


class _Connection(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        session = self.server.peer.session()
        try:
            self._converse(session)
        finally:
            session.ended = True

    def _converse(self, session: PeerSession) -> None:
        connection = self.request
        with contextlib.suppress(OSError):
            connection.sendall(session.data_to_send())
            while not session.closed:
                if session.handshake:
                    if not session.start_tls() or self.server.tls is None:
                        return
                    connection = self.server.tls.wrap_socket(connection, server_side=True)
                data = connection.recv(65536)
                if not data:
                    return
                session.receive(data)
                connection.sendall(session.data_to_send())
            if connection is not self.request:
                connection.close()
