"""The one place where verdicts, failures and faults become SMTP replies.

Texts are general: an error's own words may name files and are for the log.  Every enhanced code is from the IANA
registry (RFC 3463, RFC 5248).
"""

from __future__ import annotations

import enum

from mailsuite.errors import DiskFull, MailError, NotFound, OverQuota, TooBig, TooMany, Unsupported
from mailsuite.model import AddHeader, Address, Later, Refuse, Status, Verdict
from mailsuite.smtp.events import Fault
from mailsuite.smtp.reply import Reply, reply

TIMED_OUT = reply(421, "4.4.2", "Nothing was heard from you for too long; connect again")
SHUTTING_DOWN = reply(421, "4.3.2", "The server is being stopped; try again in a few minutes")
BROKEN = reply(421, "4.3.0", "Something is wrong here; try again later")
SERVER_FULL = reply(421, "4.3.2", "All connections of this server are in use; try again in a few minutes")
TOO_MANY_CONNECTIONS = reply(421, "4.7.0", "Too many connections from your network; close one, or try again later")
TOO_MANY_LOGINS = reply(421, "4.7.0", "Too many failed logins; check the name and the password, then connect again")
TOO_MANY_REFUSED = reply(421, "4.7.0", "Too many recipients were refused; check the addresses, then connect again")
TOO_EARLY = reply(554, "5.5.1", "You spoke before the greeting; wait for it (RFC 5321 section 3.1)")
TOO_EAGER = reply(554, "5.5.1", "Wait for the answer to EHLO before you send more (RFC 2920 section 3.1)")
NO_SUCH_LOGIN = reply(501, "5.5.4", "There is no account of that LOGIN here")
NO_GREETING = reply(421, "4.4.2", "No EHLO came for too long; connect again")
TOO_SLOW = reply(421, "4.4.2", "The message came too slowly; connect and send it again")
SESSION_TOO_LONG = reply(421, "4.4.2", "This session has lasted too long; connect again")
LOGIN_REVOKED = reply(421, "4.7.0", "Your account is gone or disabled, or its password was changed; log in again")
WRONG_PASSWORD = reply(535, "5.7.8", "Authentication failed; check the login name and the password")
CERTIFICATE_OF_ANOTHER = reply(535, "5.7.8", "Your certificate does not name this account; show one that does")
AUTH_MALFORMED = reply(501, "5.5.2", "Not a response of this mechanism; check the mail program, or take another one")
AUTH_CANCELLED = reply(501, "5.7.0", "Authentication cancelled")
AUTH_UNAVAILABLE = reply(454, "4.7.0", "Authentication is not possible at the moment; try again later")
#: Characters of an address that is repeated in an answer.
_LONGEST_ADDRESS = 200
_DONE = Status(2, 0, 0)
_TEMPORARY = reply(451, "4.3.0", "Something is wrong here; try again later")


class Stage(enum.Enum):
    """Where in a session a verdict is given."""

    CONNECT = "the banner"
    GREETING = "EHLO"
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    MESSAGE = "the final dot"


#: At each stage: the codes for never and for not now.
_STAGES: dict[Stage, tuple[int, int]] = {
    Stage.CONNECT: (554, 421),
    Stage.GREETING: (550, 450),
    Stage.SENDER: (550, 451),
    Stage.RECIPIENT: (550, 450),
    Stage.MESSAGE: (554, 451),
}

#: Codes that go with a status wherever it is said.
_CODES: dict[Status, int] = {
    Status(4, 2, 2): 452,
    Status(4, 3, 0): 451,
    Status(4, 3, 1): 452,
    Status(4, 5, 3): 452,
    Status(5, 1, 1): 550,
    Status(5, 2, 2): 552,
    Status(5, 2, 3): 552,
    Status(5, 3, 4): 552,
    Status(5, 4, 6): 554,
    Status(5, 7, 1): 550,
}

#: The first row whose class fits.
_ERRORS: tuple[tuple[type[MailError], Reply], ...] = (
    (OverQuota, reply(452, "4.2.2", "The mailbox is full; try again later, or reach its owner by other means")),
    (NotFound, reply(550, "5.1.1", "No such user here; check the address")),
    (TooBig, reply(552, "5.3.4", "The message is too big; send less at once")),
    (TooMany, reply(452, "4.5.3", "Too many recipients; send the others another message")),
    # RFC 3463 §3.7: conversion required but prohibited, or not possible.
    (Unsupported, reply(554, "5.6.2", "The binary message cannot be kept as it is; encode its parts in base64")),
    (DiskFull, reply(452, "4.3.1", "No room for it here now; try again later")),
)

_FAULTS: tuple[tuple[Fault, Reply], ...] = (
    (Fault.BARE_LF, reply(550, "5.6.0", "The message has an LF without CR: lines end in CR LF")),
    (Fault.BARE_CR, reply(550, "5.6.0", "The message has a CR without LF: lines end in CR LF")),
    (Fault.NUL, reply(550, "5.6.0", "The message has a NUL octet; your mail program must encode it")),
)


def for_verdict(verdict: Refuse | Later, stage: Stage) -> Reply:
    """What a policy's no sounds like."""
    never, not_now = _STAGES[stage]
    code = not_now if isinstance(verdict, Later) else never
    if stage is not Stage.CONNECT:
        code = _CODES.get(verdict.status, code)
    return Reply(code, verdict.status, (verdict.text,))


def decided(verdict: Verdict, stage: Stage, fields: list[bytes]) -> Reply | None:
    """The refusal, or None to go on; a header field that policy wants goes to ``fields``."""
    if isinstance(verdict, Refuse | Later):
        return for_verdict(verdict, stage)
    if isinstance(verdict, AddHeader):
        fields.append(verdict.field)
    return None


def for_error(error: MailError) -> Reply:
    """What an expected failure sounds like."""
    return next((answer for kind, answer in _ERRORS if isinstance(error, kind)), _TEMPORARY)


def for_faults(faults: frozenset[Fault], most: int) -> Reply:
    """Why a body is refused; the first of what is wrong.  ``most``: octets that it may have."""
    if Fault.TOO_BIG in faults:
        return too_big(most)
    return next(answer for fault, answer in _FAULTS if fault in faults)


def too_big(most: int) -> Reply:
    """RFC 1870 §6.3."""
    return reply(552, "5.3.4", f"The message is too big: {most} octets are the most; send less at once")


def referred(no: Reply, id: str, hostname: str, address: Address | None = None) -> Reply:
    """The same refusal with whom it is about, and whom to ask: the postmaster, who finds ``id`` in the log."""
    words = no.text.rstrip(".")
    if address is not None and len(about := f"<{address}>: ") < _LONGEST_ADDRESS and about.isascii():
        words = f"{about}{words}"
    return Reply(no.code, no.status, (f"{words}; ask postmaster@{hostname} about {id}",))


def queued(id: str) -> Reply:
    """The message is on disk."""
    return Reply(250, _DONE, (f"Ok: queued as {id}",))
