"""What a SASL exchange (RFC 4422) passes around: challenges, credentials, and what can be wrong with a response.

A server mechanism answers each response with a ``Step``.  Mechanisms that prove a secret instead of sending it will
add a step that asks the adapter for what the directory keeps; ``net.login`` is the one place that acts on steps.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import msgspec


class SASLError(Exception):
    """The exchange failed for what the client sent; the text is for that client."""


class Malformed(SASLError):
    """The response is not base64 or not what the mechanism defines."""


class Cancelled(SASLError):
    """The client gave up with ``*`` (RFC 4954 §4, RFC 5034 §4, RFC 9051 §6.2.2)."""


class Challenge(msgspec.Struct, frozen=True, tag=True):
    """Octets for the client, before base64; its response goes to ``step``."""

    data: bytes


class Credentials(msgspec.Struct, frozen=True, tag=True):
    """A login name and its password, to be checked.  ``authzid`` is whom to act as; empty: the same."""

    login: str
    password: str
    authzid: str = ""

    def __repr__(self) -> str:
        """Without the password, so that no log ever shows it."""
        return f"Credentials(login={self.login!r}, authzid={self.authzid!r})"


Step: TypeAlias = Challenge | Credentials


class ServerMechanism(Protocol):
    """One exchange, seen by the server."""

    def begin(self) -> Challenge:
        """What to say to a client that sent no initial response."""

    def step(self, response: bytes) -> Step:
        """Take a response (decoded; an initial response too).  Raises Malformed."""


class ClientMechanism(Protocol):
    """One exchange, seen by the client."""

    #: Whether the mechanism lets the client speak first: then ``respond(b"")`` is the initial response.
    client_first: bool

    def respond(self, challenge: bytes) -> bytes:
        """The response to a challenge (both decoded).  Raises Malformed if the server asks too much."""


def text(octets: bytes, what: str) -> str:
    """UTF-8 text of a login name or password: neither empty nor longer than 1,024 octets nor with a NUL."""
    if not octets:
        raise Malformed(f"the {what} is empty")
    if len(octets) > _LONGEST:
        raise Malformed(f"the {what} is too long")
    try:
        found = octets.decode()
    except UnicodeDecodeError:
        raise Malformed(f"the {what} is not UTF-8") from None
    if "\0" in found:
        raise Malformed(f"the {what} holds a NUL")
    return found


#: RFC 4616 §2: at least 255 octets must be taken; nobody needs more than this.
_LONGEST = 1024
