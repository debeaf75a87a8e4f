"""What a client asked for: one frozen value a command, as ``ServerCore.next_event`` gives them.

Every event carries the ``tag`` that its answer needs: ``core.ok(tag, ...)``, ``no`` or ``bad``, exactly one of them,
for every event except where the docstring says "no answer".  Mailbox names are Unicode with ``/``, INBOX in upper
case; flags are in the spelling of ``model`` for system flags, as sent for keywords.  ``messages`` is a
``query.Numbers`` (plain command) or ``query.Uids`` (UID command): ``View.resolve`` turns both into UIDs.
"""

from __future__ import annotations

import msgspec

from mailsuite.imap.items import Depth, FetchItem, ListReturn, ListSelect, StatusItem
from mailsuite.imap.returns import Returns, Window
from mailsuite.imap.sources import Source
from mailsuite.model import FlagOp, Flags
from mailsuite.query import Numbers, Query, Ranges, SortBy, ThreadAlgorithm, Uids


class Command(msgspec.Struct, frozen=True):
    """Base of all events but ``Hangup``."""

    tag: bytes


# -- any state, RFC 3501 section 6.1 -------------------------------------------------------------------------------


class Capability(Command, frozen=True):
    """Answer: ``core.untagged(responses.capability(...))``, ok."""


class Noop(Command, frozen=True):
    """A moment to tell what changed."""


class Logout(Command, frozen=True):
    """Answer: ``core.untagged(responses.bye(...))``, ok; then close.  The core takes nothing more."""


class Id(Command, frozen=True):
    """RFC 2971.  ``fields`` are what the client says of itself, at most 30; a NIL value is left out."""

    fields: tuple[tuple[str, str], ...]


# -- not authenticated, section 6.2 --------------------------------------------------------------------------------


class StartTls(Command, frozen=True):
    """What the client sent behind it in the same flight is dropped.  Answer ok, ``flush``, then start TLS."""


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


# -- authenticated, section 6.3 ------------------------------------------------------------------------------------


class Enable(Command, frozen=True):
    """RFC 5161.  ``names`` in upper case.  Answer: ``core.untagged(responses.enabled(names))``, ok."""

    names: tuple[str, ...]


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


class AppendBegin(Command, frozen=True):
    """The client offers a message of ``size`` octets.  Answer ``core.accept()`` to get it as ``AppendChunk`` events,
    or ``core.no``: a waiting client then does not send it, and one that does not wait has it swallowed.  One of 0
    octets is put together from the ``AppendText`` and ``AppendUrl`` that follow (CATENATE, RFC 4469).

    ``date`` is the internal date in epoch seconds, None where the client gave none.  ``index`` counts from 0 within
    one command (MULTIAPPEND, RFC 3502): after the chunks comes another ``AppendBegin``, or ``AppendEnd``.  ``binary``:
    it may hold any octets (a literal8, RFC 3516).  ``replaces``: the one message of the selected mailbox that goes when
    this one comes (REPLACE, RFC 8508), None for APPEND.
    """

    mailbox: str
    flags: Flags
    date: float | None
    size: int
    index: int
    binary: bool = False
    replaces: Numbers | Uids | None = None


class AppendText(Command, frozen=True):
    """The next part of the message is offered as octets.  Answered like ``AppendBegin``."""

    size: int


class AppendUrl(Command, frozen=True):
    """The next part of the message is what this IMAP URL names, as sent.  Answer ``core.accept()`` when it was added,
    or ``core.no`` with ``codes.badurl``."""

    url: bytes


class AppendChunk(Command, frozen=True):
    """Octets of the message last begun, in order, as they came.  No answer; ``core.no`` is allowed (the disk is
    full): the rest is swallowed, and neither chunks nor ``AppendEnd`` follow."""

    data: bytes


class AppendEnd(Command, frozen=True):
    """The command is complete: store all messages of it, then ok with ``responses.appenduid``, or no."""


class AppendAbort(Command, frozen=True):
    """The command turned out malformed (the core has said BAD): discard what was begun.  No answer."""


class IdleBegin(Command, frozen=True):
    """RFC 2177.  Answer ``core.begin_idle()``; from then on untagged responses may be sent at any time."""


class IdleEnd(Command, frozen=True):
    """Idling is over.  Answer ok (the core makes it BAD if the client's line was not DONE)."""


# -- selected, section 6.4 -----------------------------------------------------------------------------------------


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


# -- the end -------------------------------------------------------------------------------------------------------


class Hangup(msgspec.Struct, frozen=True):
    """The core has said BYE and takes nothing more: close.  ``reason`` is for the log.  No answer."""

    reason: str
