"""What the client core takes and gives: a transaction to carry, what the adapter has to do, what came of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from mailsuite.model import Address, Outcome, Recipient


class Step(enum.Enum):
    """What the client waits for."""

    #: As of any object; that of Enum is written in Python, and steps are looked up several times a message.
    __hash__ = object.__hash__

    BANNER = "the banner"
    EHLO = "the answer to EHLO"
    HELO = "the answer to HELO"
    STARTTLS = "the answer to STARTTLS"
    HANDSHAKE = "the TLS handshake"
    AUTH = "the answer to AUTH"
    MAIL = "the answer to MAIL FROM"
    RCPT = "the answer to RCPT TO"
    DATA = "the answer to DATA"
    CHUNK = "the answer to BDAT"
    BODY = "the message to be taken"
    DOT = "the answer to the end of the message"
    RSET = "the answer to RSET"
    QUIT = "the answer to QUIT"
    IDLE = "work"


#: Seconds to wait at each step, RFC 5321 §4.5.3.2; the handshake, QUIT and idleness are our own.
PATIENCE: Mapping[Step, float] = MappingProxyType(
    {
        Step.BANNER: 300.0,
        Step.EHLO: 300.0,
        Step.HELO: 300.0,
        Step.STARTTLS: 120.0,
        Step.HANDSHAKE: 120.0,
        Step.AUTH: 120.0,
        Step.MAIL: 300.0,
        Step.RCPT: 300.0,
        Step.DATA: 120.0,
        Step.CHUNK: 600.0,
        Step.BODY: 180.0,
        Step.DOT: 600.0,
        Step.RSET: 60.0,
        Step.QUIT: 5.0,
        Step.IDLE: 600.0,
    }
)


class ClientLimits(msgspec.Struct, frozen=True):
    """What a server may send, and what of it is believed; RFC 5321 §4.5.3.1.5 asks for 512 octets a line, real ones
    send more."""

    #: Octets of a reply line.
    line: int = 4096
    #: Lines of a reply.
    lines: int = 256
    #: EHLO keywords, in capitals, that are passed over.
    without: frozenset[str] = frozenset()


class Login(msgspec.Struct, frozen=True):
    """Credentials for AUTH PLAIN or LOGIN."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user!r}, ...)"


class By(msgspec.Struct, frozen=True):
    """RFC 2852: ``seconds`` from now (below 0 once they are over), and the by-mode."""

    seconds: int
    returned: bool
    traced: bool = False

    def __str__(self) -> str:
        return f"{self.seconds};{'R' if self.returned else 'N'}{'T' if self.traced else ''}"


class Transaction(msgspec.Struct, frozen=True):
    """One message for recipients at one host.  ``size`` in octets; ``eight_bit`` and ``utf8_header`` (a header that
    only SMTPUTF8 allows) are what the message *is*, ``smtputf8`` is what somebody declared."""

    sender: Address
    recipients: tuple[Recipient, ...]
    size: int
    eight_bit: bool = False
    smtputf8: bool = False
    utf8_header: bool = False
    envid: str = ""
    ret: str = ""
    require_tls: bool = False
    priority: int = 0
    by: By | None = None
    #: Octets of a message that go out with its commands, before anything is answered, where CHUNKING is offered.
    early: int = 64 * 1024


class Greeted(msgspec.Struct, frozen=True):
    """The session can be used: ``extensions`` maps EHLO keywords in capitals to their parameters.  Empty after HELO."""

    extensions: dict[str, str]


class TlsReady(msgspec.Struct, frozen=True):
    """Start TLS, then call ``secured``."""


class TlsRefused(msgspec.Struct, frozen=True):
    """The server said no to STARTTLS; the session goes on in the clear."""

    text: str


class LoggedIn(msgspec.Struct, frozen=True):
    """The server believes us."""


class LoginRefused(msgspec.Struct, frozen=True):
    """It does not, or offers no mechanism that we know; the session goes on without."""

    text: str


class BodyWanted(msgspec.Struct, frozen=True):
    """Give the message to ``body``, then call ``end_body``."""


class Done(msgspec.Struct, frozen=True):
    """The transaction is over: one outcome a recipient, in their order.  ``clean``: another may follow."""

    outcomes: tuple[Outcome, ...]
    clean: bool


class Ended(msgspec.Struct, frozen=True):
    """The session is over; close the connection.  ``text`` says why, for people."""

    text: str


ClientEvent: TypeAlias = Greeted | TlsReady | TlsRefused | LoggedIn | LoginRefused | BodyWanted | Done | Ended
