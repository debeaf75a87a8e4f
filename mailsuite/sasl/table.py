"""The mechanisms there are, strongest first.  A new one is a module and a row here."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mailsuite.sasl.login import LoginClient, LoginServer
from mailsuite.sasl.plain import PlainClient, PlainServer
from mailsuite.sasl.values import ClientMechanism, ServerMechanism


class Mechanism(msgspec.Struct, frozen=True):
    """A row: how to begin an exchange on either side.  ``sends_password``: only where nobody listens."""

    name: str
    server: Callable[[], ServerMechanism]
    client: Callable[[str, str], ClientMechanism]
    sends_password: bool


MECHANISMS: dict[str, Mechanism] = {
    row.name: row
    for row in (
        Mechanism("PLAIN", PlainServer, PlainClient, sends_password=True),
        Mechanism("LOGIN", LoginServer, LoginClient, sends_password=True),
    )
}


def offered(private: bool) -> tuple[str, ...]:
    """Names for a server's capability list; ``private``: under TLS, or plain passwords are allowed without."""
    return tuple(row.name for row in MECHANISMS.values() if private or not row.sends_password)


def choose(names: frozenset[str], private: bool) -> tuple[Mechanism, ...]:
    """A client's choice among the ``names`` a server offers (upper case), best first; empty if none will do."""
    return tuple(row for row in MECHANISMS.values() if row.name in names and (private or not row.sends_password))
