"""Options of SMTP's extensions and of submission.  Part of ``config.schema``."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec

from mailsuite.config.option import about, length, number


class Who(enum.Enum):
    """Whom something is for."""

    NOBODY = "nobody"
    AUTHENTICATED = "authenticated"
    TRUSTED = "trusted"


class Extensions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What SMTP clients may ask for besides the delivery of mail. `authenticated` includes trusted networks."""

    vrfy: Annotated[Who, about("Who learns with VRFY whether an address exists; others learn it at RCPT only.")] = (
        Who.AUTHENTICATED
    )
    expn: Annotated[Who, about("Who learns with EXPN where mail for an alias goes.")] = Who.AUTHENTICATED
    etrn: Annotated[Who, about("Who may have the mail that waits for a domain sent at once (RFC 1985).")] = Who.TRUSTED
    longest_hold: Annotated[
        int,
        number(
            0,
            366 * 86_400,
            "How long submitted mail may be told to wait before it leaves (RFC 4865). 0: not at all.",
            unit="seconds",
        ),
    ] = 31 * 86_400
    shortest_deliver_by: Annotated[
        int,
        number(
            0,
            86_400,
            "Shortest time within which the return of an undelivered message may be asked for (RFC 2852).",
            unit="seconds",
        ),
    ] = 60
    messages_per_session: Annotated[
        int, number(0, 1_000_000, "Messages taken in one session, told with LIMITS (RFC 9422). 0: any number.")
    ] = 0
    recipient_domains: Annotated[
        int, number(0, 50_000, "Domains of the recipients of one message, told with LIMITS. 0: any number.")
    ] = 0
    not_offered: Annotated[
        tuple[str, ...],
        length(0, 32, 'Extensions that are never offered, for clients that stumble over them: `["CHUNKING"]`.'),
    ] = ()


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mail that users send (RFC 6409)."""

    own_sender: Annotated[
        bool,
        about("Who has logged in may only send from the account's address and from aliases that lead to the account."),
    ] = True
    own_from: Annotated[bool, about("The same for the addresses in the message's From field.")] = False
    may_send_as_anybody: Annotated[
        tuple[str, ...], length(0, 10_000, "Accounts that may use any address: mailing list programs, web shops.")
    ] = ()
