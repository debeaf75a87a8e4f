"""Messages of the selected mailbox: RFC 3501 section 6.4."""

from __future__ import annotations

import msgspec

from mailsuite.imap.events.connection import Command
from mailsuite.imap.items import FetchItem
from mailsuite.imap.returns import Returns, Window
from mailsuite.imap.sources import Source
from mailsuite.model import FlagOp, Flags
from mailsuite.query import Numbers, Query, SortBy, ThreadAlgorithm, Uids


class Check(Command, frozen=True):
    pass


class Close(Command, frozen=True):
    """Expunge (if not read-only) without telling, then ok ends the selection."""


class Unselect(Command, frozen=True):
    """RFC 3691: ok ends the selection, nothing is expunged."""


class UidBatches(Command, frozen=True):
    """RFC 10022.  Which batches of ``size`` messages, counted from 1 at the newest.  Answer: ``batches.response``,
    ok."""

    size: int
    first: int
    last: int


class Expunge(Command, frozen=True):
    """``messages``: only these of the deleted (UID EXPUNGE, RFC 4315); ``1:*`` for EXPUNGE."""

    messages: Uids
    uid: bool = False


class Criteria(msgspec.Struct, frozen=True):
    """What SEARCH and its like look for.  ``query`` still holds sequence numbers: see ``View.localize``.
    ``modseq`` and ``numbers``: whether it names MODSEQ (RFC 7162 §3.1.5) and sequence numbers anywhere.  ``fuzzy``:
    whether any key is (RFC 6203)."""

    query: Query
    modseq: bool = False
    numbers: bool = False
    fuzzy: bool = False


class Search(Command, frozen=True):
    """``uid``: the answer is UIDs.  ``returns``: what ESEARCH is to say, None where a SEARCH response is wanted."""

    criteria: Criteria
    uid: bool
    returns: Returns | None = None


class Sort(Command, frozen=True):
    """SORT (RFC 5256): like ``Search``, in the order of these criteria."""

    criteria: Criteria
    uid: bool
    returns: Returns | None
    order: tuple[SortBy, ...]


class Thread(Command, frozen=True):
    """THREAD (RFC 5256).  Answer: ``threading.thread_response``, ok."""

    criteria: Criteria
    uid: bool
    algorithm: ThreadAlgorithm


class MultiSearch(Command, frozen=True):
    """ESEARCH (RFC 7377).  ``criteria`` hold sequence numbers of each mailbox in turn; the answer is UIDs."""

    criteria: Criteria
    sources: tuple[Source, ...]
    returns: Returns


class CancelUpdate(Command, frozen=True):
    """CANCELUPDATE (RFC 5267 §4.3.5): the searches with these tags."""

    tags: tuple[bytes, ...]


class SearchRefused(Command, frozen=True):
    """A SEARCH or SORT with SAVE that cannot be done, answer no with these: what was saved is forgotten (RFC
    5182 §2.1)."""

    text: bytes
    code: bytes


class Fetch(Command, frozen=True):
    """``items`` in the order asked, no duplicates; a UID command always has ``Attribute.UID`` among them.

    ``changed_since``: only messages with a higher MODSEQ (RFC 7162 §3.1.4.1), which is among the items then; 0 for all.
    ``vanished``: those that are gone since are told too (§3.2.6).  ``partial``: only these of the messages that are
    named and there, whatever changed (RFC 9394 §3.3); None for all.
    """

    messages: Numbers | Uids
    items: tuple[FetchItem, ...]
    changed_since: int = 0
    vanished: bool = False
    partial: Window | None = None

    @property
    def uid(self) -> bool:
        return isinstance(self.messages, Uids)


class Store(Command, frozen=True):
    """``unchanged_since``: messages with a higher MODSEQ are left alone (RFC 7162 §3.1.3); None for none."""

    messages: Numbers | Uids
    op: FlagOp
    flags: Flags
    silent: bool
    unchanged_since: int | None = None

    @property
    def uid(self) -> bool:
        return isinstance(self.messages, Uids)


class Copy(Command, frozen=True):
    """COPY, or MOVE (RFC 6851) where ``move``."""

    messages: Numbers | Uids
    mailbox: str
    move: bool

    @property
    def uid(self) -> bool:
        return isinstance(self.messages, Uids)
