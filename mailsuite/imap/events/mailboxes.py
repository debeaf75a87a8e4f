"""Mailboxes by name, and what belongs to accounts: RFC 3501 section 6.3."""

from __future__ import annotations

import msgspec

from mailsuite.imap.events.connection import Command
from mailsuite.imap.items import Depth, ListReturn, ListSelect, StatusItem
from mailsuite.model import FlagOp
from mailsuite.query import Ranges


class Resync(msgspec.Struct, frozen=True):
    """The QRESYNC parameter, RFC 7162 §3.2.5: the state that a client remembers.

    ``known``: UIDs it cares for, None where it did not say: all.  ``numbers`` and ``uids``: sequence numbers and, in
    step, the UIDs it takes them for (§3.2.5.2); both ascend and name as many.
    """

    uidvalidity: int
    modseq: int
    known: Ranges | None = None
    numbers: Ranges = ()
    uids: Ranges = ()


class Select(Command, frozen=True):
    """SELECT, or EXAMINE where ``read_only``.  The earlier selection ended when this was sent, even if it fails.
    ``condstore``: the parameter of RFC 7162 §3.1.8; ``resync``: that of §3.2.5, None where it was not given."""

    mailbox: str
    read_only: bool
    condstore: bool = False
    resync: Resync | None = None


class Create(Command, frozen=True):
    """``special_use``: RFC 6154 attributes (``\\Drafts \\Sent``) or nothing.  A trailing delimiter was removed."""

    mailbox: str
    special_use: str = ""


class Delete(Command, frozen=True):
    mailbox: str


class Rename(Command, frozen=True):
    old: str
    new: str


class Subscribe(Command, frozen=True):
    """UNSUBSCRIBE where not ``wanted``."""

    mailbox: str
    wanted: bool


class List(Command, frozen=True):
    """LIST, RFC 3501 and RFC 5258.  Answer: ``listing.lines(event, infos)`` untagged, ok.

    ``patterns`` are complete, reference in front, wildcards ``*`` and ``%``.  No pattern: the client asked for the
    delimiter (``listing.lines`` answers that too), or for nothing where ``extended``, which is any form that RFC 3501
    does not know.  ``status`` is what to send a STATUS line of, behind that of each ``listing.Listed`` that is
    ``telling`` (RFC 5819), ``entries`` the annotations to send of each that is there (RFC 9590).
    """

    patterns: tuple[str, ...]
    select: frozenset[ListSelect] = frozenset()
    returns: frozenset[ListReturn] = frozenset()
    status: tuple[StatusItem, ...] = ()
    extended: bool = False
    entries: tuple[str, ...] = ()


class Lsub(Command, frozen=True):
    """RFC 3501 section 6.3.9.  Answer: ``listing.lsub_lines(event, infos)`` untagged, ok."""

    pattern: str


class Namespace(Command, frozen=True):
    """RFC 2342.  Answer: ``core.untagged(responses.NAMESPACE)``, ok."""


class Status(Command, frozen=True):
    """Answer: ``core.untagged(responses.status(mailbox, items, counters))``, ok."""

    mailbox: str
    items: tuple[StatusItem, ...]


class GetQuota(Command, frozen=True):
    """RFC 9208 §4.1.1.  Answer: ``core.untagged(responses.quota(root, quota))``, ok."""

    root: str


class GetQuotaRoot(Command, frozen=True):
    """RFC 9208 §4.1.2.  Answer: ``responses.quota_root`` and a ``responses.quota`` of each root, ok."""

    mailbox: str


class SetQuota(Command, frozen=True):
    """RFC 9208 §4.1.3: limits in octets and messages, 0 for none.  Answer like ``GetQuota``."""

    root: str
    octets: int
    messages: int


class SetAcl(Command, frozen=True):
    """RFC 4314 §3.1, and §3.2 (DELETEACL: REPLACE by no rights).  ``rights`` without virtual ones, in order."""

    mailbox: str
    identifier: str
    op: FlagOp
    rights: str


class GetAcl(Command, frozen=True):
    """RFC 4314 §3.3.  Answer: ``responses.acl``, ok."""

    mailbox: str


class ListRights(Command, frozen=True):
    """RFC 4314 §3.4.  Answer: ``responses.list_rights``, ok."""

    mailbox: str
    identifier: str


class MyRights(Command, frozen=True):
    """RFC 4314 §3.5.  Answer: ``responses.my_rights``, ok."""

    mailbox: str


class GetMetadata(Command, frozen=True):
    """RFC 5464 §4.2; an empty ``mailbox`` means the server.  Answer: ``metadata.chosen``, ``responses.metadata``, ok
    with ``codes.metadata_longentries`` where a value has more than ``largest`` octets."""

    mailbox: str
    entries: tuple[str, ...]
    depth: Depth = Depth.ZERO
    largest: int = 2**63 - 1


class SetMetadata(Command, frozen=True):
    """RFC 5464 §4.3; all or nothing."""

    mailbox: str
    values: dict[str, bytes]
    removed: tuple[str, ...]


class GenUrlAuth(Command, frozen=True):
    """RFC 4467 §7.  Answer: ``* GENURLAUTH`` with each URL in full, ok."""

    urls: tuple[bytes, ...]


class UrlFetch(Command, frozen=True):
    """RFC 4467 §7.  Answer: ``* URLFETCH`` with what each URL names, or NIL, ok."""

    urls: tuple[bytes, ...]


class ResetKey(Command, frozen=True):
    """RFC 4467 §7.  ``mailbox`` is empty for all."""

    mailbox: str
