"""The server's side of SMTP and LMTP without I/O: RFC 5321, RFC 2033, RFC 2920, RFC 3030, RFC 3207, RFC 4954.

Octets go in with ``receive``, events come out of ``next_event`` one at a time; a question is answered with ``accept``
or ``reply`` before the next command is looked at, so pipelined commands are done in order whatever the answers wait
for.  Syntax, order, SIZE, limits, NOOP, HELP and VRFY are answered here.  Promises: any cut of the input gives the
same events and answers; only CR LF . CR LF ends DATA, only its own count a BDAT; memory is what was received and not
taken, plus one line; nothing received before ``secured`` is read after it.  It trusts nothing but its caller.
"""

from __future__ import annotations

from collections.abc import Callable

from mailsuite.model import BodyType
from mailsuite.smtp import events
from mailsuite.smtp.body import ChunkedBody
from mailsuite.smtp.chunks import CHUNKS_UNKNOWN, begin_chunk, is_bdat
from mailsuite.smtp.conversation import Conversation
from mailsuite.smtp.esmtp.inquiries import may_ask
from mailsuite.smtp.events import Event
from mailsuite.smtp.extensions import offers_auth
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
from mailsuite.smtp.help import help_for
from mailsuite.smtp.reply import Reply, reply
from mailsuite.smtp.states import ALLOWED, IDLE_VERBS, UTF8_VERBS, State, Verb, why_not
from mailsuite.smtp.xclient import parse_xclient
from mailsuite.wire.lines import LineFault

OK = reply(250, "2.0.0", "Ok")
TOO_MANY_COMMANDS = reply(421, "4.7.0", "Too many commands for one session; connect again for the rest")
TOO_MANY_IDLE = reply(421, "4.7.0", "Too many commands that send no mail; connect again for the rest")
#: First words of other protocols: a browser was tricked into talking to us, or somebody is lost.
_FOREIGN = frozenset({"GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "PATCH", "DELETE", "TRACE", "HOST:"})


class ServerCore(Conversation):
    """One session: its commands, each with what RFC 5321 §4.1.1 or its extension's RFC says of it."""

    def _take(self, line: bytes | LineFault) -> Event | None:
        """An event, or None where the line was answered here."""
        if line is LineFault.BARE_LF:
            # RFC 5321 §2.3.8; 521 would say that this host takes no mail at all (RFC 7504 §3).
            self._decline(reply(500, "5.5.2", "Lines must end in CR LF"))
            return self._end("bare LF in a command", reply(421, "4.7.0", "This is not SMTP"))
        if self.state is State.AUTH:
            return self._take_response(line)
        if isinstance(line, LineFault):
            return self._refuse(self._too_long("5.5.2"))
        try:
            return self._take_command(line)
        except CommandError as error:
            if is_bdat(line):
                self._decline(error.reply)
                return self._end("a BDAT without its size", CHUNKS_UNKNOWN)
            return self._refuse(error.reply)

    def _take_command(self, line: bytes) -> Event | None:
        command = split_command(line)
        verb = self._verbs.get(command.verb)
        if verb is None:
            if command.verb in _FOREIGN:
                return self._end("another protocol", reply(421, "4.7.0", "This is not a web server"))
            raise CommandError(reply(500, "5.5.1", "Command not recognized; HELP lists those that there are"))
        self._commands += 1
        if verb in IDLE_VERBS and self._idles():
            return self._end("limits.idle_commands", TOO_MANY_IDLE)
        if self._commands > self.options.limits.commands:
            return self._end("limits.commands", TOO_MANY_COMMANDS)
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
            self._decline(answer)
            return None
        return self._refuse(answer)

    def _greet(self, argument: str) -> Event:
        return self._ask(parse_greeting(argument, extended=True))

    def _helo(self, argument: str) -> Event:
        return self._ask(parse_greeting(argument, extended=False))

    def _mail(self, argument: str) -> Event | None:
        if self.options.auth_required and not self.authenticated:
            raise CommandError(self._log_in_first())
        mail = parse_mail(argument, self._offer, self._now)
        if 0 < self.options.limits.transactions <= self._transactions:  # RFC 9422 §4.1
            self._decline(reply(452, "4.5.3", "No more messages in this session; connect again"))
            return None
        if mail.size > self.options.limits.message:  # RFC 1870 §6.1
            most = self.options.limits.message
            self._decline(reply(552, "5.3.4", f"Messages may have {most} octets; send less at once"))
            return None
        return self._ask(mail)

    def _log_in_first(self) -> Reply:
        """RFC 4954 §6; where AUTH is not offered it would be of no help to ask for it."""
        if offers_auth(self.options, self.secure):
            return reply(530, "5.7.0", "Authentication required; set your mail program to log in")
        if self.options.starttls and self.options.mechanisms:  # RFC 3207 §4
            return reply(530, "5.7.0", "Authentication required; set your mail program to use STARTTLS, then to log in")
        return reply(530, "5.7.0", "Authentication required, and nobody can log in at this port; use another one")

    def _rcpt(self, argument: str) -> Event | None:
        utf8 = self._transaction is not None and self._transaction.smtputf8
        rcpt = parse_rcpt(argument, self._offer, self._now, utf8)
        limits, domains = self.options.limits, self._domains
        # RFC 9422 §4.3
        if 0 < limits.recipient_domains <= len(domains) and rcpt.recipient.address.domain not in domains:
            self._decline(reply(452, "4.5.3", "Too many domains; send the others with another transaction"))
            return None
        if self.recipients >= limits.recipients:  # RFC 5321 §4.5.3.1.10
            self._decline(reply(452, "4.5.3", "Too many recipients; send the others with another transaction"))
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
        self._chunks = ChunkedBody(self.options.limits.message, binary, self.options.mend_bare_lf)
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
        self._decline(refusal(self.options.expn, reply(502, "5.5.1", "Lists are not expanded")))
        return None

    def _etrn(self, argument: str) -> Event | None:
        turn = parse_turn(argument)
        if may_ask(self.options.etrn, self._session):
            return self._ask(turn)
        # RFC 1985 §5.1
        self._decline(refusal(self.options.etrn, reply(502, "5.5.1", "ETRN is not available"), 459, "4.7.1"))
        return None

    def _help(self, argument: str) -> None:
        answer = help_for(argument, self._verbs)
        (self._say if answer.positive else self._decline)(answer)

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
            raise CommandError(reply(504, "5.5.4", "Mechanism not offered; take one of those that are"))
        return self._ask(auth)

    def _xclient(self, argument: str) -> Event:
        return self._ask(parse_xclient(argument))

    def _take_response(self, line: bytes | LineFault) -> Event | None:
        """RFC 4954 §4: a line of base64, or ``*`` to end the exchange."""
        if not isinstance(line, LineFault):
            return self._ask(events.AuthResponse(line))
        no = self._too_long("5.5.6")
        self._leave_auth()
        return self._refuse(no) or events.AuthCancelled()

    def _too_long(self, status: str) -> Reply:
        """RFC 5321 §4.5.3.1.9; the limit is that of where the session stands."""
        return reply(500, status, f"The line is too long: {self._buffer.limit} octets are the most")


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
