"""What a listener may offer and what its sessions may take; ``smtp.esmtp`` makes the extensions of it.

An extension is only offered where it can be used: STARTTLS before TLS, AUTH where a password would not travel in the
clear unless the listener says that it may.
"""

from __future__ import annotations

import enum

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """What a session may take.  Never less than RFC 5321 §4.5.3.1 asks for."""

    #: Octets of a command line with CR LF (§4.5.3.1.4: 512); the extensions that are offered add theirs.
    command_line: int = 2048
    #: Octets of a line in an AUTH exchange (RFC 4954 §4).
    auth_line: int = 12288
    #: Octets of a message, as announced with SIZE.
    message: int = 64 * 1024 * 1024
    #: Recipients of one message (§4.5.3.1.8: at least 100).
    recipients: int = 1000
    #: Transactions of one session, and domains of one message's recipients (RFC 9422); 0 for any number.
    transactions: int = 0
    recipient_domains: int = 0
    #: Commands that are unknown, malformed or out of order before the session is ended.
    errors: int = 20
    #: Commands before the session is ended: in all, and of those that send nothing (NOOP, RSET) between two messages.
    commands: int = 100_000
    idle_commands: int = 100


class Who(enum.Enum):
    """Whom something is for."""

    NOBODY = "nobody"
    #: Who has logged in, and trusted networks.
    AUTHENTICATED = "authenticated"
    TRUSTED = "trusted"


class Options(msgspec.Struct, frozen=True):
    """What a listener offers.  ``mechanisms`` are SASL names in the order to offer, none for no AUTH at all."""

    hostname: str
    lmtp: bool = False
    starttls: bool = False
    mechanisms: tuple[str, ...] = ()
    #: Mechanisms that are known, and weaker than may be used here.
    too_weak: frozenset[str] = frozenset()
    #: AUTH without TLS.
    auth_in_clear: bool = False
    #: MAIL only after AUTH.
    auth_required: bool = False
    #: The client is in a trusted network.
    trusted: bool = False
    #: The listener is for users' own mail (RFC 6409).
    submission: bool = False
    #: Who gets an answer from VRFY, EXPN and ETRN.
    vrfy: Who = Who.AUTHENTICATED
    expn: Who = Who.AUTHENTICATED
    etrn: Who = Who.TRUSTED
    #: Seconds that DELIVERBY leaves at least, where the message is to be returned afterwards.
    shortest_by: int = 0
    #: Seconds for which mail may be held back (FUTURERELEASE); 0 for not at all.
    hold_limit: int = 0
    #: The client may speak for others (XCLIENT).
    xclient: bool = False
    #: Keywords of extensions that are not offered, whatever else allows them.
    without: frozenset[str] = frozenset()
    #: A bare LF in a message is a line end, not a fault.
    mend_bare_lf: bool = False
    limits: Limits = Limits()


def offers_auth(options: Options, secure: bool) -> bool:
    """Whether AUTH may be used now."""
    return bool(options.mechanisms) and (secure or options.auth_in_clear)
