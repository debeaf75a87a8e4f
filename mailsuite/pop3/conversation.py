"""Where a POP3 session stands: what comes in, what waits for an answer, what the answer changes, what goes out.

The half of ``pop3.server`` that knows no single command; that one says which event awaits which answer.
"""

from __future__ import annotations

import re

import msgspec

from mailsuite.pop3.answers import Answers
from mailsuite.pop3.capabilities import Terms, announced
from mailsuite.pop3.events import ANSWERED, Close, Event, Response
from mailsuite.pop3.grammar import Fault, SyntaxFault, parse_command
from mailsuite.pop3.languages import Language
from mailsuite.pop3.limits import LAST_WORDS, Limit, Limits, Tally
from mailsuite.pop3.maildrop import Maildrop
from mailsuite.pop3.states import State
from mailsuite.pop3.texts import Text
from mailsuite.pop3.transaction import Transaction
from mailsuite.wire.lines import LineBuffer, LineFault
from mailsuite.wire.signals import NEED_DATA, PAUSED, Signal


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
    #: What ``LANG *`` means.
    language: Language = Language.ENGLISH
    limits: Limits = Limits()


_RETR = re.compile(rb"(?i)(?:^|\n)RETR ([0-9]{1,9})\r?(?=\n)")
#: Octets of waiting commands that are looked through for RETRs to come, and how many of those are told.
_LOOK_AHEAD, _MOST_COMING = 1024, 64


class Conversation:
    """One session, whatever its commands."""

    def __init__(
        self, profile: Profile, secure: bool = False, mechanisms: tuple[str, ...] = ("PLAIN",), timestamp: str = ""
    ) -> None:
        """``secure``: TLS is there from the start.  ``mechanisms``: SASL's, as they may be used now, best first.
        ``timestamp``: APOP is there, and this, ``<...@...>``, is what it is computed with; never the same twice."""
        self.profile = profile
        self.secure = secure
        self.mechanisms = mechanisms
        self.timestamp = timestamp
        self.state = State.AUTHORIZATION
        #: RFC 6856 §2.1: messages are sent as they are.
        self.utf8 = False
        self._answers = Answers()
        self._lines = LineBuffer(profile.limits.line, lenient=True)
        self._pending = self._closed = False
        #: What USER said, until the next PASS.
        self._name = ""
        self._tally = Tally(profile.limits)
        self._terms = Terms()
        self._transaction = Transaction(self._answers)
        ready = Language.ENGLISH.say(Text.READY, hostname=profile.hostname)
        self._answers.raw_ok(f"{ready} {timestamp}".rstrip())

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
        if self._answers.listing:
            self._answers.list_on()
            return ANSWERED
        if self.state is State.ENDED:
            return self._end()
        line = self._lines.take_line()
        if isinstance(line, Signal):
            return line
        event = self._response(line) if self.state is State.EXCHANGE else self._command(line)
        self._pending = event is not ANSWERED
        return event

    def coming(self) -> list[int]:
        """Which messages RETR commands that wait seem to ask for: a hint to read them together."""
        numbers = [int(number) for number in _RETR.findall(self._lines.peek(_LOOK_AHEAD))]
        return [number - 1 for number in numbers[:_MOST_COMING] if 0 < number <= self._transaction.maildrop.total]

    def data_to_send(self) -> bytes:
        return self._answers.take()

    # -- answers -------------------------------------------------------------------------------------------------

    @property
    def private(self) -> bool:
        """Passwords may be asked for."""
        return self.secure or self.profile.plaintext

    def refuse(self, text: Text, code: str = "", **values: object) -> None:
        """-ERR, with a response code of RFC 2449 §8 or RFC 3206 (``SYS/TEMP``) if there is one.

        To an Update it ends the session."""
        self._answer()
        self._answers.err(text, code, **values)
        if self.state is State.EXCHANGE:
            self._enter(State.AUTHORIZATION)

    def login_failed(self, text: Text, code: str = "AUTH") -> None:
        """``refuse`` for wrong credentials, and for what are none: too many of them end the session."""
        self.refuse(text, code)
        self._count(Limit.FAILED_LOGINS)

    def challenge(self, line: bytes) -> None:
        """Ask on in an AUTH exchange; ``line`` is base64."""
        self._answer()
        self._answers.challenge(line)
        self._enter(State.EXCHANGE)

    def logged_in(self, maildrop: Maildrop, terms: Terms) -> None:
        """``terms`` are the account's."""
        self._answer()
        self._terms = terms
        self._enter(State.TRANSACTION)
        self._transaction.begin(maildrop)

    def capabilities(self, terms: Terms) -> None:
        """``terms`` are what no account goes beyond."""
        self._answer()
        self._say_capabilities(terms)

    def start_tls(self) -> bool:
        """Agree to STLS: send, then shake hands.  False, and refused, if the client sent more in the same breath:
        that was not protected, and may be someone else's (RFC 2595 §4, RFC 3207 §6)."""
        if self._lines:
            self.refuse(Text.BEHIND_STLS)
            return False
        self._answer()
        self._ok(Text.BEGIN_TLS)
        self.secure = True
        self._name = ""
        self._answers.language = Language.ENGLISH  # RFC 6856 §7: somebody else may have chosen it
        return True

    def send_message(self, data: bytes) -> None:
        """A whole message, CRLF line ends."""
        self._answer()
        self._answers.message(data)

    def begin_message(self, size: int) -> None:
        """The answer's first line; RFC 1939 §5 lets RETR's tell the size before dots are doubled."""
        self._answers.ok(Text.OCTETS, octets=size)
        self._answers.begin_message()

    def begin_top(self) -> None:
        """TOP's first line."""
        self._answers.ok(Text.TOP)
        self._answers.begin_message()

    def send_part(self, data: bytes) -> None:
        self._answers.part(data)

    def end_message(self) -> None:
        self._answer()
        self._answers.end_message()

    def updated(self) -> None:
        """The deleted messages are gone for good."""
        self._answer()
        self._answers.ok(Text.BYE)

    def say_and_end(self, text: Text, code: str = "SYS/TEMP") -> None:
        """-ERR out of turn, as the last word (a time-out, a shutdown, a fault of ours).  Not within a listing: it would
        be read as a line of it."""
        if not self._answers.listing:
            self._answers.err(text, code)
        self._answers.listing = False
        self.state = State.ENDED

    def _act(self, keyword: str, arguments: list[bytes]) -> Event:
        """What a command that may come now asks for, or ANSWERED.  Raises Fault, SyntaxFault."""
        raise NotImplementedError

    # -- lines ---------------------------------------------------------------------------------------------------

    def _command(self, line: bytes | LineFault) -> Event:
        if self._tally.command():
            self._last_word(Limit.COMMANDS)
            return ANSWERED
        try:
            if isinstance(line, LineFault):
                raise SyntaxFault(Text.TOO_LONG)
            command, arguments = parse_command(line, self.state)
            return self._act(command.keyword, arguments)
        except SyntaxFault as fault:
            return self._fault(fault)
        except Fault as fault:
            return self._err(fault.text, "", **fault.values)

    def _response(self, line: bytes | LineFault) -> Event:
        if isinstance(line, LineFault):
            self._enter(State.AUTHORIZATION)
            return self._fault(SyntaxFault(Text.TOO_LONG))
        return Response(line)

    def _fault(self, fault: SyntaxFault) -> Event:
        self._answers.err(fault.text, "", **fault.values)
        self._count(Limit.FAULTS)
        return ANSWERED

    def _count(self, limit: Limit) -> bool:
        """One more of these; the last that may be is told so, and ends the session."""
        if not self._tally.count(limit):
            return False
        self._last_word(limit)
        return True

    def _last_word(self, limit: Limit) -> None:
        self._answers.err(*LAST_WORDS[limit])
        self.state = State.ENDED

    def _end(self) -> Event | Signal:
        if self._closed:
            return NEED_DATA
        self._closed = True
        return Close(self._tally.met)

    def _enter(self, state: State) -> None:
        self.state = state
        limits = self.profile.limits
        self._lines.limit = limits.exchange_line if state is State.EXCHANGE else limits.line

    def _answer(self) -> None:
        if not self._pending:
            raise RuntimeError("there is nothing to answer")
        self._pending = False

    def _ok(self, text: Text, **values: object) -> Event:
        self._answers.ok(text, **values)
        return ANSWERED

    def _err(self, text: Text, code: str = "", **values: object) -> Event:
        self._answers.err(text, code, **values)
        return ANSWERED

    def _say_capabilities(self, terms: Terms) -> None:
        profile = self.profile
        names = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", *announced(terms)]
        if self._takes_passwords:
            names.append("USER")
        if self.private and self.mechanisms:
            names.append(" ".join(("SASL", *self.mechanisms)))
        if profile.tls and not self.secure:
            names.append("STLS")
        names += ["UTF8 USER", "LANG", f"IMPLEMENTATION {profile.implementation}"]
        self._answers.ok(Text.CAPABILITIES)
        self._answers.lines(names)

    @property
    def _takes_passwords(self) -> bool:
        """USER and PASS are what PLAIN is, in other words."""
        return self.private and "PLAIN" in self.mechanisms
