"""What a client wants, as values that ``ServerCore.next_event`` gives out.

``Question`` events wait for an answer (``accept`` or ``reply``); nothing more is read until it is given.  ``Notice``
events have been dealt with and only say what happened.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from mailsuite.model import Address, BodyType, DeliverBy, Recipient


class Fault(enum.Enum):
    """What was wrong in a body; known when its final dot has come."""

    TOO_BIG = "larger than the limit"
    BARE_CR = "a CR without LF"
    BARE_LF = "an LF without CR"
    NUL = "a NUL octet"


class Connected(msgspec.Struct, frozen=True):
    """The client awaits the banner."""


class Greeting(msgspec.Struct, frozen=True):
    """HELO, EHLO or LHLO; ``extended`` for the latter two.  Accepted, it ends a transaction that was open."""

    name: str
    extended: bool


class Mail(msgspec.Struct, frozen=True):
    """A transaction begins, with what the parameters of its extensions say (``smtp.esmtp``); see ``model.Envelope``."""

    sender: Address
    #: Octets, as declared (RFC 1870); 0 where it was not.
    size: int = 0
    body: BodyType = BodyType.SEVEN_BIT
    smtputf8: bool = False
    #: RFC 3461.
    ret: str = ""
    envid: str = ""
    #: RFC 8689.
    require_tls: bool = False
    #: RFC 2852.
    deliver_by: DeliverBy | None = None
    #: RFC 6710; ``priority_lowered``: more was asked than this client may have.
    priority: int = 0
    priority_lowered: bool = False
    #: RFC 4865: when it may leave, in seconds since the epoch; 0 for at once.
    release: float = 0.0


class Rcpt(msgspec.Struct, frozen=True):
    """One more recipient."""

    recipient: Recipient


class Verify(msgspec.Struct, frozen=True):
    """VRFY by a client that may ask.  ``smtputf8``: it can read UTF-8 in the answer (RFC 6531 §3.7.4.2)."""

    address: Address
    smtputf8: bool


class Expand(msgspec.Struct, frozen=True):
    """EXPN by a client that may ask."""

    address: Address
    smtputf8: bool


class Turn(msgspec.Struct, frozen=True):
    """ETRN by a client that may ask: mail for ``domain`` is wanted now, with ``subdomains`` for all below it, too."""

    domain: str
    subdomains: bool


class Data(msgspec.Struct, frozen=True):
    """The body is to follow; 354 lets it come."""


class ChunkEnd(msgspec.Struct, frozen=True):
    """All octets of a BDAT that was not the last have come.  ``size`` is the whole message's so far; refused, the
    rest of the transaction's chunks are swallowed."""

    size: int
    too_big: bool


class MessageEnd(msgspec.Struct, frozen=True):
    """The final dot, or the last octet of BDAT LAST.  ``size`` is all that was sent, unstuffed; chunks stopped at the
    limit.  The transaction is over with the answer, whatever it is."""

    size: int
    faults: frozenset[Fault]


class StartTLS(msgspec.Struct, frozen=True):
    """The client wants the handshake; after 220, ``secured`` must be called before anything else."""


class AuthBegin(msgspec.Struct, frozen=True):
    """RFC 4954 §4: the mechanism's name in capitals; ``initial`` is base64, ``=`` for an empty response, None where
    none was sent.  334 asks for more, 2yz is success."""

    mechanism: str
    initial: bytes | None


class AuthResponse(msgspec.Struct, frozen=True):
    """The client's answer to a challenge as it came: base64, or ``*`` to end the exchange."""

    data: bytes


class ChunksBegin(msgspec.Struct, frozen=True):
    """The first BDAT of a transaction: its chunks are to follow, as ``Chunk``."""


class Chunk(msgspec.Struct, frozen=True):
    """Octets of the body: CR LF line ends, dots unstuffed, cut where the buffer ended."""

    data: bytes


class AuthCancelled(msgspec.Struct, frozen=True):
    """The exchange ended without a result: a line over the limit."""


class Reset(msgspec.Struct, frozen=True):
    """RSET: a transaction that was open is over."""


class Quit(msgspec.Struct, frozen=True):
    """The client said goodbye and was answered: close."""


class Hangup(msgspec.Struct, frozen=True):
    """The session is over by our own choice and the client was told: close.  ``reason`` is for the log and the
    counts: the option that was met, or what the client did."""

    reason: str


class XClient(msgspec.Struct, frozen=True):
    """The client speaks for another from now on: attributes of ``smtp.xclient`` by their names in capitals, empty where
    they are not known.  Accepted, the session begins anew with the greeting."""

    attributes: Mapping[str, str]


Question: TypeAlias = (
    Connected | Greeting | Mail | Rcpt | Data | ChunkEnd | MessageEnd | Verify | Expand | Turn | StartTLS
    | AuthBegin | AuthResponse | XClient
)  # fmt: skip
Notice: TypeAlias = ChunksBegin | Chunk | AuthCancelled | Reset | Quit | Hangup
Event: TypeAlias = Question | Notice
