"""Where a server session stands: what comes in, what waits for an answer, what the answer changes, what goes out.

The half of ``smtp.server`` that knows no single command.  States follow the tables of ``smtp.states``; bodies are read
here, for no command is looked at until they have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailsuite.smtp import events
from mailsuite.smtp.body import Body, ChunkedBody
from mailsuite.smtp.chunks import Incoming
from mailsuite.smtp.esmtp.extension import Session
from mailsuite.smtp.esmtp.table import nothing, offer
from mailsuite.smtp.events import Event
from mailsuite.smtp.extensions import Options
from mailsuite.smtp.greeting import banner, greeting
from mailsuite.smtp.reply import Reply, reply
from mailsuite.smtp.states import AFTER, State, verbs_of
from mailsuite.wire.lines import LineBuffer, LineFault
from mailsuite.wire.signals import NEED_DATA, PAUSED, Signal

_ACCEPTED: dict[type, Reply] = {
    events.Mail: reply(250, "2.1.0", "Ok"),
    events.Rcpt: reply(250, "2.1.5", "Ok"),
    events.Data: reply(354, "", "End data with <CR><LF>.<CR><LF>"),
    events.StartTLS: reply(220, "2.0.0", "Ready to start TLS"),
}
#: The same on the wire, once and for all: most of what a server says is among them.
_ACCEPTED_ENCODED = {kind: answer.encode() for kind, answer in _ACCEPTED.items()}
_SILENT = frozenset({State.TLS, State.CLOSED})


def as_it_is(answer: Reply) -> Reply:
    """A refusal that names nobody to ask."""
    return answer


class Conversation:
    """One session, whatever its commands."""

    def __init__(
        self,
        options: Options,
        secure: bool = False,
        now: Callable[[], float] = float,
        refer: Callable[[Reply], Reply] = as_it_is,
    ) -> None:
        """``secure``: the connection is under TLS from its start; ``now``: seconds since the epoch; ``refer``: adds to
        a refusal that a person may get to see whom to ask about it."""
        self.options = options
        self.secure = secure
        self.authenticated = False
        self.state = State.CONNECTED
        #: The last EHLO, LHLO or HELO that was accepted.
        self.greeting = events.Greeting("", False)
        #: Recipients accepted in this transaction.
        self.recipients = 0
        self._verbs = verbs_of(options.lmtp, options.xclient)
        self._buffer = LineBuffer(options.limits.command_line)
        self._out: list[bytes] = []
        self._pending: events.Question | None = None
        self._errors = self._commands = self._idle = 0
        self._now = now
        self._refer = refer
        self._offer = nothing(self._session)
        # The transaction's MAIL, its body, and the BDAT whose octets are coming.
        self._transaction: events.Mail | None = None
        self._transactions = 0
        self._domains: set[str] = set()
        self._body = Body(0)
        self._chunks = ChunkedBody(0, False)
        self._chunk: Incoming | None = None

    # -- the contract of every core --------------------------------------------------------------------------------

    @property
    def buffered(self) -> int:
        """Octets received and not yet looked at."""
        return len(self._buffer)

    @property
    def body_size(self) -> int:
        """Octets of the message under way, or of the last one, as far as they were looked at."""
        return self._chunks.size if self.state is State.CHUNKS else self._body.size

    def receive(self, data: bytes) -> None:
        """Octets of the client."""
        if self.state not in _SILENT:
            self._buffer.receive(data)

    def data_to_send(self) -> bytes:
        """What the client is to be told; it is given out once."""
        if not self._out:
            return b""
        out, self._out = self._out, []
        return b"".join(out)

    def next_event(self) -> Event | Signal:
        """The next event; NEED_DATA, or PAUSED while a question is not answered."""
        if self._pending is not None:
            return PAUSED
        if self.state is State.CONNECTED:
            return self._ask(events.Connected())
        while True:
            if self.state is State.DATA:
                return self._next_of_body()
            if self._chunk is not None:
                found = self._next_of_chunk(self._chunk)
                if found is not None:
                    return found
                continue
            if self.state in _SILENT:
                return NEED_DATA
            line = self._buffer.take_line()
            if isinstance(line, Signal):
                return line
            event = self._take(line)
            if event is not None:
                return event

    # -- answers -----------------------------------------------------------------------------------------------------

    def accept(self) -> None:
        """Answer the pending question with yes, in the usual words; the final dot and AUTH need words of their own."""
        question = self._pending
        if isinstance(question, events.Connected | events.XClient):
            self.reply(banner(self.options))
        elif isinstance(question, events.Greeting):
            self.reply(greeting(self._session, question.extended, int(self._now())))
        elif isinstance(question, events.Mail) and question.priority_lowered:  # RFC 6710 §4.1
            self.reply(reply(250, "2.3.6", "0 is the highest priority for clients that have not logged in"))
        elif isinstance(question, events.ChunkEnd):
            self.reply(reply(250, "2.0.0", f"{question.size} octets so far"))
        else:
            question = self._take_question()
            self._out.append(_ACCEPTED_ENCODED[type(question)])
            self._go_on(question)

    def reply(self, answer: Reply) -> None:
        """Answer the pending question.  After the final dot LMTP says it once a recipient (RFC 2033 §4.2)."""
        question = self._take_question()
        times = self.recipients if self.options.lmtp and isinstance(question, events.MessageEnd) else 1
        self._out.append(answer.encode() * times)
        self._advance(question, answer)

    def reply_each(self, answers: Sequence[Reply]) -> None:
        """Answer the end of a message: with one that goes for all recipients, or one for each."""
        if len(answers) == 1:
            self.reply(answers[0])
            return
        question = self._take_question()
        if len(answers) != self.recipients:
            raise RuntimeError("there are more recipients than answers, or fewer")
        self._out.extend(answer.encode() for answer in answers)
        self._advance(question, answers[0])

    def _take_question(self) -> events.Question:
        """The pending one, which is pending no more."""
        question, self._pending = self._pending, None
        if question is None:
            raise RuntimeError("there is no question to answer")
        return question

    def secured(self) -> None:
        """The handshake begins: what came before it is dropped unread and forgotten (RFC 3207 §4.2, §6)."""
        self._buffer.clear()
        self.secure = True
        self.authenticated = False
        self.greeting, self._offer = events.Greeting("", False), nothing(self._session)
        self._end_transaction(State.START)

    def restart(self, options: Options, authenticated: bool) -> None:
        """What is said from now on is another client's (XCLIENT): nothing of before counts, but for TLS."""
        self.options, self.authenticated = options, authenticated
        self.greeting = events.Greeting("", False)
        self._offer = nothing(self._session)

    def hang_up(self, answer: Reply) -> None:
        """Say this, unasked or as an answer, and take nothing more: 421, or a banner that refuses."""
        if self.state is State.CLOSED:
            return
        self._out.append(answer.encode())
        self._close()

    def _advance(self, question: events.Question, answer: Reply) -> None:
        """Where the session stands after this answer."""
        match question:
            case events.MessageEnd():
                self._idle = 0 if answer.positive else self._idle
                self._end_transaction(State.READY)
            case events.AuthBegin() | events.AuthResponse():
                self._advance_auth(question, answer)
            case events.Verify() | events.Expand() | events.Turn():
                return
            case events.Connected() if not answer.positive:
                self._close()
            case events.ChunkEnd() if not answer.positive:
                self.state = State.BROKEN
            case _ if not (answer.positive or answer.intermediate):
                return
            case events.Greeting():
                self.greeting = question
                self._offer_extensions()
                self._end_transaction(State.READY)
            case _:
                self._go_on(question)

    def _go_on(self, question: events.Question) -> None:
        """After a yes that has no more to it."""
        self.state = AFTER[type(question)]
        if isinstance(question, events.Rcpt):
            self.recipients += 1
            if self.options.limits.recipient_domains:
                self._domains.add(question.recipient.address.domain)
        elif isinstance(question, events.Mail):
            self._transaction = question
            self._transactions += 1
        elif isinstance(question, events.Data):
            self._body = Body(self.options.limits.message, self.options.mend_bare_lf)

    def _advance_auth(self, question: events.AuthBegin | events.AuthResponse, answer: Reply) -> None:
        if answer.intermediate:
            self.state, self._buffer.limit = AFTER[type(question)], self.options.limits.auth_line
        else:
            self.authenticated = answer.positive
            self._leave_auth()

    def _leave_auth(self) -> None:
        self.state = State.READY
        self._offer_extensions()

    @property
    def _session(self) -> Session:
        return Session(self.options, self.secure, self.authenticated)

    def _offer_extensions(self) -> None:
        """After a greeting, and after a login, which the client knows to allow more."""
        self._offer = (offer if self.greeting.extended else nothing)(self._session)
        self._buffer.limit = self.options.limits.command_line + self._offer.longer

    def _end_transaction(self, state: State) -> None:
        self.state = state
        self.recipients = 0
        self._transaction = None
        self._domains.clear()

    def _take(self, line: bytes | LineFault) -> Event | None:
        """What a command line asks for, or None where it was answered."""
        raise NotImplementedError

    # -- bodies ------------------------------------------------------------------------------------------------------

    def _next_of_body(self) -> Event | Signal:
        """A chunk, the end, or NEED_DATA."""
        while not self._body.ended:
            if not self._buffer:
                return NEED_DATA
            octets = self._body.take(self._buffer)
            if octets:
                return events.Chunk(octets)
        return self._ask(events.MessageEnd(self._body.size, self._body.faults()))

    def _next_of_chunk(self, chunk: Incoming) -> Event | Signal | None:
        """Octets of a BDAT, what follows from its end, NEED_DATA, or None where a refused one was answered here."""
        while chunk.left:
            octets = self._buffer.take(chunk.left)
            if not octets:
                return NEED_DATA
            chunk.left -= len(octets)
            kept = self._chunks.take(octets) if chunk.refused is None else b""
            if kept:
                return events.Chunk(kept)
        self._chunk = None
        if chunk.refused is not None:
            if self.state not in (State.MAIL, State.BROKEN):
                return self._refuse(chunk.refused)
            self._decline(chunk.refused)
            return None
        if chunk.last:
            return self._ask(events.MessageEnd(self._chunks.size, self._chunks.faults()))
        return self._ask(events.ChunkEnd(self._chunks.size, self._chunks.too_big))

    # -- saying things -----------------------------------------------------------------------------------------------

    def _ask(self, question: events.Question) -> events.Question:
        self._pending = question
        return question

    def _say(self, answer: Reply) -> None:
        self._out.append(answer.encode())

    def _decline(self, answer: Reply) -> None:
        """No to what is no mistake."""
        self._say(self._refer(answer))

    def _refuse(self, answer: Reply) -> Event | None:
        """A mistake of the client: say so, and end the session that makes too many."""
        self._decline(answer)
        self._errors += 1
        if self._errors < self.options.limits.errors:
            return None
        return self._end("limits.errors", reply(421, "4.7.0", "Too many errors; mend them, then connect again"))

    def _end(self, reason: str, answer: Reply) -> Event:
        self.hang_up(self._refer(answer))
        return events.Hangup(reason)

    def _close(self) -> None:
        self._pending = self._chunk = None
        self._buffer.clear()
        self._end_transaction(State.CLOSED)
