"""Command lines: RFC 5321 §4.1.1.  A line in, an event's parts out, or a CommandError with the reply it deserves.

Verbs and keywords are case-insensitive, white space at the end is ignored (§4.1.1), one space or more may follow the
colon of ``MAIL FROM:`` as many clients write it.  Everything is ASCII without control characters, but for what RFC 6531
puts into the arguments of some commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from mailsuite.model import Address, Recipient
from mailsuite.smtp.address import (
    AddressError,
    is_domain,
    parse_forward_path,
    parse_mailbox,
    parse_reverse_path,
    split_path,
)
from mailsuite.smtp.esmtp.extension import ParameterError
from mailsuite.smtp.esmtp.priority import lowered
from mailsuite.smtp.esmtp.table import Offer
from mailsuite.smtp.events import AuthBegin, Expand, Greeting, Mail, Rcpt, Turn, Verify
from mailsuite.smtp.extensions import Who
from mailsuite.smtp.params import parse_parameters
from mailsuite.smtp.reply import ProtocolError, Reply, reply

_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# C1 controls and the line ends of Unicode: nothing that anybody may take for the end of a line.
_UNICODE_CONTROLS = re.compile("[\x80-\x9f\u2028\u2029]")
_NOT_ASCII = reply(500, "5.5.2", "Only ASCII without control characters")
_FROM = re.compile(r"from: *", re.IGNORECASE)
_TO = re.compile(r"to: *", re.IGNORECASE)
# RFC 5321 §4.1.1.6 String, of which only addresses are understood; RFC 6531 §3.7.4.2: [ SP "SMTPUTF8" ]
_INQUIRY = re.compile(r"(?:<([^<>]+)>|([^<>]+?))(?: +(SMTPUTF8))?", re.IGNORECASE | re.ASCII)
# RFC 4422 §3.1: sasl-mech = 1*20mech-char
_AUTH = re.compile(r"([A-Za-z0-9_-]{1,20})(?: +(\S+))?")


#: What a command says without parameters.
_NONE: dict[str, Any] = {}

InquiryT = TypeVar("InquiryT", Verify, Expand)


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


def parse_mail(argument: str, offer: Offer, now: Callable[[], float]) -> Mail:
    """RFC 5321 §4.1.1.2: FROM:<reverse-path> [parameters]; ``now`` gives seconds since the epoch."""
    found = _FROM.match(argument)
    if found is None:
        raise CommandError(reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]"))
    try:
        path, rest = split_path(argument[found.end() :])
        sender = parse_reverse_path(path)
        parameters = parse_parameters(rest, offer.mail, offer.session, now()) if rest else _NONE
    except AddressError as error:
        raise CommandError(reply(501, "5.1.7", str(error))) from error
    except ParameterError as error:
        raise _parameter(error) from error
    mail = Mail(sender, **parameters)
    if not mail.smtputf8 and not argument.isascii():  # RFC 6531 §3.5
        raise CommandError(reply(550, "5.6.7", "An address that is not ASCII needs the parameter SMTPUTF8"))
    if not parameters:
        return mail
    if mail.deliver_by is not None and mail.deliver_by.returned and mail.deliver_by.deadline <= mail.release:
        raise CommandError(reply(501, "5.5.4", "The message would have to be returned before it may leave"))
    return lowered(mail, offer.session)


def parse_rcpt(argument: str, offer: Offer, now: Callable[[], float], smtputf8: bool = False) -> Rcpt:
    """RFC 5321 §4.1.1.3: TO:<forward-path> [parameters]; ``smtputf8``: MAIL had it."""
    if not smtputf8 and not argument.isascii():  # RFC 6531 §3.5
        raise CommandError(reply(553, "5.6.7", "An address that is not ASCII needs the parameter SMTPUTF8 at MAIL"))
    found = _TO.match(argument)
    if found is None:
        raise CommandError(reply(501, "5.5.4", "Syntax: RCPT TO:<address>"))
    try:
        path, rest = split_path(argument[found.end() :])
        address = parse_forward_path(path)
        parameters = parse_parameters(rest, offer.rcpt, offer.session, now()) if rest else _NONE
    except AddressError as error:
        raise CommandError(reply(501, "5.1.3", str(error))) from error
    except ParameterError as error:
        raise _parameter(error) from error
    return Rcpt(Recipient(address, **parameters))


def parse_inquiry(verb: str, argument: str, kind: type[InquiryT]) -> InquiryT:
    """The argument of VRFY or EXPN; a name without a domain is one of the default domain."""
    found = _INQUIRY.fullmatch(argument)
    if found is None:
        raise CommandError(reply(501, "5.5.4", f"Syntax: {verb} address"))
    text = found[1] or found[2]
    try:
        address = parse_mailbox(text) if "@" in text else Address(parse_mailbox(f"{text}@x").local, "")
    except AddressError as error:
        raise CommandError(reply(501, "5.1.3", str(error))) from error
    return kind(address, found[3] is not None)


def parse_turn(argument: str) -> Turn:
    """RFC 1985 §5.3: ``@`` for all subdomains, too; there are no queues of other names (``#``)."""
    subdomains = argument.startswith("@")
    name = argument[1:] if subdomains else argument
    if name.startswith("[") or not is_domain(name):
        raise CommandError(reply(501, "5.5.4", "Syntax: ETRN domain or ETRN @domain"))
    return Turn(name.lower(), subdomains)


def refusal(who: Who, never: Reply, code: int = 550, status: str = "5.7.1") -> Reply:
    """What to say to a client that may not ask this: ``never`` where nobody may."""
    if who is Who.NOBODY:
        return never
    whom = "clients in a trusted network" if who is Who.TRUSTED else "those who have logged in"
    return reply(code, status, f"This is for {whom}")


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
