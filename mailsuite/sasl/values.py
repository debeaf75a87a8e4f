"""What a SASL exchange (RFC 4422) passes around: what a connection gives, challenges, and what to do next.

A server mechanism answers each response with a ``Step``: say this, check this password, fetch these keys, ask for this
certificate's account.  ``net.login`` is the one place that acts on steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec

from mailsuite.model import Account, ScramKeys


class SASLError(Exception):
    """The exchange failed for what the client sent; the text is for that client."""


class Malformed(SASLError):
    """The response is not base64 or not what the mechanism defines."""


class Cancelled(SASLError):
    """The client gave up with ``*`` (RFC 4954 §4, RFC 5034 §4, RFC 9051 §6.2.2)."""


# -- what there is to begin with -----------------------------------------------------------------------------------


class Binding(msgspec.Struct, frozen=True):
    """Channel binding data (RFC 5056) under its registered name."""

    name: str
    data: bytes


class Channel(msgspec.Struct, frozen=True):
    """What a connection gives to mechanisms."""

    #: Nobody on the way reads it (TLS), or the administrator does not mind.
    private: bool = False
    #: Best first; empty without TLS.
    bindings: tuple[Binding, ...] = ()
    #: Login names that the client's certificate speaks for; empty without a valid one.
    identities: tuple[str, ...] = ()


class Beginning(msgspec.Struct, frozen=True):
    """What an exchange begins with.  ``nonce`` is printable ASCII without commas, never used before."""

    channel: Channel
    nonce: str


# -- what comes next -----------------------------------------------------------------------------------------------


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


class KeysWanted(msgspec.Struct, frozen=True, tag=True):
    """The SCRAM keys of a login name go to ``take``, which gives the next challenge."""

    login: str
    take: Callable[[ScramKeys], Challenge]


class Proof(msgspec.Struct, frozen=True, tag=True):
    """The client has proven (``right``), or not, that it knows the password of the keys' ``account``.  ``answer`` is
    the server's own proof: a last challenge, whose response is empty."""

    login: str
    authzid: str
    account: Account
    right: bool
    answer: bytes


class Claim(msgspec.Struct, frozen=True, tag=True):
    """The account of the client's certificate; ``authzid`` says which, empty: whichever it is."""

    authzid: str


Step: TypeAlias = Challenge | Credentials | KeysWanted | Proof | Claim


class ServerMechanism(Protocol):
    """One exchange, seen by the server."""

    def begin(self) -> Challenge:
        """What to say to a client that sent no initial response."""

    def step(self, response: bytes) -> Step:
        """Take a response (decoded; an initial response too).  Raises Malformed."""


def text(octets: bytes, what: str) -> str:
    """UTF-8 text of a login name or password: neither empty nor longer than ``LONGEST`` octets nor with a NUL."""
    if not octets:
        raise Malformed(f"the {what} is empty")
    if len(octets) > LONGEST:
        raise Malformed(f"the {what} is too long")
    try:
        found = octets.decode()
    except UnicodeDecodeError:
        raise Malformed(f"the {what} is not UTF-8") from None
    if "\0" in found:
        raise Malformed(f"the {what} holds a NUL")
    return found


#: RFC 4616 §2: at least 255 octets must be taken; nobody needs more than this.
LONGEST = 1024
