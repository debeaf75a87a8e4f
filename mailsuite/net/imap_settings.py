"""How an IMAP listener behaves; ``services`` makes it of the configuration."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mailsuite.imap.limits import Limits
from mailsuite.sasl.table import MECHANISMS


def nobody(address: str) -> bool:
    """No client is trusted."""
    return False


class IMAPSettings(msgspec.Struct, frozen=True):
    """How one listener behaves."""

    #: The server's name in the greeting.
    hostname: str = "localhost"
    #: Whether STARTTLS is offered where there is a certificate.
    starttls: bool = True
    #: Passwords may be sent without TLS.
    allow_plaintext_login: bool = False
    #: Which clients (by address) are not counted by their network.
    trusted: Callable[[str], bool] = nobody
    #: Seconds of silence before the session ends (RFC 3501 §5.4: at least 1800).
    idle_limit: float = 1800.0
    #: Seconds from the greeting to the login, whatever the client does meanwhile.
    login_limit: float = 180.0
    #: Failed logins before the connection ends (a count).
    login_failures: int = 10
    #: Seconds between looks at the folders of idling sessions, and folders looked at in one go (a count).
    look_every: float = 1.0
    looks_at_once: int = 200
    #: Seconds between two ``* OK Still here`` to an idling session, so that no router on the way forgets it.
    still_here: float = 240.0
    #: Seconds for which a session goes on without asking whether its account is still there.
    account_check: float = 60.0
    #: Mailboxes that one session may watch (NOTIFY; a count).
    notify_mailboxes: int = 500
    #: Whether COMPRESS is offered.
    compress: bool = True
    #: SASL mechanisms to offer where they are possible.
    mechanisms: tuple[str, ...] = tuple(MECHANISMS)
    #: File of authorities whose client certificates are asked for; empty: none are.
    client_ca: str = ""
    #: Accounts that may see and set everybody's quota.
    administrators: frozenset[str] = frozenset()
    #: The level below which others' mailboxes are, as ``stores`` shows them; empty: they are not.
    other_users: str = ""
    #: Accounts of submission servers, which may use URLs made for them (RFC 4467 §3, ``submit+``).
    url_fetchers: frozenset[str] = frozenset()
    #: Messages with 8-bit octets in their header are taken from clients that did not enable UTF-8 (RFC 9755 §4).
    eight_bit_headers: bool = True
    #: Messages that one command may be about (a count), 0 for any number: RFC 9738.
    message_limit: int = 0
    #: What METADATA says of the server: a URI of its administrator and a comment, both may be empty.
    administrator_contact: str = ""
    comment: str = ""
    #: What the language itself bounds.
    limits: Limits = Limits()
