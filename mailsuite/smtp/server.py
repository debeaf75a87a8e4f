"""The server's side of SMTP and LMTP without I/O: RFC 5321, RFC 2033, RFC 2920, RFC 3030, RFC 3207, RFC 4954.

Octets go in with ``receive``, events come out of ``next_event`` one at a time; a question is answered with ``accept``
or ``reply`` before the next command is looked at, so pipelined commands are done in order whatever the answers wait
for.  Syntax, order, SIZE, limits, NOOP, HELP and VRFY are answered here.  Promises: any cut of the input gives the
same events and answers; only CR LF . CR LF ends DATA, only its own count a BDAT; memory is what was received and not
taken, plus one line; nothing received before ``secured`` is read after it.  It trusts nothing but its caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailsuite.model import BodyType
from mailsuite.smtp import events
from mailsuite.smtp.body import Body, ChunkedBody
from mailsuite.smtp.chunks import CHUNKS_UNKNOWN, Incoming, begin_chunk, is_bdat
from mailsuite.smtp.esmtp.extension import Session
from mailsuite.smtp.esmtp.inquiries import may_ask
from mailsuite.smtp.esmtp.table import nothing, offer
from mailsuite.smtp.events import Event
from mailsuite.smtp.extensions import Options, offers_auth
from mailsuite.smtp.grammar import (
    CommandError,
    no_argument,
    only_ascii,
    parse_auth,
    parse_greeting,
    parse_inquiry,
    parse_mail,
    parse_rcpt,
    parse_turn,
    refusal,
    split_command,
)
from mailsuite.smtp.greeting import banner, greeting
from mailsuite.smtp.help import help_for
from mailsuite.smtp.reply import Reply, reply
from mailsuite.smtp.states import AFTER, ALLOWED, IDLE_VERBS, UTF8_VERBS, State, Verb, verbs_of, why_not
from mailsuite.smtp.xclient import parse_xclient
from mailsuite.wire.lines import LineBuffer, LineFault
from mailsuite.wire.signals import NEED_DATA, PAUSED, Signal

OK = reply(250, "2.0.0", "Ok")
_ACCEPTED: dict[type, Reply] = {
    events.Mail: reply(250, "2.1.0", "Ok"),
    events.Rcpt: reply(250, "2.1.5", "Ok"),
    events.Data: reply(354, "", "End data with <CR><LF>.<CR><LF>"),
    events.StartTLS: reply(220, "2.0.0", "Ready to start TLS"),
}
#: The same on the wire, once and for all: most of what a server says is among them.
_ACCEPTED_ENCODED = {kind: answer.encode() for kind, answer in _ACCEPTED.items()}
#: First words of other protocols: a browser was tricked into talking to us, or somebody is lost.
_FOREIGN = frozenset({"GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "PATCH", "DELETE", "TRACE", "HOST:"})
_SILENT = frozenset({State.TLS, State.CLOSED})


class ServerCore:
    """One session."""

    def __init__(self, options: Options, secure: bool = False, now: Callable[[], float] = float) -> None:
        """``secure``: the connection is under TLS from its start; ``now``: seconds since the epoch."""
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
            self._domains.add(question.recipient.address.domain)
        elif isinstance(question, events.Mail):
            self._transaction = question
            self._transactions += 1
        elif isinstance(question, events.Data):
            self._body = Body(self.options.limits.message)

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

    # -- commands ----------------------------------------------------------------------------------------------------

    def _take(self, line: bytes | LineFault) -> Event | None:
        """An event, or None where the line was answered here."""
        if line is LineFault.BARE_LF:
            # RFC 5321 §2.3.8; 521 would say that this host takes no mail at all (RFC 7504 §3).
            self._say(reply(500, "5.5.2", "Lines must end in CR LF"))
            return self._end("bare LF in a command", reply(421, "4.7.0", "This is not SMTP"))
        if self.state is State.AUTH:
            return self._take_response(line)
        if isinstance(line, LineFault):
            return self._refuse(reply(500, "5.5.2", f"The line is {line.value}"))
        try:
            return self._take_command(line)
        except CommandError as error:
            if is_bdat(line):
                self._say(error.reply)
                return self._end("a BDAT without its size", CHUNKS_UNKNOWN)
            return self._refuse(error.reply)

    def _take_command(self, line: bytes) -> Event | None:
        command = split_command(line)
        verb = self._verbs.get(command.verb)
        if verb is None:
            if command.verb in _FOREIGN:
                return self._end("another protocol", reply(421, "4.7.0", "This is not a web server"))
            raise CommandError(reply(500, "5.5.1", "Command not recognized"))
        self._commands += 1
        if self._commands > self.options.limits.commands or (verb in IDLE_VERBS and self._idles()):
            return self._end("too many commands", reply(421, "4.7.0", "Too many commands for one session"))
        if self.state not in ALLOWED[verb]:
            return self._out_of_order(verb)
        if verb not in UTF8_VERBS:
            only_ascii(command.argument)
        return _COMMANDS[verb](self, command.argument)

    def _idles(self) -> bool:
        """One more command that sends nothing: whether that is too many."""
        self._idle += 1
        return self._idle > self.options.limits.idle_commands

    def _out_of_order(self, verb: Verb) -> Event | None:
        greet = "Say LHLO first" if self.options.lmtp else "Say EHLO first"
        answer = reply(503, "5.5.1", greet if self.state is State.START else why_not(verb, self.state))
        if verb is Verb.DATA and self.state is State.MAIL:
            # Not a mistake: a client that pipelines cannot know that every recipient was refused (RFC 2920 §3.1).
            self._say(answer)
            return None
        return self._refuse(answer)

    def _greet(self, argument: str) -> Event:
        return self._ask(parse_greeting(argument, extended=True))

    def _helo(self, argument: str) -> Event:
        return self._ask(parse_greeting(argument, extended=False))

    def _mail(self, argument: str) -> Event | None:
        if self.options.auth_required and not self.authenticated:
            return self._refuse(reply(530, "5.7.0", "Authentication required"))
        mail = parse_mail(argument, self._offer, self._now())
        if 0 < self.options.limits.transactions <= self._transactions:  # RFC 9422 §4.1
            self._say(reply(452, "4.5.3", "No more messages in this session; connect again"))
            return None
        if mail.size > self.options.limits.message:  # RFC 1870 §6.1
            self._say(reply(552, "5.3.4", f"Messages may have {self.options.limits.message} octets"))
            return None
        return self._ask(mail)

    def _rcpt(self, argument: str) -> Event | None:
        utf8 = self._transaction is not None and self._transaction.smtputf8
        rcpt = parse_rcpt(argument, self._offer, self._now(), utf8)
        limits, domains = self.options.limits, self._domains
        # RFC 9422 §4.3
        if 0 < limits.recipient_domains <= len(domains) and rcpt.recipient.address.domain not in domains:
            self._say(reply(452, "4.5.3", "Too many domains; send the others with another transaction"))
            return None
        if self.recipients >= limits.recipients:  # RFC 5321 §4.5.3.1.10
            self._say(reply(452, "4.5.3", "Too many recipients; send the others with another transaction"))
            return None
        return self._ask(rcpt)

    def _data(self, argument: str) -> Event:
        no_argument("DATA", argument)
        if self._transaction is not None and self._transaction.body is BodyType.BINARY_MIME:  # RFC 3030 §3
            raise CommandError(reply(503, "5.5.1", "BODY=BINARYMIME is sent with BDAT; RSET ends this transaction"))
        return self._ask(events.Data())

    def _bdat(self, argument: str) -> Event | None:
        self._chunk = begin_chunk(argument, self.state, "CHUNKING" not in self.options.without)
        if self._chunk is None:
            raise CommandError(reply(501, "5.5.4", "Syntax: BDAT size [LAST]"))
        if self.state is not State.RCPT or self._chunk.refused:
            return None
        binary = self._transaction is not None and self._transaction.body is BodyType.BINARY_MIME
        self._chunks = ChunkedBody(self.options.limits.message, binary)
        self.state = State.CHUNKS
        return events.ChunksBegin()

    def _rset(self, argument: str) -> Event:
        no_argument("RSET", argument)
        self._say(OK)
        self._end_transaction(State.READY if self.state is not State.START else State.START)
        return events.Reset()

    def _noop(self, argument: str) -> None:
        self._say(OK)  # RFC 5321 §4.1.1.9: an argument is ignored

    def _vrfy(self, argument: str) -> Event | None:
        verify = parse_inquiry("VRFY", argument, events.Verify)
        if may_ask(self.options.vrfy, self._session):
            return self._ask(verify)
        # RFC 5321 §3.5.3, §7.3: who has mail here is told to strangers at RCPT only.
        self._say(reply(252, "2.5.0", "Cannot verify; send mail and see"))
        return None

    def _expn(self, argument: str) -> Event | None:
        expand = parse_inquiry("EXPN", argument, events.Expand)
        if may_ask(self.options.expn, self._session):
            return self._ask(expand)
        self._say(refusal(self.options.expn, reply(502, "5.5.1", "Lists are not expanded")))
        return None

    def _etrn(self, argument: str) -> Event | None:
        turn = parse_turn(argument)
        if may_ask(self.options.etrn, self._session):
            return self._ask(turn)
        # RFC 1985 §5.1
        self._say(refusal(self.options.etrn, reply(502, "5.5.1", "ETRN is not available"), 459, "4.7.1"))
        return None

    def _help(self, argument: str) -> None:
        self._say(help_for(argument, self._verbs))

    def _quit(self, argument: str) -> Event:
        no_argument("QUIT", argument)
        self._say(reply(221, "2.0.0", "Goodbye"))
        self._close()
        return events.Quit()

    def _starttls(self, argument: str) -> Event:
        no_argument("STARTTLS", argument)
        if not self.options.starttls:
            raise CommandError(reply(502, "5.5.1", "TLS is not available"))
        if self.secure:
            raise CommandError(reply(503, "5.5.1", "TLS is active"))
        return self._ask(events.StartTLS())

    def _auth(self, argument: str) -> Event:
        if not self.options.mechanisms:
            raise CommandError(reply(502, "5.5.1", "AUTH is not available"))
        if not offers_auth(self.options, self.secure):
            raise CommandError(reply(538, "5.7.11", "Say STARTTLS first"))
        if self.authenticated or not self.greeting.extended:
            raise CommandError(reply(503, "5.5.1", "Once, after EHLO"))
        auth = parse_auth(argument)
        if auth.mechanism in self.options.too_weak:
            raise CommandError(reply(534, "5.7.9", "This mechanism is not allowed here, take another"))
        if auth.mechanism not in self.options.mechanisms:
            raise CommandError(reply(504, "5.5.4", "Mechanism not offered"))
        return self._ask(auth)

    def _xclient(self, argument: str) -> Event:
        return self._ask(parse_xclient(argument))

    def _take_response(self, line: bytes | LineFault) -> Event | None:
        """RFC 4954 §4: a line of base64, or ``*`` to end the exchange."""
        if not isinstance(line, LineFault):
            return self._ask(events.AuthResponse(line))
        self._leave_auth()
        return self._refuse(reply(500, "5.5.6", f"The line is {line.value}")) or events.AuthCancelled()

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
            self._say(chunk.refused)
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

    def _refuse(self, answer: Reply) -> Event | None:
        """A mistake of the client: say so, and end the session that makes too many."""
        self._say(answer)
        self._errors += 1
        if self._errors < self.options.limits.errors:
            return None
        return self._end("too many errors", reply(421, "4.7.0", "Too many errors"))

    def _end(self, reason: str, answer: Reply) -> Event:
        self.hang_up(answer)
        return events.Hangup(reason)

    def _close(self) -> None:
        self._pending = self._chunk = None
        self._buffer.clear()
        self._end_transaction(State.CLOSED)


_COMMANDS: dict[Verb, Callable[[ServerCore, str], Event | None]] = {
    Verb.HELO: ServerCore._helo,
    Verb.EHLO: ServerCore._greet,
    Verb.LHLO: ServerCore._greet,
    Verb.MAIL: ServerCore._mail,
    Verb.RCPT: ServerCore._rcpt,
    Verb.DATA: ServerCore._data,
    Verb.BDAT: ServerCore._bdat,
    Verb.RSET: ServerCore._rset,
    Verb.NOOP: ServerCore._noop,
    Verb.VRFY: ServerCore._vrfy,
    Verb.EXPN: ServerCore._expn,
    Verb.HELP: ServerCore._help,
    Verb.QUIT: ServerCore._quit,
    Verb.STARTTLS: ServerCore._starttls,
    Verb.AUTH: ServerCore._auth,
    Verb.ETRN: ServerCore._etrn,
    Verb.XCLIENT: ServerCore._xclient,
}
