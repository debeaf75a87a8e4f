"""What a POP3 client wants that the core cannot answer by itself, one event at a time.

Each but ``Answered`` and ``Close`` awaits one of the core's answers; ``ServerCore`` says which.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from mailsuite.pop3.limits import Limit


class Answered(msgspec.Struct, frozen=True, tag=True):
    """The core answered a command itself; its octets wait in ``data_to_send``."""


#: The only one: it is known by identity.
ANSWERED = Answered()


class Capabilities(msgspec.Struct, frozen=True, tag=True):
    """CAPA before the login (RFC 2449 §5)."""


class Login(msgspec.Struct, frozen=True, tag=True):
    """USER and PASS (RFC 1939 §7)."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"Login(name={self.name!r})"


class Apop(msgspec.Struct, frozen=True, tag=True):
    """APOP (RFC 1939 §7): ``digest`` is 32 lower-case hexadecimal digits."""

    name: str
    digest: str


class Authenticate(msgspec.Struct, frozen=True, tag=True):
    """AUTH (RFC 5034 §4).  ``mechanism`` in upper case; ``initial`` as sent, base64 or ``=``, if there was one."""

    mechanism: str
    has_initial: bool
    initial: bytes

    def __repr__(self) -> str:
        return f"Authenticate({self.mechanism!r}, {self.has_initial})"


class Response(msgspec.Struct, frozen=True, tag=True):
    """The client's line in an AUTH exchange, without its line end: base64, or ``*`` to cancel."""

    line: bytes

    def __repr__(self) -> str:
        return "Response()"


class StartTLS(msgspec.Struct, frozen=True, tag=True):
    """STLS (RFC 2595 §4)."""


class Retrieve(msgspec.Struct, frozen=True, tag=True):
    """RETR; ``index`` counts from 0 in the maildrop."""

    index: int


class Top(msgspec.Struct, frozen=True, tag=True):
    """TOP: the header and the first ``lines`` lines of the body."""

    index: int
    lines: int


class Update(msgspec.Struct, frozen=True, tag=True):
    """QUIT after a login: these messages (indices, ascending) are to be removed now (RFC 1939 §6)."""

    deleted: tuple[int, ...]


class Close(msgspec.Struct, frozen=True, tag=True):
    """Everything is said: send it and close the connection; ``limit`` is what the client met."""

    limit: Limit = Limit.NONE


Event: TypeAlias = (
    Answered | Capabilities | Login | Apop | Authenticate | Response | StartTLS | Retrieve | Top | Update | Close
)
