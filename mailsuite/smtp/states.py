"""Where a server session stands and which command may come there: RFC 5321 §4.1.4, as tables.

``ALLOWED`` says in which states a verb is taken; anything else is ``503 5.5.1`` and changes nothing.  ``AFTER`` says
where a positive answer to an event leads; a negative one leaves the session where it was, but for the ends of a body,
of an AUTH exchange and of a chunk, which are over either way.
"""

from __future__ import annotations

import enum
import functools

from mailsuite.smtp import events


class State(enum.Enum):
    """A server session's states."""

    # Members are single objects; Enum's own hash is a Python function, and the tables below are asked for each command.
    __hash__ = object.__hash__

    CONNECTED = "the banner is not sent yet"
    START = "no EHLO yet"
    READY = "greeted, no transaction"
    MAIL = "a sender and no recipient"
    RCPT = "a sender and recipients"
    DATA = "in the body of a message"
    CHUNKS = "a body has begun with BDAT and did not end"
    BROKEN = "a chunk was refused: RSET"
    AUTH = "in a SASL exchange"
    TLS = "the TLS handshake is due"
    CLOSED = "the last word is said"


class Verb(enum.Enum):
    """Commands that are known, implemented or not."""

    __hash__ = object.__hash__

    HELO = "HELO"
    EHLO = "EHLO"
    LHLO = "LHLO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BDAT = "BDAT"
    RSET = "RSET"
    NOOP = "NOOP"
    VRFY = "VRFY"
    EXPN = "EXPN"
    HELP = "HELP"
    QUIT = "QUIT"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    ETRN = "ETRN"
    XCLIENT = "XCLIENT"


_GREETED = frozenset({State.READY, State.MAIL, State.RCPT})
_ANY = _GREETED | {State.START, State.CHUNKS, State.BROKEN}

#: RFC 5321 §4.1.4; BDAT: RFC 3030 §2; STARTTLS: RFC 3207 §4; AUTH: RFC 4954 §4, ETRN: RFC 1985 §5 (not
#: during a transaction); XCLIENT: XCLIENT_README of Postfix, likewise.
ALLOWED: dict[Verb, frozenset[State]] = {
    Verb.HELO: _ANY,
    Verb.EHLO: _ANY,
    Verb.LHLO: _ANY,
    Verb.MAIL: frozenset({State.READY}),
    Verb.RCPT: frozenset({State.MAIL, State.RCPT}),
    Verb.DATA: frozenset({State.RCPT}),
    Verb.BDAT: _ANY,  # its octets must be swallowed wherever it comes: see ``ServerCore``
    Verb.RSET: _ANY,
    Verb.NOOP: _ANY,
    Verb.VRFY: _ANY,
    Verb.EXPN: _ANY,
    Verb.HELP: _ANY,
    Verb.QUIT: _ANY,
    Verb.STARTTLS: _GREETED,
    Verb.AUTH: frozenset({State.READY}),
    Verb.ETRN: frozenset({State.READY}),
    Verb.XCLIENT: frozenset({State.START, State.READY}),
}

#: What to say to a verb that came too early or twice, once the client has greeted.
OUT_OF_ORDER: dict[Verb, str] = {
    Verb.MAIL: "A transaction is open already; RSET ends it",
    Verb.RCPT: "MAIL comes first",
    Verb.DATA: "No valid recipients; RCPT comes first",
    Verb.AUTH: "After EHLO, outside of a transaction",
    Verb.ETRN: "After EHLO, outside of a transaction",
    Verb.XCLIENT: "A transaction is open; RSET ends it",
}

#: What brings no message further.
IDLE_VERBS = frozenset(
    {Verb.HELO, Verb.EHLO, Verb.LHLO, Verb.RSET, Verb.NOOP, Verb.VRFY, Verb.EXPN, Verb.HELP, Verb.ETRN, Verb.XCLIENT}
)


def why_not(verb: Verb, state: State) -> str:
    """What to say to a verb in a state that does not allow it."""
    if state in (State.CHUNKS, State.BROKEN):  # RFC 3030 §2
        return "A message was begun with BDAT; RSET ends it"
    return OUT_OF_ORDER[verb]


#: Whose argument may hold UTF-8, RFC 6531 §3.3 and §3.7.4.2.
UTF8_VERBS = frozenset({Verb.MAIL, Verb.RCPT, Verb.VRFY, Verb.EXPN})

#: The verbs of each protocol; LMTP has LHLO in place of HELO and EHLO (RFC 2033 §4.1).
SMTP_VERBS: dict[str, Verb] = {verb.value: verb for verb in Verb if verb is not Verb.LHLO}
LMTP_VERBS: dict[str, Verb] = {verb.value: verb for verb in Verb if verb not in (Verb.HELO, Verb.EHLO)}


@functools.cache
def verbs_of(lmtp: bool, xclient: bool) -> dict[str, Verb]:
    """Those that a session knows; XCLIENT exists only for who may say it."""
    verbs = LMTP_VERBS if lmtp else SMTP_VERBS
    return {name: verb for name, verb in verbs.items() if xclient or verb is not Verb.XCLIENT}


#: Where a positive (2yz, for Data and AUTH 3yz) answer leads.
AFTER: dict[type, State] = {
    events.Connected: State.START,
    events.Greeting: State.READY,
    events.Mail: State.MAIL,
    events.Rcpt: State.RCPT,
    events.Data: State.DATA,
    events.ChunkEnd: State.CHUNKS,
    events.AuthBegin: State.AUTH,
    events.AuthResponse: State.AUTH,
    events.StartTLS: State.TLS,
    events.XClient: State.START,
}
