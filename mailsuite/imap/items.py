"""What FETCH, STATUS and LIST can be asked for, as values.

``RFC822``, ``RFC822.HEADER`` and ``RFC822.TEXT`` are ``BodySection`` values too: they differ from ``BODY[]``,
``BODY.PEEK[HEADER]`` and ``BODY[TEXT]`` only in the label (RFC 3501 section 6.4.5).
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec


class Attribute(enum.Enum):
    """Fetch items without arguments; the value is how they are asked for.  MODSEQ: RFC 7162 §3.1.4.2, SAVEDATE: RFC
    8514 §4.2, PREVIEW: RFC 8970 §3."""

    FLAGS = "FLAGS"
    INTERNALDATE = "INTERNALDATE"
    RFC822_SIZE = "RFC822.SIZE"
    ENVELOPE = "ENVELOPE"
    BODY = "BODY"
    BODYSTRUCTURE = "BODYSTRUCTURE"
    UID = "UID"
    MODSEQ = "MODSEQ"
    EMAILID = "EMAILID"
    THREADID = "THREADID"
    SAVEDATE = "SAVEDATE"
    PREVIEW = "PREVIEW"
    LAZY_PREVIEW = "PREVIEW (LAZY)"

    @property
    def label(self) -> str:
        """The name in the response."""
        return "PREVIEW" if self is Attribute.LAZY_PREVIEW else self.value


class SectionKind(enum.Enum):
    """What of a part is asked: ``BODY[<part>.<kind>]``; CONTENT is ``BODY[]`` (all) and ``BODY[1.2]``."""

    CONTENT = ""
    HEADER = "HEADER"
    FIELDS = "HEADER.FIELDS"
    FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


class Partial(msgspec.Struct, frozen=True):
    """``<offset.length>``: ``length`` octets (at least 1) from ``offset`` on, fewer at the end."""

    offset: int
    length: int


class Transfer(enum.Enum):
    """In which form a part is asked: BODY, BINARY or BINARY.SIZE (RFC 3516 §4.2)."""

    AS_SENT = enum.auto()
    DECODED = enum.auto()
    DECODED_SIZE = enum.auto()


class BodySection(msgspec.Struct, frozen=True):
    """``BODY[section]<partial>``, or ``BINARY[part]<partial>`` or ``BINARY.SIZE[part]``, as ``transfer`` says.

    ``part`` are the part numbers (empty: the message itself); ``fields`` are lower-case header field names, for
    FIELDS and FIELDS_NOT; ``peek`` is False where fetching sets \\Seen; ``label`` is what the response says in
    front of the string, ``BODY[HEADER.FIELDS (SUBJECT)]<0>``.
    """

    label: bytes
    part: tuple[int, ...] = ()
    kind: SectionKind = SectionKind.CONTENT
    fields: tuple[bytes, ...] = ()
    partial: Partial | None = None
    peek: bool = False
    transfer: Transfer = Transfer.AS_SENT

    @property
    def is_message(self) -> bool:
        """It is cut from the whole message as it is sent, or is all of it."""
        return self.kind is SectionKind.CONTENT and not self.part and self.transfer is Transfer.AS_SENT


FetchItem: TypeAlias = Attribute | BodySection


class StatusItem(enum.Enum):
    """STATUS items, RFC 3501 section 6.3.10, RFC 9051 (DELETED), RFC 8438 (SIZE), RFC 7162 (HIGHESTMODSEQ), RFC 9208
    (DELETED-STORAGE), RFC 7889 (APPENDLIMIT), RFC 8474 (MAILBOXID)."""

    MESSAGES = "MESSAGES"
    RECENT = "RECENT"
    UIDNEXT = "UIDNEXT"
    UIDVALIDITY = "UIDVALIDITY"
    UNSEEN = "UNSEEN"
    DELETED = "DELETED"
    SIZE = "SIZE"
    HIGHESTMODSEQ = "HIGHESTMODSEQ"
    DELETED_STORAGE = "DELETED-STORAGE"
    APPENDLIMIT = "APPENDLIMIT"
    MAILBOXID = "MAILBOXID"


class Depth(enum.Enum):
    """How far below an entry GETMETADATA looks, RFC 5464 section 4.2.2."""

    ZERO = "0"
    ONE = "1"
    INFINITY = "INFINITY"


class Resource(enum.Enum):
    """What can be limited: STORAGE in units of 1024 octets, MESSAGE; RFC 9208 §5."""

    STORAGE = "STORAGE"
    MESSAGE = "MESSAGE"


class ListSelect(enum.Enum):
    """LIST selection options, RFC 5258 section 3.1, RFC 6154 section 2."""

    SUBSCRIBED = "SUBSCRIBED"
    REMOTE = "REMOTE"
    RECURSIVEMATCH = "RECURSIVEMATCH"
    SPECIAL_USE = "SPECIAL-USE"


class ListReturn(enum.Enum):
    """LIST return options, RFC 5258 section 3.2, RFC 6154 section 2, RFC 5819 (STATUS), RFC 8440 (MYRIGHTS), RFC 9590
    (METADATA)."""

    SUBSCRIBED = "SUBSCRIBED"
    CHILDREN = "CHILDREN"
    SPECIAL_USE = "SPECIAL-USE"
    STATUS = "STATUS"
    MYRIGHTS = "MYRIGHTS"
    METADATA = "METADATA"
