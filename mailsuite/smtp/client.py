"""The client's side of SMTP without I/O: RFC 5321, RFC 1870, RFC 2920, RFC 3030, RFC 3207, RFC 4954, and
of LMTP, RFC 2033.

Octets go in with ``receive``, events come out of ``next_event``; ``start_tls``, ``login``, ``send`` and ``quit`` are
for a session at rest (after ``Greeted``, a refusal, ``LoggedIn`` or a clean ``Done``).  Promises: any cut of the
replies gives the same events; each transaction ends in one ``Done`` with an outcome for each recipient, whatever the
server does or the network breaks; nothing read before TLS is believed after it.  Memory is one reply at most.
"""

from __future__ import annotations

from collections import deque

from mailsuite.smtp.client_commands import auth_lines, parse_extensions
from mailsuite.smtp.client_events import (
    BodyWanted,
    ClientEvent,
    ClientLimits,
    Done,
    Ended,
    Greeted,
    LoggedIn,
    Login,
    LoginRefused,
    Step,
    TlsReady,
    TlsRefused,
    Transaction,
)
from mailsuite.smtp.client_exchange import Command, Exchange
from mailsuite.smtp.client_outcomes import words
from mailsuite.smtp.reply import ProtocolError, Reply, ReplyParser
from mailsuite.wire.canonical import Canonical
from mailsuite.wire.dots import Stuffer
from mailsuite.wire.signals import NEED_DATA, Signal


class ClientCore:
    """One session with the host ``peer`` (its name, for reports), in which we call ourselves ``hostname``."""

    def __init__(self, hostname: str, peer: str, limits: ClientLimits | None = None, lmtp: bool = False) -> None:
        self._hostname = hostname
        self._lmtp = lmtp
        self._peer = peer
        self._limits = limits or ClientLimits()
        self._parser = self._new_parser()
        self._out: list[bytes] = []
        self._events: deque[ClientEvent] = deque()
        self._awaited: deque[Command] = deque([Command(Step.BANNER, b"")])
        self._auth: list[bytes] = []
        self._exchange: Exchange | None = None
        self._canonical, self._stuffer = Canonical(), Stuffer()
        #: What waits to be sent by BDAT: the last chunk has to say that it is the last.
        self._chunk = b""
        self._body_asked = False
        self._handshake = False
        self.extensions: dict[str, str] = {}
        self.secure = False
        self.ended = False
        #: Replies taken so far: when it grows, the clock for the next one starts.
        self.replies = 0
        self._takers = {
            Step.BANNER: self._take_banner,
            Step.EHLO: self._take_ehlo,
            Step.HELO: self._take_helo,
            Step.STARTTLS: self._take_starttls,
            Step.AUTH: self._take_auth,
            Step.QUIT: self._take_quit,
        }

    # -- octets and events -----------------------------------------------------------------------------------------

    @property
    def step(self) -> Step:
        """What is being waited for."""
        if self._handshake:
            return Step.HANDSHAKE
        if self._awaited:
            return self._awaited[0].step
        return Step.BODY if self._exchange is not None else Step.IDLE

    def receive(self, data: bytes) -> None:
        """Octets from the server."""
        if self.ended:
            return
        self._parser.receive(data)
        try:
            while not self.ended:
                reply = self._parser.next_reply()
                if isinstance(reply, Signal):
                    break
                self._take(reply)
        except ProtocolError as error:
            self._end(f"{self._peer} does not speak SMTP properly: {error}")

    def next_event(self) -> ClientEvent | Signal:
        """The next event or NEED_DATA."""
        return self._events.popleft() if self._events else NEED_DATA

    def data_to_send(self) -> bytes:
        """What to write now."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def lost(self, reason: str) -> None:
        """The connection is gone, or given up because the server was silent for too long."""
        self._end(f"{self._peer}: {reason} while waiting for {self.step.value}")

    # -- what the adapter asks for ---------------------------------------------------------------------------------

    def start_tls(self) -> None:
        """STARTTLS; answered by ``TlsReady`` or ``TlsRefused``."""
        self._write(Command(Step.STARTTLS, b"STARTTLS\r\n"))

    def secured(self) -> None:
        """The handshake is done: greet again (RFC 3207 §4.2)."""
        self._handshake = False
        self.secure = True
        self._greet()

    def login(self, login: Login) -> None:
        """AUTH; answered by ``LoggedIn`` or ``LoginRefused``."""
        self._auth = auth_lines(login, self.extensions.get("AUTH", ""))
        if self._auth:
            self._write(Command(Step.AUTH, self._auth.pop(0)))
        else:
            self._events.append(LoginRefused(f"{self._peer} offers neither AUTH PLAIN nor AUTH LOGIN"))

    def send(self, transaction: Transaction) -> None:
        """Begin a transaction; answered by ``Done``, with ``BodyWanted`` before it if somebody was accepted."""
        self._exchange = Exchange(transaction, self._peer, self.extensions, self._lmtp)
        self._canonical, self._stuffer = Canonical(), Stuffer()
        self._chunk, self._body_asked = b"", False
        self._go_on()

    def body(self, data: bytes) -> None:
        """Octets of the message with CRLF line ends, in any cut; ignored once the server has refused it.  A bare CR
        or LF becomes a line end and a NUL is left out: neither is ever sent."""
        exchange = self._exchange
        if exchange is None or not exchange.body_wanted:
            return
        octets = self._canonical.feed(data)
        if not exchange.chunked:
            self._out.append(self._stuffer.feed(octets))
            return
        if self._chunk:
            self._write(Command(Step.CHUNK, b"BDAT %d\r\n%b" % (len(self._chunk), self._chunk)))
        self._chunk = octets

    def end_body(self) -> None:
        """The message is complete."""
        exchange = self._exchange
        if exchange is None or not exchange.body_wanted:
            return
        exchange.end_body()
        rest = self._canonical.finish()
        if exchange.chunked:  # RFC 3030 §2
            self._write(Command(Step.DOT, b"BDAT %d LAST\r\n%b%b" % (len(self._chunk + rest), self._chunk, rest)))
            self._chunk = b""
        else:
            first, *others = exchange.answers
            self._write(Command(Step.DOT, self._stuffer.feed(rest) + self._stuffer.finish(), first))
            self._awaited += [Command(Step.DOT, b"", index) for index in others]

    def quit(self) -> None:
        """Say goodbye; ``Ended`` follows."""
        if not self.ended:
            self._write(Command(Step.QUIT, b"QUIT\r\n"))

    # -- replies ---------------------------------------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        self.replies += 1
        if self._handshake:
            self._end(f"{self._peer} sent plain text where TLS was to begin")
        elif reply.code == 421:  # RFC 5321 §3.8: it closes the channel, whatever was asked
            self._end(f"{self._peer} said: {words(reply)}", answered=True)
        elif self._awaited:
            awaited = self._awaited.popleft()
            if awaited.step in self._takers:
                self._takers[awaited.step](reply)
            else:
                self._take_in_exchange(awaited, reply)
        elif self._exchange is not None:
            self._exchange.early(reply)
            self._go_on()
            self._end(f"{self._peer} answered before the end of the message: {words(reply)}")
        else:
            self._end(f"{self._peer} said, unasked: {words(reply)}")

    def _take_banner(self, reply: Reply) -> None:
        if reply.code == 220:
            self._greet()
        else:  # RFC 5321 §3.1: 554, no mail service here
            self._end(f"{self._peer} greeted with: {words(reply)}")

    def _greet(self) -> None:
        verb = "LHLO" if self._lmtp else "EHLO"  # RFC 2033 §4.1
        self._write(Command(Step.EHLO, f"{verb} {self._hostname}\r\n".encode()))

    def _take_ehlo(self, reply: Reply) -> None:
        if reply.code == 250:
            offered = parse_extensions(reply)
            self.extensions = {key: offered[key] for key in offered if key not in self._limits.without}
            self._events.append(Greeted(self.extensions))
        elif reply.code >= 500 and not self.secure and not self._lmtp:  # RFC 5321 §4.1.4
            self._write(Command(Step.HELO, f"HELO {self._hostname}\r\n".encode()))
        else:
            self._end(f"{self._peer} answered EHLO with: {words(reply)}")

    def _take_helo(self, reply: Reply) -> None:
        if reply.code == 250:
            self._events.append(Greeted(self.extensions))
        else:
            self._end(f"{self._peer} answered HELO with: {words(reply)}")

    def _take_starttls(self, reply: Reply) -> None:
        if reply.code != 220:
            self._events.append(TlsRefused(f"{self._peer} answered STARTTLS with: {words(reply)}"))
        elif self._parser.buffered:  # somebody on the way may have put it there
            self._end(f"{self._peer} sent plain text where TLS was to begin")
        else:
            self._handshake = True
            self._parser = self._new_parser()
            self._events.append(TlsReady())

    def _take_auth(self, reply: Reply) -> None:
        if reply.code == 334 and self._auth:
            self._write(Command(Step.AUTH, self._auth.pop(0)))
        elif reply.code == 235:
            self._events.append(LoggedIn())
        elif reply.code >= 400:
            self._events.append(LoginRefused(f"{self._peer} answered AUTH with: {words(reply)}"))
        else:
            raise ProtocolError(f"AUTH answered with {words(reply)}")

    def _take_quit(self, reply: Reply) -> None:
        self._end(f"{self._peer} said goodbye: {words(reply)}")

    def _take_in_exchange(self, awaited: Command, reply: Reply) -> None:
        if self._exchange is None:  # of a chunk that was on its way when an earlier one was refused
            return
        self._exchange.take(awaited.step, awaited.index, reply)
        if not self._awaited or self._exchange.over:
            self._go_on()

    # -- going on --------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """The transaction's next commands, or what it came to."""
        exchange = self._exchange
        if exchange is None:
            return
        if exchange.over:
            self._exchange = None
            self._events.append(Done(exchange.outcomes, exchange.clean))
            return
        for command in exchange.commands():
            self._write(command)
        if exchange.body_wanted and not self._body_asked:
            self._body_asked = True
            self._events.append(BodyWanted())

    def _write(self, command: Command) -> None:
        self._out.append(command.line)
        self._awaited.append(command)

    def _end(self, text: str, answered: bool = False) -> None:
        if self.ended:
            return
        self.ended = True
        self._awaited.clear()
        self._handshake = False
        if self._exchange is not None:
            self._exchange.cut(text, answered)
            self._go_on()
        self._events.append(Ended(text))

    def _new_parser(self) -> ReplyParser:
        return ReplyParser(self._limits.line, self._limits.lines)
