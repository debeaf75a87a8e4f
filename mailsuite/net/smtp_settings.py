"""What one SMTP, submission or LMTP listener is told."""

from __future__ import annotations

import enum
from collections.abc import Callable

import msgspec

from mailsuite.sasl.table import MECHANISMS, offered
from mailsuite.sasl.values import Channel
from mailsuite.smtp.extensions import Limits, Options, Who


class Service(enum.Enum):
    """From other servers; from users, who log in or are in a trusted network; from a local mail server (RFC 2033)."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    LMTP = "lmtp"


def nobody(address: str) -> bool:
    """No client is trusted."""
    return False


class SMTPSettings(msgspec.Struct, frozen=True):
    """``hostname`` is what the server calls itself; ``trusted`` tells whether a client address may relay."""

    hostname: str
    service: Service = Service.SMTP
    #: Offer STARTTLS.  A listener with TLS from the first octet is recognized by its transport.
    starttls: bool = False
    #: Passwords without TLS.
    allow_plaintext_auth: bool = False
    trusted: Callable[[str], bool] = nobody
    limits: Limits = Limits()
    #: Seconds without a command before a connection is closed (RFC 5321 §4.5.3.2.7: at least 300), and within a
    #: message without octets of it.
    idle_limit: float = 300.0
    data_limit: float = 300.0
    #: Seconds from the connection to the first EHLO, whatever the client does meanwhile.
    greeting_limit: float = 300.0
    #: Octets a second that a message must bring on average, once it takes longer than ``data_limit``; 0: none.
    data_rate: float = 0.0
    #: Refuse strangers on SMTP who speak before the greeting, or behind EHLO before its answer.
    refuse_early: bool = False
    #: Seconds before the greeting is sent to them.
    greet_delay: float = 0.0
    #: Which clients (by address) may speak for others with XCLIENT.
    xclient: Callable[[str], bool] = nobody
    #: Failed logins before a connection is closed.
    auth_failures: int = 3
    #: Recipients refused for good before a connection is closed, so that nobody learns by trial who has mail here.
    #: Not for trusted clients, those who have logged in, and LMTP.
    refused_recipients: int = 20
    #: Who gets an answer from VRFY, EXPN and ETRN.
    vrfy: Who = Who.AUTHENTICATED
    expn: Who = Who.AUTHENTICATED
    etrn: Who = Who.TRUSTED
    #: Seconds that DELIVERBY leaves at least before a message is to be returned.
    shortest_by: int = 0
    #: Seconds for which a submission listener may be asked to hold mail back; 0: it cannot be asked.
    hold_limit: int = 0
    #: Keywords of extensions that are not offered.
    without: frozenset[str] = frozenset()
    #: A bare LF in a message is a line end, not a fault.
    mend_bare_lf: bool = False
    #: Seconds that a session may last, however busy.
    session_limit: float = 7200.0
    #: SASL mechanisms to offer where they are possible.
    mechanisms: tuple[str, ...] = tuple(MECHANISMS)
    #: File of authorities whose client certificates are asked for; empty: none are.
    client_ca: str = ""

    @property
    def allowed(self) -> tuple[str, ...]:
        """LMTP has no AUTH."""
        return () if self.service is Service.LMTP else self.mechanisms

    def options(self, trusted: bool, tls_available: bool, xclient: bool = False) -> Options:
        """What the core of a connection from a (``trusted``) client offers; ``xclient``: it may speak for others."""
        return Options(
            hostname=self.hostname,
            lmtp=self.service is Service.LMTP,
            starttls=self.starttls and tls_available,
            mechanisms=offered(Channel(private=True), self.allowed),
            too_weak=frozenset(MECHANISMS) - frozenset(self.allowed),
            auth_in_clear=self.allow_plaintext_auth,
            auth_required=self.service is Service.SUBMISSION and not trusted,
            trusted=trusted,
            xclient=xclient,
            submission=self.service is Service.SUBMISSION,
            vrfy=self.vrfy,
            expn=self.expn,
            etrn=self.etrn,
            shortest_by=self.shortest_by,
            hold_limit=self.hold_limit,
            without=self.without,
            mend_bare_lf=self.mend_bare_lf,
            limits=self.limits,
        )
