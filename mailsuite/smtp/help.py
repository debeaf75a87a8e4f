"""HELP: RFC 5321 §4.1.1.8.  A line or two about each command, for a person at the other end."""

from __future__ import annotations

from collections.abc import Mapping

from mailsuite.smtp.reply import Reply, reply
from mailsuite.smtp.states import Verb

_TEXTS: dict[Verb, tuple[str, ...]] = {
    Verb.HELO: ("HELO host", "Greets without extensions; say EHLO."),
    Verb.EHLO: ("EHLO host", "Greets, and lists the extensions that you may use now."),
    Verb.LHLO: ("LHLO host", "Greets, and lists the extensions that you may use now."),
    Verb.MAIL: (
        "MAIL FROM:<address> [parameters]",
        "Begins a message. The address gets the notice if it cannot be delivered; <> for none.",
    ),
    Verb.RCPT: ("RCPT TO:<address> [parameters]", "Adds a recipient; repeat it for each."),
    Verb.DATA: ("DATA", "The message follows, in lines; a line with a single dot ends it."),
    Verb.BDAT: ("BDAT size [LAST]", "That many octets of the message follow, the last ones with LAST."),
    Verb.RSET: ("RSET", "Forgets the message that was begun."),
    Verb.NOOP: ("NOOP", "Does nothing."),
    Verb.VRFY: ("VRFY address", "Asks whether the address is one of this server's."),
    Verb.EXPN: ("EXPN address", "Asks where mail for a list goes."),
    Verb.HELP: ("HELP [command]", "Says what a command is for."),
    Verb.QUIT: ("QUIT", "Ends the session."),
    Verb.STARTTLS: ("STARTTLS", "Begins TLS; greet again afterwards."),
    Verb.AUTH: ("AUTH mechanism [initial-response]", "Logs in."),
    Verb.XCLIENT: ("XCLIENT attribute=value [...]", "Says for whom a proxy speaks; greet again afterwards."),
    Verb.ETRN: ("ETRN domain", "Has mail that waits here for the domain sent now."),
}


def help_for(argument: str, verbs: Mapping[str, Verb]) -> Reply:
    """About one command, or the list of those that there are."""
    if not argument:
        return reply(214, "2.0.0", "Commands: " + " ".join(verbs), "HELP command says more")
    verb = verbs.get(argument.upper())
    if verb is None:
        return reply(504, "5.5.4", "There is no such command; HELP lists those that there are")
    return reply(214, "2.0.0", *_TEXTS[verb])
