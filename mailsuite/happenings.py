"""What happens to messages, as observers are told of it (``interfaces.IObserver``): frozen values, one kind an event.

``at`` is in seconds since the epoch; ``id`` is the message's id in log, Received and queue; addresses are text.  What
happens in a mailbox has no id any more: ``place`` is ``ACCOUNT/MAILBOX``, which ``Placed`` tells of each message.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Accepted(msgspec.Struct, frozen=True, tag="accepted", omit_defaults=True, gc=False):
    """It was answered with yes, and is on disk.  ``client`` is its address and port, or who it is on this machine;
    ``header`` is the header block, from which ``message_id`` and ``subject`` may be read."""

    at: float
    id: str
    sender: str
    recipients: tuple[str, ...]
    size: int
    client: str
    service: str = ""
    helo: str = ""
    tls: str = ""
    account: str = ""
    header: bytes = b""
    message_id: str = ""


class Refused(msgspec.Struct, frozen=True, tag="refused", omit_defaults=True, gc=False):
    """A sender, a recipient or the message was answered with no: ``words``."""

    at: float
    id: str
    sender: str
    recipient: str
    client: str
    words: str
    helo: str = ""


class Rewritten(msgspec.Struct, frozen=True, tag="rewritten", gc=False):
    """An address in its envelope was exchanged for another one."""

    at: float
    id: str
    given: str
    to: str


class Placed(msgspec.Struct, frozen=True, tag="placed", gc=False):
    """It is in a mailbox."""

    at: float
    id: str
    place: str
    uid: int


class Waiting(msgspec.Struct, frozen=True, tag="waiting", gc=False):
    """It is in the relay queue, for these."""

    at: float
    id: str
    recipients: tuple[str, ...]


class Routed(msgspec.Struct, frozen=True, tag="routed", gc=False):
    """Where an attempt for a domain will go, in order: ``hops`` as ``HOST:PORT``."""

    at: float
    id: str
    domain: str
    hops: tuple[str, ...]


class Tried(msgspec.Struct, frozen=True, tag="tried", gc=False):
    """What came of an attempt for a recipient: ``result`` is ``delivered``, ``delayed``, ``failed`` or ``held``;
    ``words`` are the remote's, or ours where it said none."""

    at: float
    id: str
    recipient: str
    result: str
    host: str
    words: str


class Notified(msgspec.Struct, frozen=True, tag="notified", gc=False):
    """Its sender, ``to``, was told by the notice ``notice``."""

    at: float
    id: str
    notice: str
    to: str


class Read(msgspec.Struct, frozen=True, tag="read", gc=False):
    """Messages were given to a client, or marked as read (``how`` says which)."""

    at: float
    place: str
    uids: tuple[int, ...]
    how: str


class Moved(msgspec.Struct, frozen=True, tag="moved", gc=False):
    """``uids[i]`` became ``targets[i]`` of ``target``; ``kept``: it is a copy."""

    at: float
    place: str
    uids: tuple[int, ...]
    target: str
    targets: tuple[int, ...]
    kept: bool


class Removed(msgspec.Struct, frozen=True, tag="removed", gc=False):
    """Messages were expunged."""

    at: float
    place: str
    uids: tuple[int, ...]
    how: str


Happening: TypeAlias = (
    Accepted | Refused | Rewritten | Placed | Waiting | Routed | Tried | Notified | Read | Moved | Removed
)  # fmt: skip
