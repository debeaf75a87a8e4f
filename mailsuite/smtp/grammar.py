"""Command lines: RFC 5321 §4.1.1.  A line in, an event's parts out, or a CommandError with the reply it deserves.

Verbs and keywords are case-insensitive, white space at the end is ignored (§4.1.1), one space or more may follow the
colon of ``MAIL FROM:`` as many clients write it.  Everything is ASCII without control characters, but for what RFC 6531
puts into the arguments of some commands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from mailsuite.model import Recipient
from mailsuite.smtp.address import AddressError, parse_forward_path, parse_reverse_path, split_path
from mailsuite.smtp.esmtp.extension import Parameter, ParameterError
from mailsuite.smtp.events import AuthBegin, Greeting, Mail, Rcpt
from mailsuite.smtp.params import parse_parameters
from mailsuite.smtp.reply import ProtocolError, Reply, reply

_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# C1 controls and the line ends of Unicode: nothing that anybody may take for the end of a line.
_UNICODE_CONTROLS = re.compile("[\x80-\x9f\u2028\u2029]")
_NOT_ASCII = reply(500, "5.5.2", "Only ASCII without control characters")
_FROM = re.compile(r"from: *", re.IGNORECASE)
_TO = re.compile(r"to: *", re.IGNORECASE)
# RFC 4422 §3.1: sasl-mech = 1*20mech-char
_AUTH = re.compile(r"([A-Za-z0-9_-]{1,20})(?: +(\S+))?")


class CommandError(ProtocolError):
    """A command that cannot be taken as it is; ``reply`` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class Command(msgspec.Struct, frozen=True):
    """A command line, taken apart: the verb in capitals and what follows, stripped."""

    verb: str
    argument: str


def split_command(line: bytes) -> Command:
    """A line without its CR LF; CommandError for octets that no command has."""
    if _CONTROLS.search(line):
        raise CommandError(_NOT_ASCII)
    try:
        verb, _, argument = line.decode("utf-8").strip(" \t").partition(" ")
    except UnicodeDecodeError:
        raise CommandError(_NOT_ASCII) from None
    if not verb.isascii() or (not argument.isascii() and _UNICODE_CONTROLS.search(argument)):
        raise CommandError(_NOT_ASCII)
    return Command(verb.upper(), argument.strip(" \t"))


def only_ascii(argument: str) -> None:
    """What holds for most commands (RFC 6531 §3.3 names the others)."""
    if not argument.isascii():
        raise CommandError(_NOT_ASCII)


def parse_greeting(argument: str, extended: bool) -> Greeting:
    """HELO, EHLO, LHLO.  Any single word will do: a wrong name is no reason to refuse mail (RFC 5321 §4.1.4)."""
    if not argument or " " in argument or len(argument) > 255:
        raise CommandError(reply(501, "5.5.4", "Say which host you are, as one name"))
    return Greeting(argument, extended)


def parse_mail(argument: str, known: Mapping[str, Parameter]) -> Mail:
    """RFC 5321 §4.1.1.2: FROM:<reverse-path> [parameters], of which these are ``known``"""
    found = _FROM.match(argument)
    if found is None:
        raise CommandError(reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]"))
    try:
        path, rest = split_path(argument[found.end() :])
        sender = parse_reverse_path(path)
        parameters = parse_parameters(rest, known)
    except AddressError as error:
        raise CommandError(reply(501, "5.1.7", str(error))) from error
    except ParameterError as error:
        raise _parameter(error) from error
    mail = Mail(sender, **parameters)
    if not mail.smtputf8 and not argument.isascii():  # RFC 6531 §3.5
        raise CommandError(reply(550, "5.6.7", "An address that is not ASCII needs the parameter SMTPUTF8"))
    return mail


def parse_rcpt(argument: str, known: Mapping[str, Parameter], smtputf8: bool = False) -> Rcpt:
    """RFC 5321 §4.1.1.3: TO:<forward-path> [parameters], of which these are ``known``; ``smtputf8``: MAIL had it."""
    if not smtputf8 and not argument.isascii():  # RFC 6531 §3.5
        raise CommandError(reply(553, "5.6.7", "An address that is not ASCII needs the parameter SMTPUTF8 at MAIL"))
    found = _TO.match(argument)
    if found is None:
        raise CommandError(reply(501, "5.5.4", "Syntax: RCPT TO:<address>"))
    try:
        path, rest = split_path(argument[found.end() :])
        address = parse_forward_path(path)
        parameters = parse_parameters(rest, known)
    except AddressError as error:
        raise CommandError(reply(501, "5.1.3", str(error))) from error
    except ParameterError as error:
        raise _parameter(error) from error
    return Rcpt(Recipient(address, **parameters))


def parse_auth(argument: str) -> AuthBegin:
    """RFC 4954 §4: mechanism [initial-response]."""
    found = _AUTH.fullmatch(argument)
    if found is None:
        raise CommandError(reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]"))
    return AuthBegin(found[1].upper(), found[2].encode() if found[2] else None)


def no_argument(verb: str, argument: str) -> None:
    """RFC 5321 §4.1.1: RSET, DATA, QUIT and STARTTLS take none."""
    if argument:
        raise CommandError(reply(501, "5.5.4", f"{verb} takes no argument"))


def _parameter(error: ParameterError) -> CommandError:
    return CommandError(reply(error.code, error.status, str(error)))
