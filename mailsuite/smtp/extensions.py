"""What a server says of itself: the banner and the answer to EHLO, RFC 5321 §4.1.1.1 and the IANA keyword registry.

An extension is only offered where it can be used: STARTTLS before TLS, AUTH where a password would not travel in the
clear unless the listener says that it may.
"""

from __future__ import annotations

import msgspec

from mailsuite.smtp.reply import Reply, reply


class Limits(msgspec.Struct, frozen=True):
    """What a session may take.  Never less than RFC 5321 §4.5.3.1 asks for."""

    #: Octets of a command line with CR LF; 512 and what extensions add (§4.5.3.1.4).
    command_line: int = 2048
    #: Octets of a line in an AUTH exchange (RFC 4954 §4).
    auth_line: int = 12288
    #: Octets of a message, as announced with SIZE.
    message: int = 64 * 1024 * 1024
    #: Recipients of one message (§4.5.3.1.8: at least 100).
    recipients: int = 1000
    #: Commands that are unknown, malformed or out of order before the session is ended.
    errors: int = 20


class Options(msgspec.Struct, frozen=True):
    """What a listener offers.  ``mechanisms`` are SASL names in the order to offer, none for no AUTH at all."""

    hostname: str
    lmtp: bool = False
    starttls: bool = False
    mechanisms: tuple[str, ...] = ()
    #: AUTH without TLS.
    auth_in_clear: bool = False
    #: MAIL only after AUTH.
    auth_required: bool = False
    limits: Limits = Limits()


def banner(options: Options) -> Reply:
    """RFC 5321 §4.2: the host name comes first."""
    return reply(220, "", f"{options.hostname} {'LMTP' if options.lmtp else 'ESMTP'}")


def greeting(options: Options, extended: bool, secure: bool, authenticated: bool) -> Reply:
    """The answer to HELO, or to EHLO and LHLO (``extended``)."""
    if not extended:
        return reply(250, "", options.hostname)
    lines = [options.hostname, "PIPELINING", f"SIZE {options.limits.message}", "8BITMIME", "ENHANCEDSTATUSCODES"]
    if options.starttls and not secure:
        lines.append("STARTTLS")
    if offers_auth(options, secure) and not authenticated:
        lines.append("AUTH " + " ".join(options.mechanisms))
    return reply(250, "", *lines)


def offers_auth(options: Options, secure: bool) -> bool:
    """Whether AUTH may be used now."""
    return bool(options.mechanisms) and (secure or options.auth_in_clear)
