"""The mechanisms there are, strongest first.  A new one is a module and a row here.

None is offered where the connection can be read.  For PLAIN and LOGIN that is RFC 4616 §6; SCRAM hides the password,
but who listens can try out passwords on what he heard (RFC 5802 §9), and reads the mail that follows anyway.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

import msgspec

from mailsuite.sasl.external import ExternalServer
from mailsuite.sasl.login import LoginServer
from mailsuite.sasl.plain import PlainServer
from mailsuite.sasl.scram import ScramServer
from mailsuite.sasl.values import Beginning, Channel, ServerMechanism


class Need(enum.Enum):
    """What a mechanism cannot do without, beside privacy."""

    TEXT = "the password itself"
    KEYS = "stored keys"
    BINDING = "stored keys and a channel binding"
    CERTIFICATE = "a client certificate"


class Mechanism(msgspec.Struct, frozen=True):
    """A row: how to begin an exchange."""

    name: str
    server: Callable[[Beginning], ServerMechanism]
    need: Need

    def possible(self, channel: Channel) -> bool:
        """Whether it can be used on this connection."""
        match self.need:
            case Need.BINDING:
                return channel.private and bool(channel.bindings)
            case Need.CERTIFICATE:
                return channel.private and bool(channel.identities)
        return channel.private


MECHANISMS: dict[str, Mechanism] = {
    row.name: row
    for row in (
        Mechanism("EXTERNAL", lambda _: ExternalServer(), Need.CERTIFICATE),
        Mechanism("SCRAM-SHA-256-PLUS", lambda beginning: ScramServer(beginning, plus=True), Need.BINDING),
        Mechanism("SCRAM-SHA-256", lambda beginning: ScramServer(beginning, plus=False), Need.KEYS),
        Mechanism("PLAIN", lambda _: PlainServer(), Need.TEXT),
        Mechanism("LOGIN", lambda _: LoginServer(), Need.TEXT),
    )
}


def offered(channel: Channel, allowed: Sequence[str] = tuple(MECHANISMS)) -> tuple[str, ...]:
    """Names for a server's capability list: what is ``allowed`` and possible on this connection."""
    return tuple(row.name for row in MECHANISMS.values() if row.name in allowed and row.possible(channel))
