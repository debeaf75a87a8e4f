"""The server's side of POP3 (RFC 1939, 2449, 2595, 5034), without I/O.

``receive`` octets, take ``next_event``, answer it, send ``data_to_send``.  Listings, marks and everything else that
needs no one else are answered here; each event awaits one answer, and the next command waits for that.  The answer to

    Login, Authenticate, Response   is ``logged_in``, ``login_failed``, in an exchange ``challenge``
    StartTLS                        is ``start_tls``
    Retrieve, Top                   is ``send_message``; or ``begin_message``, some ``send_part``, ``end_message``
    Update                          is ``updated``

or to any of them ``refuse``.  Nothing received in clear is acted on under TLS; passwords are taken only in private.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mailsuite.pop3.events import (
    Answered,
    Authenticate,
    Close,
    Event,
    Login,
    Response,
    Retrieve,
    StartTLS,
    Top,
    Update,
)
from mailsuite.pop3.grammar import SyntaxFault, parse_command, parse_number, parse_text
from mailsuite.pop3.maildrop import Maildrop, NoMessage
from mailsuite.pop3.states import State
from mailsuite.wire.dots import Stuffer
from mailsuite.wire.lines import LineBuffer, LineFault
from mailsuite.wire.signals import NEED_DATA, PAUSED, Signal


class Limits(msgspec.Struct, frozen=True):
    #: Octets of a command line with its end; RFC 2449 §4 asks for 255.
    line: int = 512
    #: Octets of a line in an AUTH exchange with its end, RFC 5034 §4.
    exchange_line: int = 12288
    #: Commands that are refused as unknown, misplaced or malformed before the connection ends.
    faults: int = 20
    #: Logins that fail before the connection ends.
    failed_logins: int = 5


class Profile(msgspec.Struct, frozen=True):
    """What a server offers."""

    #: Its own name, for the greeting.
    hostname: str
    #: What IMPLEMENTATION (RFC 2449 §6.9) says.
    implementation: str = "mailsuite"
    #: STLS is there.
    tls: bool = False
    #: Passwords are taken without TLS.
    plaintext: bool = False
    #: SASL mechanisms where passwords may be asked for, best first.
    mechanisms: tuple[str, ...] = ("PLAIN",)
    limits: Limits = Limits()


_ANSWERED, _CLOSE = Answered(), Close()
_Act = Callable[[list[bytes]], Event]


class ServerCore:
    """One session."""

    def __init__(self, profile: Profile, secure: bool = False) -> None:
        """``secure``: TLS is there from the start."""
        self.profile = profile
        self.secure = secure
        self.state = State.AUTHORIZATION
        self._lines = LineBuffer(profile.limits.line, lenient=True)
        self._out: list[bytes] = []
        self._pending = False
        self._closed = False
        self._name = ""
        self._faults = self._failed_logins = 0
        self._maildrop = Maildrop((), ())
        self._stuffer = Stuffer()
        self._acts: dict[str, _Act] = {
            "CAPA": self._capa,
            "STLS": self._stls,
            "USER": self._user,
            "PASS": self._pass,
            "AUTH": self._auth,
            "STAT": self._stat,
            "LIST": self._list,
            "UIDL": self._uidl,
            "RETR": self._retr,
            "TOP": self._top,
            "DELE": self._dele,
            "RSET": self._rset,
            "NOOP": self._noop,
            "QUIT": self._quit,
        }
        self._ok(f"{profile.hostname} POP3 server ready")

    # -- the contract every core has -----------------------------------------------------------------------------

    @property
    def buffered(self) -> int:
        """Octets received and not acted on."""
        return len(self._lines)

    def receive(self, data: bytes) -> None:
        self._lines.receive(data)

    def next_event(self) -> Event | Signal:
        """The next thing to do; PAUSED until the one before is answered."""
        if self._pending:
            return PAUSED
        if self.state is State.ENDED:
            return self._end()
        line = self._lines.take_line()
        if isinstance(line, Signal):
            return line
        event = self._response(line) if self.state is State.EXCHANGE else self._command(line)
        self._pending = event is not _ANSWERED
        return event

    def data_to_send(self) -> bytes:
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return data

    # -- answers -------------------------------------------------------------------------------------------------

    @property
    def private(self) -> bool:
        """Passwords may be asked for."""
        return self.secure or self.profile.plaintext

    def refuse(self, text: str, code: str = "") -> None:
        """-ERR, with a response code of RFC 2449 §8 or RFC 3206 (``SYS/TEMP``) if there is one.

        To an Update it ends the session; to a login it counts as a failed one."""
        self._answer()
        self._err(text, code)
        if self.state is State.EXCHANGE:
            self._enter(State.AUTHORIZATION)

    def login_failed(self, text: str, code: str = "AUTH") -> None:
        """``refuse`` for wrong credentials: too many of them end the session."""
        self.refuse(text, code)
        self._failed_logins += 1
        if self._failed_logins >= self.profile.limits.failed_logins:
            self.state = State.ENDED

    def challenge(self, line: bytes) -> None:
        """Ask on in an AUTH exchange; ``line`` is base64."""
        self._answer()
        self._out.append(b"+ " + line + b"\r\n")
        self._enter(State.EXCHANGE)

    def logged_in(self, maildrop: Maildrop) -> None:
        self._answer()
        self._maildrop = maildrop
        self._enter(State.TRANSACTION)
        self._ok(self._summary())

    def start_tls(self) -> bool:
        """Agree to STLS: send, then shake hands.  False, and refused, if the client sent more in the same breath:
        that was not protected, and may be someone else's (RFC 2595 §4, RFC 3207 §6)."""
        if self._lines:
            self.refuse("nothing may follow STLS before the handshake")
            return False
        self._answer()
        self._ok("begin the TLS handshake")
        self.secure = True
        self._name = ""
        return True

    def send_message(self, data: bytes) -> None:
        """A whole message, CRLF line ends."""
        self.begin_message(f"{len(data)} octets")
        self.send_part(data)
        self.end_message()

    def begin_message(self, text: str) -> None:
        """The answer's first line; RFC 1939 §5 lets RETR's tell the size before dots are doubled."""
        self._ok(text)
        self._stuffer = Stuffer()

    def send_part(self, data: bytes) -> None:
        self._out.append(self._stuffer.feed(data))

    def end_message(self) -> None:
        self._answer()
        self._out.append(self._stuffer.finish())

    def updated(self) -> None:
        """The deleted messages are gone for good."""
        self._answer()
        self._ok("bye")

    def say_and_end(self, text: str, code: str = "SYS/TEMP") -> None:
        """-ERR out of turn, as the last word (a time-out, a shutdown, a fault of ours)."""
        self._err(text, code)
        self.state = State.ENDED

    # -- lines ---------------------------------------------------------------------------------------------------

    def _command(self, line: bytes | LineFault) -> Event:
        try:
            if isinstance(line, LineFault):
                raise SyntaxFault("line too long")
            command, arguments = parse_command(line)
            if self.state not in command.states:
                raise SyntaxFault(f"{command.keyword} is not allowed {self.state.value}")
            return self._acts[command.keyword](arguments)
        except SyntaxFault as fault:
            return self._fault(str(fault))
        except NoMessage as missing:
            self._err(str(missing))
            return _ANSWERED

    def _response(self, line: bytes | LineFault) -> Event:
        if isinstance(line, LineFault):
            self._enter(State.AUTHORIZATION)
            return self._fault("line too long")
        return Response(line)

    def _fault(self, text: str) -> Event:
        self._err(text)
        self._faults += 1
        if self._faults >= self.profile.limits.faults:
            self.state = State.ENDED
        return _ANSWERED

    def _end(self) -> Event | Signal:
        if self._closed:
            return NEED_DATA
        self._closed = True
        return _CLOSE

    def _enter(self, state: State) -> None:
        self.state = state
        limits = self.profile.limits
        self._lines.limit = limits.exchange_line if state is State.EXCHANGE else limits.line

    def _answer(self) -> None:
        if not self._pending:
            raise RuntimeError("there is nothing to answer")
        self._pending = False

    def _ok(self, text: str) -> Event:
        self._out.append(f"+OK {text}\r\n".encode())
        return _ANSWERED

    def _err(self, text: str, code: str = "") -> None:
        self._out.append(f"-ERR [{code}] {text}\r\n".encode() if code else f"-ERR {text}\r\n".encode())

    def _summary(self) -> str:
        return f"{self._maildrop.count} messages ({self._maildrop.octets} octets)"

    # -- commands before the login -------------------------------------------------------------------------------

    def _capa(self, _: list[bytes]) -> Event:
        """RFC 2449 §6; the same in both states."""
        profile = self.profile
        names = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"]
        if self._takes_passwords:
            names.append("USER")
        if self.private and profile.mechanisms:
            names.append(" ".join(("SASL", *profile.mechanisms)))
        if profile.tls and not self.secure:
            names.append("STLS")
        names.append(f"IMPLEMENTATION {profile.implementation}")
        return self._ok("capabilities follow\r\n" + "\r\n".join(names) + "\r\n.")

    def _stls(self, _: list[bytes]) -> Event:
        if self.secure:
            raise SyntaxFault("TLS is there already")
        if not self.profile.tls:
            raise SyntaxFault("there is no TLS here")
        return StartTLS()

    def _user(self, arguments: list[bytes]) -> Event:
        if not self._takes_passwords:
            return self._need_privacy()
        self._name = parse_text(arguments[0], "name")
        return self._ok("send the password")

    def _pass(self, arguments: list[bytes]) -> Event:
        if not self._takes_passwords:
            return self._need_privacy()
        name, self._name = self._name, ""  # RFC 1939 §7: PASS only right after USER
        if not name:
            raise SyntaxFault("send USER first")
        return Login(name, parse_text(arguments[0], "password"))

    @property
    def _takes_passwords(self) -> bool:
        """USER and PASS are what PLAIN is, in other words."""
        return self.private and "PLAIN" in self.profile.mechanisms

    def _need_privacy(self) -> Event:
        self._err("no passwords here, see SASL in CAPA" if self.private else "no passwords without TLS", "AUTH")
        return _ANSWERED

    def _auth(self, arguments: list[bytes]) -> Event:
        mechanism = parse_text(arguments[0], "mechanism").upper()
        return Authenticate(mechanism, len(arguments) > 1, arguments[1] if len(arguments) > 1 else b"")

    # -- commands after the login --------------------------------------------------------------------------------

    def _stat(self, _: list[bytes]) -> Event:
        return self._ok(f"{self._maildrop.count} {self._maildrop.octets}")

    def _list(self, arguments: list[bytes]) -> Event:
        if arguments:
            index = self._index(arguments)
            return self._ok(f"{index + 1} {self._maildrop.size(index)}")
        return self._ok(f"{self._summary()}\r\n{self._maildrop.list_sizes()}.")

    def _uidl(self, arguments: list[bytes]) -> Event:
        if arguments:
            index = self._index(arguments)
            return self._ok(f"{index + 1} {self._maildrop.name(index)}")
        return self._ok(f"unique ids follow\r\n{self._maildrop.list_names()}.")

    def _retr(self, arguments: list[bytes]) -> Event:
        return Retrieve(self._index(arguments))

    def _top(self, arguments: list[bytes]) -> Event:
        return Top(self._index(arguments), parse_number(arguments[1]))

    def _dele(self, arguments: list[bytes]) -> Event:
        index = self._index(arguments)
        self._maildrop.delete(index)
        return self._ok(f"message {index + 1} deleted")

    def _rset(self, _: list[bytes]) -> Event:
        self._maildrop.restore()
        return self._ok(self._summary())

    def _noop(self, _: list[bytes]) -> Event:
        return self._ok("nothing done")

    def _quit(self, _: list[bytes]) -> Event:
        before, self.state = self.state, State.ENDED
        if before is State.TRANSACTION:
            return Update(self._maildrop.deleted)
        return self._ok("bye")

    def _index(self, arguments: list[bytes]) -> int:
        return self._maildrop.index(parse_number(arguments[0]))
