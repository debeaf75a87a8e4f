"""What one POP3 listener is told."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mailsuite.pop3.conversation import Profile
from mailsuite.pop3.languages import Language
from mailsuite.pop3.limits import Limits
from mailsuite.sasl.table import MECHANISMS


def nobody(address: str) -> bool:
    """No client is trusted."""
    return False


class POP3Settings(msgspec.Struct, frozen=True):
    """``hostname`` is what the server calls itself; ``trusted`` clients are not counted by their network."""

    hostname: str
    #: Offer STLS.  A listener with TLS from the first octet is recognized by its transport.
    starttls: bool = False
    #: Passwords without TLS.
    allow_plaintext_auth: bool = False
    trusted: Callable[[str], bool] = nobody
    limits: Limits = Limits()
    #: Seconds of silence before a connection is closed (RFC 1939 §3: at least 600).
    idle_limit: float = 600.0
    #: Seconds from the greeting to the login, whatever the client does meanwhile.
    login_limit: float = 180.0
    #: SASL mechanisms to offer where they are possible.
    mechanisms: tuple[str, ...] = tuple(MECHANISMS)
    #: File of authorities whose client certificates are asked for; empty: none are.
    client_ca: str = ""
    #: APOP is offered.
    apop: bool = False
    #: What ``LANG *`` means.
    language: Language = Language.ENGLISH

    def profile(self, tls_available: bool) -> Profile:
        """What the core of a connection offers."""
        return Profile(
            hostname=self.hostname,
            tls=self.starttls and tls_available,
            plaintext=self.allow_plaintext_auth,
            language=self.language,
            limits=self.limits,
        )
