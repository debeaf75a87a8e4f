"""The server's side of an IMAP session, sans-IO: octets in, one command event out at a time.

RFC 3501, RFC 7888 (literals), RFC 2177 (IDLE).  Contract as in ``wire.signals`` and ``events``: pull events, answer
each with exactly one of ``ok``, ``no``, ``bad``; untagged responses may go out at any time before.  Knows the grammar
and the order of things, nothing of mail: mailboxes, accounts and messages are the adapter's.  Whatever the client
sends, memory stays within ``limits``, only the adapter's own misuse raises (ValueError), and no octet of a literal
is ever taken for a command.  What stands behind STARTTLS in the same flight is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from mailsuite.imap import codes, limits, responses, table
from mailsuite.imap.appending import Appending, awaits_url
from mailsuite.imap.commands.append import Target, awaits_name
from mailsuite.imap.dialect import REV1, Dialect
from mailsuite.imap.events import (
    AppendAbort,
    AppendChunk,
    AuthenticateResponse,
    Command,
    Compress,
    Hangup,
    IdleEnd,
    StartTls,
)
from mailsuite.imap.limits import Limits
from mailsuite.imap.outgoing import Outgoing
from mailsuite.imap.progress import InHand, Mode, Reading
from mailsuite.imap.reader import Announced, Reader
from mailsuite.imap.states import State
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.wire.signals import NEED_DATA, PAUSED, Signal

_GO_AHEAD = b"+ go ahead\r\n"


class ServerCore(Outgoing):
    """One session; see the module."""

    def __init__(self, limits: Limits = limits.DEFAULT) -> None:
        super().__init__()
        self._limits = limits
        self._reader = Reader()
        self._state = State.NOT_AUTHENTICATED
        self._dialect = REV1
        self._mode = Mode.COMMAND
        self._reading = Reading()
        self._left = 0
        self._swallowed = 0
        self._bad_in_a_row = 0
        self._hangup: Hangup | None = None
        self._hand = InHand()
        self._awaiting = False
        self._layers: set[type[Command]] = set()  # STARTTLS and COMPRESS, where they are on

    # -- octets --------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Octets from the client."""
        if self._mode is not Mode.ENDED and self._hand.layer is None:
            self._reader.feed(data)

    def next_event(self) -> Command | Hangup | Signal:
        """A command, or why there is none."""
        event: Command | Hangup | Signal | None = None
        while event is None:
            event = PAUSED if self._awaiting else self._STEPS[self._mode](self)
        return event

    @property
    def buffered(self) -> int:
        """Octets received and not yet used."""
        return len(self._reader)

    # -- what the adapter may ask --------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._state

    @property
    def dialect(self) -> Dialect:
        return self._dialect

    @property
    def idling(self) -> bool:
        """Between ``begin_idle`` and ``IdleEnd``."""
        return self._mode is Mode.IDLE and not self._awaiting

    @property
    def quiet(self) -> bool:
        """No command is in hand, or only IDLE."""
        return not self._hand.tag or self.idling

    @property
    def expunges_allowed(self) -> bool:
        """Whether EXPUNGE may be told now: not without a command, nor in FETCH, STORE, SEARCH (RFC 3501 7.4.1)."""
        return self._hand.row is not None and self._hand.row.expunges

    # -- answers -------------------------------------------------------------------------------------------------

    def ok(self, tag: bytes, text: bytes, code: bytes = b"") -> None:
        """Completes the command: the state changes as the table says (LOGIN, SELECT, CLOSE ...)."""
        row = self._hand.row
        if not self._hand.done:
            self.bad(tag, b"expected DONE")
            return
        layer = self._hand.layer
        self._finish(tag, b"OK", text, code)
        if row is not None and row.after_ok is not None:
            self._state = row.after_ok
        if self._state is State.LOGOUT:
            self._mode = Mode.ENDED
        if layer is not None:
            self._layers.add(layer)
            self._bad_in_a_row = 0
        if self._state is State.NOT_AUTHENTICATED:
            self._layers.discard(Compress)  # RFC 8437 §4.1

    def no(self, tag: bytes, text: bytes, code: bytes = b"") -> None:
        """The command is refused; of an APPEND that is under way the rest is swallowed first."""
        self._refuse(tag, ProtocolError(text, code, b"NO"))

    def bad(self, tag: bytes, text: bytes, code: bytes = b"") -> None:
        """The same for a command that the client should not have sent."""
        self._refuse(tag, ProtocolError(text, code))

    def fail(self, tag: bytes, error: Exception) -> None:
        """``no`` in the words that ``codes.of_error`` has for it."""
        words = codes.of_error(error, self._dialect.utf8)
        self.no(tag, words.text, words.code)

    def challenge(self, base64: bytes) -> None:
        """Answers an AUTHENTICATE event with ``+ base64``: next comes ``AuthenticateResponse``."""
        self._out.append(b"+ " + base64 + b"\r\n")
        self._mode = Mode.SASL
        self._awaiting = False

    def accept(self) -> None:
        """Answers ``AppendBegin``, ``AppendText``, ``AppendUrl``: what was offered comes as ``AppendChunk`` events."""
        appending = self._hand.appending
        announced = appending.accept() if appending is not None else None
        if announced is not None:
            if announced.client_waits:
                self._out.append(_GO_AHEAD)
            self._mode = Mode.MESSAGE
        self._awaiting = False

    def begin_idle(self) -> None:
        """Answers ``IdleBegin``."""
        self._out.append(b"+ idling\r\n")
        self._mode = Mode.IDLE
        self._awaiting = False

    def speak(self, dialect: Dialect) -> None:
        """From the next command on the client's words are read so, and errors told."""
        self._dialect = dialect

    def deselect(self) -> None:
        """The selected mailbox is gone."""
        if self._state is State.SELECTED:
            self._state = State.AUTHENTICATED

    def bye(self, text: bytes, code: bytes = b"") -> None:
        """``* BYE``: the core takes and gives nothing more; close after ``data_to_send``."""
        self._out.append(responses.bye(text, code))
        self._state = State.LOGOUT
        self._mode = Mode.ENDED
        self._reader.clear()
        self._forget()

    def _finish(self, tag: bytes, word: bytes, text: bytes, code: bytes) -> None:
        """The tagged answer to the command in hand."""
        self._check(tag)
        self._forget()
        self._out.append(tag + responses.status_line(word, text, code)[1:])

    def _refuse(self, tag: bytes, why: ProtocolError) -> None:
        announced = self._hand.appending.announced if self._hand.appending is not None else None
        receiving = self._hand.taken and not self._awaiting
        if not receiving and (announced is None or announced.client_waits):
            self._finish(tag, why.word, why.text, why.code)
            return
        self._check(tag)
        self._forget()
        self._swallow(tag, why, self._left)

    def _check(self, tag: bytes) -> None:
        if tag != self._hand.tag or not tag:
            raise ValueError(f"{tag!r} is not the command in hand, that is {self._hand.tag!r}")

    def _forget(self) -> None:
        """Nothing is in hand, and nothing half read."""
        self._reading, self._hand = Reading(), InHand()
        self._awaiting = False
        if self._mode is not Mode.ENDED:
            self._mode = Mode.COMMAND

    # -- commands ------------------------------------------------------------------------------------------------

    def _read_command(self) -> Command | Signal | None:
        if self._hand.appending is not None and self._hand.appending.coming:
            return self._next_part(self._hand.appending)
        reading = self._reading
        line = self._reader.line(self._limits.line - reading.text)
        if line is None:
            return NEED_DATA
        if line.overlong and reading.wrong is None:
            reading.wrong = ProtocolError("the command is too long", codes.TOOBIG)
        reading.text += len(line.text)
        reading.data += line.text
        announced = line.announced
        if announced is None:
            return self._complete()
        reading.data += b"\r\n"
        return self._meet_literal(announced)

    def _complete(self) -> Command | None:
        """The command's last line is here."""
        reading = self._reading
        if reading.wrong is not None:
            return self._say_wrong(reading.wrong)
        try:
            event = self._begin() if self._hand.appending is None else self._read_parts(self._hand.appending, None)
        except ProtocolError as error:
            return self._say_wrong(error)
        self._reading = Reading()
        return event

    def _begin(self) -> Command:
        head = table.head(bytes(self._reading.data), self._state, self._dialect)
        if head.row.appends:
            return self._begin_append(head, None)
        event = head.parse()
        if isinstance(event, StartTls | Compress):
            if type(event) in self._layers:
                raise ProtocolError("that is on already")
            # what was injected in front of TLS must not be executed behind it (RFC 9051 section 6.2.1)
            self._reader.clear()
            self._hand.layer = type(event)
        self._take_up(head)
        return event

    def _take_up(self, head: table.Head) -> None:
        self._bad_in_a_row = 0
        self._hand.tag, self._hand.row = head.tag, head.row
        self._awaiting = True
        if head.row.at_once is not None:
            self._state = head.row.at_once

    def _say_wrong(self, why: ProtocolError) -> Command | None:
        """Answer a command that the adapter never saw, or of which it saw only the beginning."""
        tag = self._hand.tag or table.tag_of(bytes(self._reading.data)) or b"*"
        aborted = AppendAbort(tag) if self._hand.taken else None
        self._forget()
        self._out.append(tag + responses.status_line(why.word, why.text, why.code)[1:])
        if why.word == b"BAD":
            self._bad_in_a_row += 1
            if self._bad_in_a_row >= self._limits.bad_commands:
                self._hang_up(b"too many bad commands in a row")
        return aborted

    def _hang_up(self, text: bytes, code: bytes = b"") -> None:
        self.bye(text, code)
        self._hangup = Hangup(text.decode())

    # -- literals ------------------------------------------------------------------------------------------------

    def _meet_literal(self, announced: Announced) -> Command | None:
        """A line ended in ``{size}``: take it, offer it, or refuse it."""
        size = self._left = announced.size
        why = self._reading.wrong
        if why is None:
            try:
                return self._admit(announced)
            except ProtocolError as error:
                why = error
        if announced.client_waits:  # without a go-ahead the client does not send it (RFC 3501 section 4.3)
            return self._say_wrong(why)
        tag = self._hand.tag or table.tag_of(bytes(self._reading.data))
        aborted = AppendAbort(tag) if self._hand.taken else None
        self._forget()
        self._swallow(tag, why, size)
        return aborted

    def _admit(self, announced: Announced) -> Command | None:
        """Let a literal in; ProtocolError where it is out of place or too big."""
        reading = self._reading
        if not awaits_url(reading.data):
            if self._hand.appending is not None:
                return self._read_parts(self._hand.appending, announced)
            head = None if reading.admitted else table.head(bytes(reading.data), self._state, self._dialect)
            if head is not None and head.row.appends and not awaits_name(head.cursor, head.row.words_before_name):
                return self._begin_append(head, announced)
            reading.admitted = head is None or not head.row.appends
        reading.literals += announced.size
        self._limits.check_literal(announced.size, reading.literals, self._state is not State.NOT_AUTHENTICATED)
        if announced.client_waits:
            self._out.append(_GO_AHEAD)
        self._mode = Mode.LITERAL
        return None

    def _read_literal(self) -> Signal | None:
        if len(self._reader) < self._left:
            return NEED_DATA
        self._reading.data += self._reader.octets(self._left)
        self._mode = Mode.COMMAND
        return None

    def _swallow(self, tag: bytes, why: ProtocolError, size: int) -> None:
        """Read and drop ``size`` octets and the rest of the command, then answer ``why``."""
        self._reading.data += tag + b" "
        self._reading.wrong = why
        self._skip(size)

    def _skip(self, size: int) -> None:
        self._reader.skip(size)
        self._swallowed += size
        if self._swallowed > self._limits.swallow:
            self._hang_up(b"too much was sent that is not wanted", codes.TOOBIG)

    # -- messages of APPEND --------------------------------------------------------------------------------------

    def _begin_append(self, head: table.Head, announced: Announced | None) -> Command:
        appending = Appending(cast(Target, head.parse()), self._limits)
        appending.read(head.cursor, announced)
        self._take_up(head)
        self._hand.appending = appending
        self._reading = Reading()
        return self._next_part(appending)

    def _read_parts(self, appending: Appending, announced: Announced | None) -> Command:
        """The next segment of the command."""
        appending.read(Cursor(bytes(self._reading.data), self._dialect), announced)
        self._reading = Reading()
        return self._next_part(appending)

    def _next_part(self, appending: Appending) -> Command:
        self._awaiting = True
        return appending.coming.popleft()

    def _read_message(self) -> Command | Signal | None:
        if not self._left:
            self._mode = Mode.COMMAND
            return None
        data = self._reader.octets(self._left)
        if not data:
            return NEED_DATA
        self._left -= len(data)
        if b"\x00" not in data or (self._hand.appending is not None and self._hand.appending.binary):
            return AppendChunk(self._hand.tag, data)
        # literal = "{" number "}" CRLF *CHAR8 ; CHAR8 = %x01-ff
        tag, left = self._hand.tag, self._left
        self._forget()
        self._swallow(tag, ProtocolError("the message holds the octet NUL", codes.UNKNOWN_CTE, b"NO"), left)
        return AppendAbort(tag)

    # -- the other lines -----------------------------------------------------------------------------------------

    def _read_sasl(self) -> Command | Signal:
        line = self._reader.line(self._limits.line)
        if line is None:
            return NEED_DATA
        self._awaiting = True
        return AuthenticateResponse(self._hand.tag, b"*" if line.overlong else line.text)

    def _read_idle(self) -> Command | Signal | None:
        """idle = "IDLE" CRLF "DONE" ; anything else ends it too, badly."""
        line = self._reader.line(self._limits.line)
        if line is None:
            return NEED_DATA
        if line.overlong or line.text.strip().upper() != b"DONE":
            self._hand.done = False
            announced = line.announced
            if announced is not None and not announced.client_waits:
                self._skip(announced.size)
                return None
        self._awaiting = True
        return IdleEnd(self._hand.tag)

    def _end(self) -> Hangup | Signal:
        hangup, self._hangup = self._hangup, None
        return hangup or NEED_DATA

    _STEPS: dict[Mode, Callable[[ServerCore], Command | Hangup | Signal | None]] = {
        Mode.COMMAND: _read_command,
        Mode.LITERAL: _read_literal,
        Mode.MESSAGE: _read_message,
        Mode.SASL: _read_sasl,
        Mode.IDLE: _read_idle,
        Mode.ENDED: _end,
    }
