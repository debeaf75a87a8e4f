"""The connection itself: RFC 3501 sections 6.1 and 6.2, ENABLE, IDLE, and the end."""

from __future__ import annotations

import msgspec


class Command(msgspec.Struct, frozen=True):
    """Base of all events but ``Hangup``."""

    tag: bytes


class Capability(Command, frozen=True):
    """Answer: ``core.untagged(responses.capability(...))``, ok."""


class Noop(Command, frozen=True):
    """A moment to tell what changed."""


class Logout(Command, frozen=True):
    """Answer: ``core.untagged(responses.bye(...))``, ok; then close.  The core takes nothing more."""


class Id(Command, frozen=True):
    """RFC 2971.  ``fields`` are what the client says of itself, at most 30; a NIL value is left out."""

    fields: tuple[tuple[str, str], ...]


class StartTls(Command, frozen=True):
    """What the client sent behind it in the same flight is dropped.  Answer ok, ``flush``, then start TLS."""


class Compress(Command, frozen=True):
    """COMPRESS DEFLATE, RFC 4978.  What the client sent behind it is dropped.  Answer ok, ``flush``, then compress."""


class Unauthenticate(Command, frozen=True):
    """RFC 8437: back to where the connection was before the login.  Answer ok; no is not allowed."""


class Login(Command, frozen=True):
    """``user`` and ``password`` decoded from UTF-8; octets that are none become U+FFFD, so they fail."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login(tag={self.tag!r}, user={self.user!r})"


class AuthenticateBegin(Command, frozen=True):
    """``mechanism`` in upper case.  ``initial`` is base64 as sent (RFC 4959): ``b""`` where there was none, ``b"="``
    for an empty one.  Answer ``core.challenge(base64)`` to hear an ``AuthenticateResponse``, or ok, no, bad."""

    mechanism: str
    initial: bytes

    def __repr__(self) -> str:
        return f"AuthenticateBegin(tag={self.tag!r}, mechanism={self.mechanism!r})"


class AuthenticateResponse(Command, frozen=True):
    """The line after a challenge: base64 as sent, or ``b"*"`` when the client gives up (also when its line was too
    long): answer bad then.  Else like ``AuthenticateBegin``."""

    data: bytes

    def __repr__(self) -> str:
        return f"AuthenticateResponse(tag={self.tag!r})"


class Enable(Command, frozen=True):
    """RFC 5161.  ``names`` in upper case.  Answer: ``core.untagged(responses.enabled(names))``, ok."""

    names: tuple[str, ...]


class IdleBegin(Command, frozen=True):
    """RFC 2177.  Answer ``core.begin_idle()``; from then on untagged responses may be sent at any time."""


class IdleEnd(Command, frozen=True):
    """Idling is over.  Answer ok (the core makes it BAD if the client's line was not DONE)."""


class Hangup(msgspec.Struct, frozen=True):
    """The core has said BYE and takes nothing more: close.  ``reason`` is for the log.  No answer."""

    reason: str
