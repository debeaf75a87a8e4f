"""What happens to messages, as observers are told of it (``interfaces.IObserver``): frozen values, one kind an event.

``at`` is in seconds since the epoch; ``id`` is the message's id in log, Received and queue; addresses are text.  What
happens in a mailbox has no id any more: ``place`` is ``ACCOUNT/MAILBOX``, which ``Placed`` tells of each message.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Connected(msgspec.Struct, frozen=True, tag="connected", omit_defaults=True, gc=False):
    """The connection that brought it was made by ``client``, its address and port, which became known by all the rest:
    ``account`` is who logged in, ``trusted`` says that it is of a network that may relay.  Not told by itself: read out
    of ``Accepted`` or ``Refused``, so that no message costs a row more."""

    at: float
    id: str
    client: str
    service: str = ""
    helo: str = ""
    tls: str = ""
    account: str = ""
    trusted: bool = False


class Checked(msgspec.Struct, frozen=True, tag="checked", omit_defaults=True, gc=False):
    """Nothing was against it: ``checks`` were asked, by the names of ``IPolicy.checks``, and ``results`` are the header
    fields in which they say what they found (Authentication-Results and the like).  Read out of ``Accepted``."""

    at: float
    id: str
    checks: tuple[str, ...]
    results: tuple[str, ...] = ()


class Accepted(msgspec.Struct, frozen=True, tag="accepted", omit_defaults=True, gc=False):
    """It was answered with yes, and is on disk.  ``client`` is its address and port, or who it is on this machine;
    ``header`` is the header block, from which ``message_id`` and ``subject`` may be read.  For the rest see
    ``Connected``, of the time ``since`` (0: there was no connection), and ``Checked``; ``fields`` are the header fields
    that ``results`` are read from."""

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
    since: float = 0.0
    trusted: bool = False
    checks: tuple[str, ...] = ()
    fields: bytes = b""
    results: tuple[str, ...] = ()


class Refused(msgspec.Struct, frozen=True, tag="refused", omit_defaults=True, gc=False):
    """A sender, a recipient or the message was answered with no: ``words``.  For the rest see ``Connected``."""

    at: float
    id: str
    sender: str
    recipient: str
    client: str
    words: str
    helo: str = ""
    service: str = ""
    tls: str = ""
    account: str = ""
    since: float = 0.0
    trusted: bool = False


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


class Steered(msgspec.Struct, frozen=True, tag="steered", gc=False):
    """Somebody ordered something about it while it was in the relay queue: ``order`` is ``hold``, ``release``,
    ``kick``, ``reroute``, ``drop`` or ``bounce``; ``words`` are those of a bounce, or the new host, empty for the usual
    way."""

    at: float
    id: str
    order: str
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
    Connected | Checked | Accepted | Refused | Rewritten | Placed | Waiting | Routed | Tried | Steered | Notified
    | Read | Moved | Removed
)  # fmt: skip
