"""How a queued message looks on disk.

``QUEUE/messages/ID``  written once: the envelope as JSON, an empty line, the message with LF line ends.
``QUEUE/state/ID``     JSON, replaced whole after an attempt that left somebody waiting, and by hold and flush: who
                       waits, with what last words, until when.  Not there: nothing was tried yet.
``QUEUE/tmp/ID``       a message on its way in; nobody was promised anything about it.
``QUEUE/journal``      not read by the queue: see ``disk.journal_disk``.
``QUEUE/corrupt/ID``   what could not be read, set aside for a person to look at.

So a large message is not written again when one of its recipients is served, and ``messages/ID`` alone says whether
a message is queued: it appears last and vanishes first.  Everything can be read with ``less``.
"""

from __future__ import annotations

import functools
import os.path
import re

import msgspec

from mailsuite.errors import Corrupt, InvalidName
from mailsuite.model import Envelope, Pending, Queued

FORMAT = 1
#: Octets the JSON before a message may have: a thousand recipients with long names need a third of it.
HEAD_LIMIT = 4 * 1024 * 1024
#: Octets of the first read; nearly every envelope fits.
FIRST_READ = 4096

# RFC 1123 §2.1: a host name begins with a letter or a digit.
_VIA = re.compile(r"(?:(?![-.])[^\s\[\]:/\x00-\x1f\x7f]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?\Z")
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}\Z")


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands before the message.  ``size`` is its octets as sent (CRLF), trace header and all."""

    envelope: Envelope
    size: int
    format: int = FORMAT


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What attempts have left.  Times in seconds since the epoch."""

    pending: tuple[Pending, ...]
    due: float
    attempts: int = 0
    held: bool = False
    #: When the sender was last told of the delay.
    told: float = 0.0
    #: Where somebody wants it to go, and with what words to be returned.
    via: str = ""
    returned: str = ""
    #: Somebody let it go, past rules that keep mail on hold.
    released: bool = False


class Places(msgspec.Struct, frozen=True, dict=True):
    """The folders of a queue.  Joined once: each message is in two of them."""

    root: str

    @functools.cached_property
    def messages(self) -> str:
        return os.path.join(self.root, "messages")

    @functools.cached_property
    def state(self) -> str:
        return os.path.join(self.root, "state")

    @functools.cached_property
    def tmp(self) -> str:
        return os.path.join(self.root, "tmp")

    @functools.cached_property
    def corrupt(self) -> str:
        return os.path.join(self.root, "corrupt")

    @functools.cached_property
    def journal(self) -> str:
        """What is committed to store and queue and may not be in its place yet (``disk.journal_disk``)."""
        return os.path.join(self.root, "journal")

    @functools.cached_property
    def control(self) -> str:
        """The socket on which a running server takes orders about the queue."""
        return os.path.join(self.root, "control")


def state_of(queued: Queued) -> State:
    """What is kept of it."""
    return State(
        *(queued.pending, queued.due, queued.attempts, queued.held, queued.told),
        via=queued.via,
        returned=queued.returned,
        released=queued.released,
    )


def untouched(head: Head) -> State:
    """The state of a message that nothing was done to yet."""
    envelope = head.envelope
    pending = tuple(Pending(recipient) for recipient in envelope.recipients)
    return State(pending, max(envelope.arrived, envelope.release))


def queued_from(head: Head, state: State) -> Queued:
    """What the files say; when it expires and so on is for the schedule to say."""
    return Queued(
        head.envelope,
        state.pending,
        state.due,
        0.0,
        head.size,
        state.attempts,
        state.held,
        state.told,
        via=state.via,
        returned=state.returned,
        released=state.released,
    )


def checked_via(via: str) -> str:
    """``via`` if it is ``HOST``, ``HOST:PORT`` or nothing; InvalidName."""
    found = _VIA.match(via)
    if via and found is None:
        raise InvalidName(f"{via!r} is no host: HOST, HOST:PORT, an IPv6 address in brackets")
    if found and found[1] and not 1 <= int(found[1]) <= 65535:
        raise InvalidName(f"{via!r} is no host: a port is a number from 1 to 65535")
    return via


def checked_id(id: str) -> str:
    """``id`` if it can be a file name; InvalidName."""
    if not _ID.match(id):
        raise InvalidName(f"{id!r} cannot be a queue id: letters, digits, '-', '_' and inner '.' only")
    return id


def encode_head(head: Head) -> bytes:
    """The JSON and the empty line."""
    return msgspec.json.format(msgspec.json.encode(head), indent=1) + b"\n\n"


def decode_head(name: str, data: bytes) -> tuple[Head, int] | None:
    """The head at the start of ``data`` and the offset of the message; None if it does not end in ``data``.

    Corrupt if it is not what ``encode_head`` makes, ``name`` being the file to blame."""
    end = data.find(b"\n\n")
    if end < 0:
        return None
    try:
        head = msgspec.json.decode(data[:end], type=Head)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Corrupt(f"{name}: not a queued message: {error}") from error
    if head.format != FORMAT:
        raise Corrupt(f"{name}: queue file format {head.format}; this version reads {FORMAT}")
    if head.envelope.id != os.path.basename(name):
        raise Corrupt(f"{name}: holds the envelope of {head.envelope.id}")
    return head, end + 2


def encode_state(state: State) -> bytes:
    return msgspec.json.format(msgspec.json.encode(state), indent=1) + b"\n"


def decode_state(name: str, data: bytes) -> State:
    """Corrupt if it is not what ``encode_state`` makes."""
    try:
        return msgspec.json.decode(data, type=State)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Corrupt(f"{name}: not the state of a queued message: {error}") from error
