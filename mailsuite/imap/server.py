"""The server's side of an IMAP session, sans-IO: octets in, one command event out at a time.  RFC 3501, RFC 7888."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mailsuite.imap.events import Command, Hangup
from mailsuite.imap.states import State
from mailsuite.wire.signals import Signal


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one session.  Octets, if nothing else is said."""

    #: Text of one command, literals left out.
    line: int = 65536
    #: One literal that is not a message, after login and before.
    literal: int = 65536
    literal_before_login: int = 4096
    #: All literals of one command together.
    literals: int = 262144
    #: One message of APPEND, and messages in one APPEND (a count).
    message: int = 50 * 1024 * 1024
    messages: int = 100
    #: What is swallowed of refused non-synchronising literals before the connection ends.
    swallow: int = 256 * 1024 * 1024
    #: Commands in a row that fail to parse before the connection ends (a count).
    bad_commands: int = 20


class ServerCore:
    """See ``wire.signals`` and ``events``: pull events, answer each with exactly one of ``ok``, ``no``, ``bad``."""

    def __init__(self, limits: Limits = Limits()) -> None: ...

    # -- octets
    def receive(self, data: bytes) -> None: ...
    def next_event(self) -> Command | Hangup | Signal: ...
    def data_to_send(self) -> bytes: ...
    @property
    def buffered(self) -> int: ...

    # -- what the adapter may ask
    @property
    def state(self) -> State: ...
    @property
    def idling(self) -> bool:
        """Between ``begin_idle`` and ``IdleEnd``."""
    @property
    def expunges_allowed(self) -> bool:
        """Whether EXPUNGE may be told now: not without a command, nor in FETCH, STORE, SEARCH (section 7.4.1)."""

    # -- answers
    def greet(self, text: bytes, code: bytes = b"") -> None:
        """The first line, ``* OK [code] text``."""
    def untagged(self, data: bytes) -> None:
        """Complete responses, as ``responses`` makes them; pieces of one may come in several calls."""
    def untagged_all(self, parts: Iterable[bytes]) -> None: ...
    def ok(self, tag: bytes, text: bytes, code: bytes = b"") -> None:
        """Completes the command: state changes as the table says (LOGIN, SELECT, CLOSE, STARTTLS ...)."""
    def no(self, tag: bytes, text: bytes, code: bytes = b"") -> None: ...
    def bad(self, tag: bytes, text: bytes, code: bytes = b"") -> None: ...
    def fail(self, tag: bytes, error: Exception) -> None:
        """``no`` in the words that ``codes.of_error`` has for it."""
    def challenge(self, base64: bytes) -> None:
        """Answers an AUTHENTICATE event with ``+ base64``: next comes ``AuthenticateResponse``."""
    def accept(self) -> None:
        """Answers ``AppendBegin``: the message comes as ``AppendChunk`` events."""
    def begin_idle(self) -> None:
        """Answers ``IdleBegin`` with ``+ idling``."""
    def deselect(self) -> None:
        """The selected mailbox is gone: back to AUTHENTICATED."""
    def bye(self, text: bytes, code: bytes = b"") -> None:
        """``* BYE``: the core takes and gives nothing more; close after ``data_to_send``."""
