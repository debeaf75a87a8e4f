"""The server's side of POP3 (RFC 1939, 2449, 2595, 5034, 6856), without I/O.

``receive`` octets, take ``next_event``, answer it, send ``data_to_send``.  Listings, marks and everything else that
needs no one else are answered here, long listings a piece an event; each event awaits one answer, and the next command
waits for that.  Nothing received in clear is acted on under TLS; passwords are taken only in private.  The answer to

    Login, Apop, Authenticate, Response   is ``logged_in``, ``login_failed``, in an exchange ``challenge``
    Capabilities, StartTLS          is ``capabilities``, ``start_tls``
    Retrieve, Top                   is ``send_message``; or ``begin_message``, some ``send_part``, ``end_message``
    Update                          is ``updated``; or to any of them ``refuse``
"""

from __future__ import annotations

from collections.abc import Callable

from mailsuite.pop3.conversation import Conversation
from mailsuite.pop3.events import ANSWERED, Apop, Authenticate, Capabilities, Event, Login, StartTLS, Update
from mailsuite.pop3.grammar import Fault, SyntaxFault, parse_digest, parse_range, parse_text
from mailsuite.pop3.languages import Language, find
from mailsuite.pop3.states import State
from mailsuite.pop3.texts import Text


class ServerCore(Conversation):
    """One session: the commands that log in, and those of every state; the others are ``Transaction``'s."""

    def _act(self, keyword: str, arguments: list[bytes]) -> Event:
        act = _COMMANDS.get(keyword)
        return self._transaction.act(keyword, arguments) if act is None else act(self, arguments)

    def _capa(self, _: list[bytes]) -> Event:
        """RFC 2449 §6.  What is true of all accounts somebody else has to say."""
        if self.state is State.AUTHORIZATION:
            return Capabilities()
        self._say_capabilities(self._terms)
        return ANSWERED

    def _stls(self, _: list[bytes]) -> Event:
        if self.secure:
            raise SyntaxFault(Text.TLS_THERE)
        if not self.profile.tls:
            raise SyntaxFault(Text.NO_TLS)
        if self.utf8:  # RFC 6856 §2.1
            raise SyntaxFault(Text.TLS_BEFORE_UTF8)
        return StartTLS()

    def _user(self, arguments: list[bytes]) -> Event:
        if not self._takes_passwords:
            return self._need_privacy()
        self._name = parse_text(arguments[0])
        return self._ok(Text.SEND_PASSWORD)

    def _pass(self, arguments: list[bytes]) -> Event:
        if not self._takes_passwords:
            return self._need_privacy()
        name, self._name = self._name, ""  # RFC 1939 §7: PASS only right after USER
        if not name:
            raise SyntaxFault(Text.USER_FIRST)
        return Login(name, parse_text(arguments[0]))

    def _need_privacy(self) -> Event:
        return self._err(Text.SEE_SASL if self.private else Text.NO_PASSWORDS, "AUTH")

    def _apop(self, arguments: list[bytes]) -> Event:
        """RFC 1939 §7; no password is sent, so it may be in clear."""
        if not self.timestamp:
            raise SyntaxFault(Text.NO_APOP)
        return Apop(parse_text(arguments[0]), parse_digest(arguments[1]))

    def _auth(self, arguments: list[bytes]) -> Event:
        mechanism = parse_text(arguments[0]).upper()
        if not self.private:
            return self._err(Text.TLS_FIRST, "AUTH")
        return Authenticate(mechanism, len(arguments) > 1, arguments[1] if len(arguments) > 1 else b"")

    def _utf8(self, _: list[bytes]) -> Event:
        self.utf8 = True
        return self._ok(Text.UTF8)

    def _lang(self, arguments: list[bytes]) -> Event:
        """RFC 6856 §3.2: the answer is in the new language already."""
        if not arguments:
            self._answers.ok(Text.LANGUAGES)
            self._answers.lines([f"{language.value} {language.own_name}" for language in Language])
            return ANSWERED
        wanted = parse_range(arguments[0])
        language = find(wanted, self.profile.language)
        if language is None:
            raise Fault(Text.NO_LANGUAGE, language=wanted or "?")
        self._answers.language = language
        self._answers.raw_ok(f"{language.value} {language.say(Text.LANGUAGE)}")
        return ANSWERED

    def _quit(self, _: list[bytes]) -> Event:
        before, self.state = self.state, State.ENDED
        if before is State.TRANSACTION:
            return Update(self._transaction.maildrop.deleted)
        return self._ok(Text.BYE)


_COMMANDS: dict[str, Callable[[ServerCore, list[bytes]], Event]] = {
    "CAPA": ServerCore._capa,
    "STLS": ServerCore._stls,
    "USER": ServerCore._user,
    "PASS": ServerCore._pass,
    "APOP": ServerCore._apop,
    "AUTH": ServerCore._auth,
    "UTF8": ServerCore._utf8,
    "LANG": ServerCore._lang,
    "QUIT": ServerCore._quit,
}
