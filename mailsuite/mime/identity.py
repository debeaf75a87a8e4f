"""What a message is by itself, wherever it lies: the ids of RFC 8474 come from its octets and header alone.

So they need no file of their own and outlive the index, a restart, COPY and MOVE.  The thread is the first message that
References names (RFC 5322 §3.6.4), else the one that In-Reply-To names, else the message itself: what never changes
once reported, which a thread that is computed from all messages does.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping

# msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS], leniently
_MESSAGE_ID = re.compile(rb"<[^<>\s]{1,998}>")
#: Octets of a digest: no two messages ever share one, and base64 needs no padding.
_SIZE = 24


class Digest:
    """Of a message's octets, as they are fed."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=_SIZE)

    def feed(self, octets: bytes) -> None:
        self._hash.update(octets)

    def finish(self) -> bytes:
        return self._hash.digest()


def digest(octets: bytes) -> bytes:
    """Of a whole message."""
    return hashlib.blake2b(octets, digest_size=_SIZE).digest()


def thread(fields: Mapping[bytes, bytes]) -> bytes:
    """A digest of the id of the message that began the thread; empty where no header field tells.  ``fields``: the
    first of each name, lower case."""
    for name in (b"references", b"in-reply-to", b"message-id"):
        found = _MESSAGE_ID.search(fields.get(name, b""))
        if found is not None:
            return digest(found.group())
    return b""


def email_id(content: bytes, date: float) -> bytes:
    """EMAILID of a message with this digest and internal date, which COPY keeps and which may differ where the octets
    are the same (RFC 8474 §5.1)."""
    return _named(b"M", digest(b"%b %d" % (content, int(date))))


def thread_id(content: bytes, root: bytes) -> bytes:
    """THREADID of a message with this digest and ``thread``; without a thread it is alone."""
    return _named(b"T", root or content)


def mailbox_id(account: str, uidvalidity: int) -> str:
    """MAILBOXID: an account never gives one UIDVALIDITY to two mailboxes, and it goes along in a RENAME."""
    return _named(b"F", digest(f"{account}\0{uidvalidity}".encode())).decode("ascii")


def _named(kind: bytes, octets: bytes) -> bytes:
    """objectid = 1*255(ALPHA / DIGIT / "_" / "-"), never a digit or a dash first (§8.1)."""
    return kind + base64.urlsafe_b64encode(octets)
