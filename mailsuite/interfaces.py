"""The seams: where a part may be exchanged for another (a double in tests, a database on many machines).

Contracts only, no code.  Whatever may block returns a Deferred, which may have fired already.  Cancelling a returned
Deferred means "I no longer want the answer": work that has begun on disk still finishes whole.  Failures are
``mailsuite.errors`` or bugs.  All methods are called in the reactor thread and fire there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from mailsuite.errors import MailError
from mailsuite.happenings import Happening
from mailsuite.model import (
    Account,
    Address,
    Appended,
    Change,
    Client,
    Copied,
    Destination,
    Envelope,
    Fetched,
    FlagOp,
    Flags,
    Forest,
    Hop,
    Listing,
    MailboxesChange,
    MailboxInfo,
    MailboxStatus,
    Mx,
    Order,
    Ordered,
    Outcome,
    Pop3Rules,
    Queued,
    Quota,
    Recipient,
    Resolution,
    ScramKeys,
    Security,
    Selection,
    Snapshot,
    Tlsa,
    Verdict,
)
from mailsuite.query import Query, Ranges, SortBy, ThreadAlgorithm
from mailsuite.steps import Unit

_P = ParamSpec("_P")
_T = TypeVar("_T")


class IOffload(Interface):
    """The one door to threads."""

    def run(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """Call ``work`` in any thread of the pool; fire with what it returns or raises."""

    def run_in(lane: str, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """Like ``run``, but calls with the same ``lane`` run one after the other, in the order asked."""


class IPool(IOffload):
    """The threads themselves: who runs a server starts and stops them."""

    def start() -> None:
        """Work that was asked for begins."""

    def stop() -> None:
        """Blocks until all work that was asked for is done; its results are no longer delivered."""

    def at_work() -> list[str]:
        """What the threads do at this moment: lanes, or the names of functions.  Any thread."""


class IDirectory(Interface):
    """Who has mail here.  A change made by another process is seen within a tenth of a second."""

    def resolve(address: Address) -> Deferred[Resolution]:
        """Where mail for ``address`` goes.  ``postmaster`` without a domain is the first domain's (RFC 5321
        section 4.5.1).  Fails with ``Temporary`` when the directory cannot be read."""

    def authenticate(login: str, password: str) -> Deferred[Account]:
        """The account that ``login`` (``user@domain``, or ``user`` of the default domain) and ``password`` open, both
        prepared here as RFC 4013 says.  Fails with ``BadCredentials``, after the same time whether the account exists
        or not."""

    def authenticate_apop(login: str, timestamp: str, digest: str) -> Deferred[Account]:
        """The account whose APOP secret makes ``digest`` (RFC 1939 section 7: 32 hexadecimal digits of the MD5 of
        ``timestamp`` with its angle brackets and the secret).  Fails with ``BadCredentials``, also for an account that
        keeps no such secret."""

    def scram_keys(login: str) -> Deferred[ScramKeys]:
        """What to check a SCRAM-SHA-256 proof of ``login`` with.  For a login that cannot be, made-up keys with the
        same salt each time, so that nobody learns who is here."""

    def find(login: str) -> Deferred[Account]:
        """The account that a login name means, if it may log in; fails with ``NotFound``.  It proves nothing."""

    def account(name: str) -> Deferred[Account]:
        """The account of that canonical name as it is now; fails with ``NotFound`` if it is gone, and with
        ``NotAllowed`` if nobody may log in to it."""

    def pop3_extremes() -> Deferred[Pop3Rules]:
        """The longest delay and the shortest stay that any account has of its own; unset where none has one."""


class IPolicy(Interface):
    """The checks of an SMTP session, in the order of the session.  Each answers with a Verdict, at once where it can:
    most of a busy server's questions need no waiting.  A failure always comes in a Deferred."""

    checks = Attribute("what is looked at, a word each, in order: tuple[str, ...]")

    def at_connect(client: Client) -> Verdict | Deferred[Verdict]:
        """Before the banner."""

    def at_greeting(client: Client) -> Verdict | Deferred[Verdict]:
        """At HELO or EHLO; ``client.helo`` is what it said."""

    def at_sender(client: Client, sender: Address, size: int) -> Verdict | Deferred[Verdict]:
        """At MAIL; ``size`` is what the client declared, or 0."""

    def at_recipient(
        client: Client, sender: Address, recipient: Address, resolution: Resolution, size: int
    ) -> Verdict | Deferred[Verdict]:
        """At RCPT, after the directory was asked: relay rights, unknown users, quota."""

    def at_message(client: Client, envelope: Envelope, header: bytes, size: int) -> Verdict | Deferred[Verdict]:
        """After the final dot; ``header`` is the header block with CRLF, at most 256 KiB of it."""


class IResolver(Interface):
    """DNS.  *Absent is not failed*: an existing name without such records gives an empty tuple; a name that does
    not exist fails with ``NotFound``; no answer, SERVFAIL and a malformed answer fail with ``Temporary``."""

    def mx(domain: str) -> Deferred[tuple[Mx, ...]]:
        """MX records, CNAMEs followed, in the order of the answer."""

    def addresses(host: str) -> Deferred[tuple[str, ...]]:
        """A and AAAA records as text, AAAA first within what the server offers."""

    def txt(name: str) -> Deferred[tuple[bytes, ...]]:
        """TXT records, the strings of each joined."""

    def tlsa(name: str) -> Deferred[tuple[Tlsa, ...]]:
        """TLSA records, whether signed or not."""

    def canonical(name: str, kind: str) -> Deferred[str]:
        """The name to which CNAMEs lead from this one, lower case, when ``MX`` or the like is asked for; itself if
        there are none."""

    def is_secure(name: str, kind: str) -> Deferred[bool]:
        """Whether the answer to this question, ``MX`` or the like, is one whose signatures were checked (DNSSEC) by
        somebody who is believed, those of CNAMEs on the way as well; of a name that does not exist too.  Fails with
        ``Temporary``."""


class IBody(Interface):
    """A message at rest, seen as the octets that go over the wire: every line ends in CRLF, however it is stored.

    Reading is by position; the fast case is one read of everything.  A message that is removed while its body is open
    is still read whole, or not at all: reads fail with ``Expunged``.
    """

    size = Attribute("octets, int")

    def read_at(offset: int, length: int) -> Deferred[bytes]:
        """The octets from ``offset`` on: exactly ``length``, fewer only at the end.  At most 1 MiB a call."""

    def header() -> Deferred[bytes]:
        """The header block up to and with the empty line, at most 1 MiB."""

    def close() -> None:
        """Give back the file descriptor; idempotent, at any time.  Reads under way are finished, later ones may fail
        with ``Temporary``."""


class IDraft(Interface):
    """A message on its way in (DATA, BDAT, APPEND).  In memory up to a limit, then a temporary file."""

    size = Attribute("octets written so far, as received (CRLF), int")
    received = Attribute("count of Received header fields in what was written so far, int")

    def write(data: bytes) -> Deferred[None] | None:
        """Add octets.  A Deferred means: write no more until it fires.  A failing disk fails it with
        ``Temporary``, and every later ``write``, ``body`` and ``commit`` too."""

    def header() -> bytes:
        """The header block so far with CRLF, at most 256 KiB."""

    def body() -> Deferred[IBody]:
        """All of it, readable; the draft takes no more writes."""

    def discard() -> None:
        """Forget it and its file; idempotent, and harmless after a commit.  Not while one is under way."""


class IDelivery(Interface):
    """Takes responsibility for a message, once and for all of its destinations."""

    def draft() -> IDraft:
        """A new, empty draft."""

    def commit(draft: IDraft, envelope: Envelope, trace: bytes, destinations: Sequence[Destination]) -> Deferred[None]:
        """Store the message for *all* destinations or none; fires when that is on disk.

        ``trace`` is put on top of the message (``Received:`` and what policy added; CRLF lines).  A mailbox copy
        also gets ``Return-Path:`` from the envelope (RFC 5321 section 4.4).  Fails with ``OverQuota``,
        ``NotFound`` or ``Temporary``; nothing is visible anywhere then.  The draft is spent either way.
        """


class IRewriting(Interface):
    """Addresses of mail that comes in, exchanged for others."""

    def now() -> IRewrites | Deferred[IRewrites]:
        """As the tables are now; one message is rewritten by them from its beginning to its end.  Fails with
        ``Temporary`` if they cannot be read."""


class IRewrites(Interface):
    """What becomes of each address.  Neither the null sender nor ``postmaster`` without a domain is ever changed; what
    is put in is ASCII where the address was.  Never fails."""

    def sender(address: Address) -> Address:
        """In the envelope."""

    def recipient(address: Address) -> Address:
        """In the envelope."""

    def header(block: bytes, client: Client) -> bytes:
        """A header block with CRLF, in a message that ``client`` brought; the same object if nothing in it changes."""


class IQueue(Interface):
    """Messages that wait for other hosts.  What is in it survives a crash; a lease does not, so a message whose
    attempt was cut short is due again at the next start."""

    def lease(limit: int, enter: Callable[[str], bool] = ...) -> Deferred[Sequence[Queued]]:
        """At most ``limit`` messages that are due, the most urgent first, then lane by lane in turn (``Queued.lane``),
        and not leased by anyone until settled.  ``enter(lane)`` says whether one more may go there, and counts it if
        so; without it all may."""

    def body(id: str) -> Deferred[IBody]:
        """The message of a queue id, with its trace header."""

    def settle(
        id: str, outcomes: Sequence[Outcome], told: bool = False, lane: str = "", kept: Mapping[Address, str] = ...
    ) -> Deferred[Sequence[Outcome]]:
        """End a lease.  Delivered and failed recipients leave the queue, delayed ones are due again by schedule;
        past the lifetime they become failed.  With ``lane``, whoever has no outcome was not tried and stays due, for
        lack of room there.  ``told``: the sender has had a notice of the delay.  ``kept``: recipients who wait for
        ``Release``, and why; when all that are left do, the message is held.  On disk when it fires, with the
        outcomes that are now final failures.  A report about them is the caller's work *before* this call removes
        them: see ``queue.runner``.  Fails with ``NotFound``, and with ``Temporary`` if it cannot be written: this
        process knows it all the same.  If somebody would be served or told twice were it forgotten, that is
        ``NotWritten``, the lease goes on until ``write``, and lists say why (``Queued.unwritten``)."""

    def write(id: str) -> Deferred[None]:
        """End a lease that goes on because ``settle`` failed, by what it said.  On disk when it fires.  Fails with
        ``NotFound``, ``NotWritten``."""

    def note(id: str, served: Collection[Address]) -> Deferred[None]:
        """During a lease: the message was delivered to these recipients, who leave the queue, while others of it are on
        their way yet.  On disk when it fires.  Fails with ``NotFound``, ``NotWritten``."""

    def list(which: Selection = ...) -> Deferred[Sequence[Queued]]:
        """These messages, all if it is not given; oldest first."""

    def order(which: Selection, order: Order) -> Deferred[Ordered]:
        """Have this done to these messages.  What is ``done`` is on disk; what could not be written is ``failed``, and
        has not happened; so is all but ``Drop`` where a result is ``unwritten``.  A message that is gone by then is
        neither.  Fails with ``InvalidName``.  ``Kick`` is also
        what ETRN asks for (RFC 1985): ``Selection(domain=...)``."""

    def when_due(room: Callable[[str], bool] = ...) -> float | None:
        """The earliest time (seconds since the epoch) at which ``lease`` would give something, as far as there is
        ``room`` in its lane; None if never."""

    def watch(woken: Callable[[], None]) -> None:
        """Call ``woken`` whenever a message arrives or becomes due earlier than was known."""


class IRouter(Interface):
    """The next hops for a domain."""

    def by_hand(via: str) -> Deferred[tuple[Hop, ...]]:
        """Those of ``HOST`` or ``HOST:PORT`` (an IPv6 address in brackets), without asking for its MX records.  Fails
        with ``Temporary``: who chose it may put it right."""

    def route(domain: str, sender: Address = ..., released: bool = False) -> Deferred[tuple[Hop, ...]]:
        """For mail from ``sender``, in the order to try, never empty.  Fails with ``NoRoute`` (permanent, carries the
        RFC 3463 status), ``OnHold`` (not for mail that somebody ``released``) or ``Temporary``."""


class ICourier(Interface):
    """Carries a message to one hop."""

    def deliver(
        hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody
    ) -> Deferred[Sequence[Outcome]]:
        """One outcome a recipient, in their order.  Never fails for what the other side or the network does; a
        ``Delayed`` with an empty ``host``, or one that is ``refused``, means the next hop may be tried; the former's
        status is 4.4.1 where no session came about, 4.4.2 where one broke, 4.7.10 or 4.7.30 where the hop lacks what
        REQUIRETLS asks for.  Cancelled, it breaks off at once: whoever was not decided about is ``Delayed``, or it
        fails with ``CancelledError``.  Closing ``body`` is left to the caller."""


class IMailStores(Interface):
    """All accounts' mail."""

    def open(account: str) -> Deferred[IMailStore]:
        """The store of a canonical account name, made (with its INBOX) if it is not there yet."""


class IMailStore(Interface):
    """One account's mailboxes.  Names are Unicode with ``/`` between levels; INBOX is case-insensitive.
    Failures: ``NotFound``, ``Exists``, ``InvalidName``, ``NotAllowed``, ``Temporary``."""

    notes = Attribute("what is noted of them, INotes")

    def open(name: str) -> Deferred[IMailbox]:
        """The mailbox; fails with ``NotFound``.  Any number of sessions share what is behind it."""

    def create(name: str, special_use: str) -> Deferred[str]:
        """Fires with its MAILBOXID.  Missing parents are made too (RFC 9051 section 6.3.4); ``special_use``: see
        ``MailboxInfo``.  Fails with ``TooMany``."""

    def delete(name: str) -> Deferred[None]:
        """INBOX fails with ``Unsupported``.  With children the name stays, not selectable; such a name fails with
        ``HasChildren``."""

    def rename(old: str, new: str) -> Deferred[None]:
        """With all children.  INBOX: its messages move, INBOX stays, empty (RFC 9051 section 6.3.6)."""

    def list(only: str = ...) -> Deferred[Sequence[MailboxInfo]]:
        """Every mailbox and every subscribed name (``selectable`` False where only the name is left), sorted,
        INBOX first.  With a name ``only`` that one, or none, at a cost that does not grow with the others."""

    def subscribe(name: str, wanted: bool) -> Deferred[None]:
        """A name need not exist to be subscribed.  Fails with ``TooMany``."""

    def status(name: str) -> Deferred[MailboxStatus]:
        """Counters without opening."""

    def copy(source: IMailbox, uids: Sequence[int], target: str, move: bool) -> Deferred[Copied]:
        """All or none, flags and internal date kept; ``move`` also expunges the sources.  UIDs that are gone are
        left out.  Fails with ``NotFound`` (the target), ``OverQuota``."""

    def append(name: str, messages: Sequence[tuple[IDraft, Flags, float]]) -> Deferred[Sequence[Appended]]:
        """(draft, flags, internal date in epoch seconds) each; all or none, on disk when it fires."""

    def replace(source: IMailbox, uid: int, name: str, message: tuple[IDraft, Flags, float]) -> Deferred[Appended]:
        """Append one message and remove that one of ``source`` for good: both or none, on disk when it fires.  Fails
        with ``Expunged``, ``NotFound`` (the mailbox ``name``), ``OverQuota`` (of what the new one is larger)."""

    def watch(woken: Callable[[], None]) -> Deferred[IMailboxesWatch]:
        """What becomes of the mailboxes themselves from now on; ``woken`` is called when there is something after there
        was nothing."""


class IMailboxesWatch(Interface):
    """What became of an account's mailboxes.  Bounded: one that is not read gives a single ``Overflow``, then what
    comes after it."""

    def take() -> Deferred[Sequence[MailboxesChange]]:
        """What happened since the last call, in order."""

    def look() -> Deferred[None]:
        """Find what other programs did: made, removed, subscribed.  What this server does is heard without."""

    def close() -> None:
        """No more; idempotent."""


class INotes(Interface):
    """What is noted of one account's mailboxes beside their mail: annotations (RFC 5464) and who may do what (RFC
    4314).  It goes along when a mailbox is renamed, and away with it.  On disk when a call fires.  Failures:
    ``NotFound`` (the mailbox), ``Temporary``; where others' mailboxes are among them ``NotAllowed``."""

    def owner(name: str) -> str:
        """Whose mailbox that is, or would be."""

    def rights(name: str, user: str) -> Deferred[str]:
        """What ``user`` may do, see ``mailsuite.access``; the owner everything."""

    def access(name: str) -> Deferred[Mapping[str, str]]:
        """Identifier -> rights, without the owner's."""

    def accesses() -> Deferred[Mapping[str, Mapping[str, str]]]:
        """The access lists, by mailbox, of those that have one."""

    def permit(name: str, identifier: str, op: FlagOp, rights: str) -> Deferred[None]:
        """Change the rights of one identifier.  Fails with ``TooMany``; with ``NotAllowed`` for the owner's."""

    def sharers() -> Deferred[Sequence[str]]:
        """Accounts that let this one do something in one of their mailboxes, as far as is known without looking at
        those; sorted."""

    def annotations(name: str, user: str) -> Deferred[Mapping[str, bytes]]:
        """RFC 5464: entry (lower case) -> value, the shared ones and those private to ``user``.  An empty name: the
        user's own annotations of the server."""

    def annotate(name: str, user: str, values: Mapping[str, bytes], removed: Collection[str]) -> Deferred[None]:
        """All or nothing.  ``/private/specialuse`` of the account's own user is ``MailboxInfo.special_use``.  Fails
        with ``TooMany``; with ``Unsupported`` for a special use that cannot be."""


class IQuotas(Interface):
    """What accounts keep and may keep."""

    def quota(account: str) -> Deferred[Quota]:
        """Of a canonical account name.  Fails with ``NotFound``, ``Temporary``."""

    def limit(account: str, octets: int, messages: int) -> Deferred[Quota]:
        """New limits, 0 for none, in force when it fires.  Fails with ``NotFound``, ``Temporary``."""

    def room(account: str, octets: int) -> bool | Deferred[bool]:
        """Whether a message of that size (0 if it is not known) fits now; a promise of nothing.  Fails with
        ``Temporary``."""


class IMailbox(Interface):
    """One mailbox, shared by its sessions.  UIDs only: sequence numbers never come this far."""

    name = Attribute("the name, str")
    account = Attribute("the account's canonical name, str")
    id = Attribute("the MAILBOXID, str: the same for the life of the mailbox, whatever its name; RFC 8474")
    prompt = Attribute("whether watches hear within a second, without ``look``, of what other programs do, bool")

    def snapshot(take_recent: bool) -> Deferred[Snapshot]:
        """Looks at the disk first, so what other programs dropped in is seen.  ``take_recent`` claims \\Recent
        (SELECT does, EXAMINE and STATUS do not)."""

    def watch(at: int, woken: Callable[[], None], take_recent: bool = False) -> IWatch:
        """Changes after ``Snapshot.at``; ``woken`` is called when some are there after there were none.  Of the
        watches with ``take_recent`` the first that takes an arrival gets it as recent, and no snapshot after that
        does (RFC 3501 section 2.3.2)."""

    def fetch(uids: Sequence[int], items: Sequence[str]) -> Deferred[Fetched]:
        """At most 1,000 UIDs a call; those that are gone are left out.  Items: ``flags`` (Flags), ``size`` (int,
        octets as sent), ``date`` (float, internal date), ``second`` (int, the same without its fraction), ``saved``
        (float, when it came into this mailbox, RFC 8514 §3), ``modseq`` (int), ``envelope`` and ``structure`` and
        ``body`` (bytes, IMAP syntax: ENVELOPE, BODYSTRUCTURE and BODY without extension data), ``emailid`` and
        ``threadid`` (bytes, RFC 8474), ``header`` (bytes, the header block with CRLF and its empty line), ``name``
        (str, the permanent id for UIDL), ``preview`` (str, RFC 8970) and ``known_preview`` (the same, or None where it
        was not made yet); ``fields a b`` (bytes, the header fields of these names, lower case and in alphabetical
        order, as they stand, and the empty line)."""

    def body(uid: int) -> Deferred[IBody]:
        """Fails with ``Expunged``."""

    def listing(ascii_only: bool) -> Deferred[Listing]:
        """All messages for POP3; looks at the disk first.  ``ascii_only``: internationalised messages with the size of
        their downgraded form.  Claims nothing as recent."""

    def octets(uids: Sequence[int], most: int) -> Deferred[Sequence[bytes | MailError]]:
        """Whole messages as sent, in the order asked: of the first one, and of those behind it as long as they have at
        most ``most`` octets together.  ``Expunged`` for one that is gone, ``TooBig`` for one to be read by its
        body."""

    def store(
        uids: Sequence[int], op: FlagOp, flags: Flags, unchanged_since: int | None
    ) -> Deferred[tuple[Sequence[tuple[int, Flags, int]], Sequence[int]]]:
        """On disk when it fires: (UID, flags, MODSEQ) for each message it was applied to, and the UIDs that had
        changed since ``unchanged_since`` and were left alone (RFC 7162).  All watches hear of it, the caller's
        too."""

    def expunge(uids: Sequence[int]) -> Deferred[Sequence[int]]:
        """Remove these for good, deleted flag or not; on disk when it fires, with those that were removed."""

    def changed_since(modseq: int) -> Deferred[Sequence[int]]:
        """UIDs, ascending, of messages that came or whose flags changed after that MODSEQ (RFC 7162 CHANGEDSINCE)."""

    def vanished_since(modseq: int) -> Deferred[Ranges]:
        """UIDs that were expunged after that MODSEQ, ascending (RFC 7162 VANISHED).  For a MODSEQ so old that this is
        not known any more: all below UIDNEXT that are not there (section 3.2.6), some of which no client may know."""

    def search(query: Query, uids: Sequence[int], so_far: Callable[[int, int], None] = ...) -> Deferred[Sequence[int]]:
        """Which of these match, ascending.  Sequence sets in the query were turned into UID sets before.  While
        messages must be read for that, ``so_far`` is called with how many were and how many are to be."""

    def relevance(query: Query, uids: Sequence[int]) -> Deferred[Sequence[int]]:
        """For each of these, which ``search`` found, 1 to 100: how well it answers the fuzzy keys (RFC 6203)."""

    def sort(uids: Sequence[int], criteria: Sequence[SortBy], relevance: Mapping[int, int]) -> Deferred[Sequence[int]]:
        """Those of these that are there, in that order; equal ones ascend (RFC 5256 SORT).  ``relevance`` by UID, empty
        where no criterion asks for it."""

    def thread(uids: Sequence[int], algorithm: ThreadAlgorithm) -> Deferred[Forest]:
        """Those of these that are there, as threads (RFC 5256 THREAD)."""

    def look() -> Deferred[None]:
        """Look at the disk for what other programs did; watches hear of it.  Cheap when nothing changed."""


class IWatch(Interface):
    """A position in a mailbox's changes.  Bounded: one that is not read ends with a single ``Overflow``."""

    def take() -> Sequence[Change]:
        """What happened since the last call, in order."""

    def close() -> None:
        """No more; idempotent."""


class IDisk(Interface):
    """The one door to durable files.  Blocking: only called inside ``IOffload``.  Paths are absolute ``str``.
    Fails with ``FileNotFoundError``, ``FileExistsError``; any other OSError becomes ``Temporary``."""

    def write_new(path: str, chunks: Iterable[bytes], mode: int = 0o600, mtime: float | None = None) -> None:
        """Create (never overwrite), write and fsync the file, with that modification time (epoch seconds) if one
        is given; its name is not durable yet."""

    def replace(path: str, data: bytes, mode: int = 0o600) -> None:
        """Put new content under a name, old or new whole at any instant: write, fsync, rename, fsync the folder."""

    def read(path: str) -> bytes:
        """The whole file."""

    def read_part(path: str, offset: int, length: int) -> bytes:
        """The octets from ``offset`` on: exactly ``length``, fewer only at the end."""

    def rename(old: str, new: str) -> None:
        """Within the file system; not durable until the folder is synced."""

    def link(old: str, new: str) -> None:
        """A second name; ``FileExistsError`` if ``new`` is taken."""

    def unlink(path: str) -> None:
        """Remove a name; ``FileNotFoundError`` if it was not there."""

    def make_folder(path: str) -> None:
        """With parents, mode 0700, durable in its parent; nothing if it exists."""

    def remove_folder(path: str) -> None:
        """With everything in it; not durable until its parent is synced."""

    def list_folder(path: str) -> Sequence[str]:
        """Names in it, unordered."""

    def sync_folder(path: str) -> None:
        """Make renames, links and unlinks in it durable."""

    def commit(steps: Unit) -> frozenset[int]:
        """Do these as one unit, durable and done when it returns; the numbers of those whose file was
        not there.  With a journal all or none of them survive a crash.  ``Temporary``: nothing was done."""

    def record(units: Sequence[Unit]) -> IRecorded:
        """Make several units durable together, each for itself; their steps follow with ``IRecorded.perform``."""

    def promise(steps: Unit, after: IPromise | None = None) -> IPromise:
        """Make these durable as one unit.  What is put and appended is done when this returns; where many files are
        renamed or unlinked, that follows with ``IPromise.perform``, after what ``after`` stands for.  ``Temporary``:
        nothing was done."""

    def checkpoint() -> None:
        """Everything committed is in its place for good: folders may now be renamed and removed directly.  Nothing
        may be committed in those folders meanwhile."""


class IRecorded(Interface):
    """Units that will be done, whatever happens.  Blocking; any thread."""

    errors = Attribute("for each unit why it will not be done (``Exception``), or None")
    done = Attribute("whether all steps are done")

    def perform() -> None:
        """Do the steps, if nobody has; returns when they are done, whoever does them.  ``Temporary`` if that cannot be
        now: to be called again."""

    def forgo(unit: int) -> bool:
        """The steps of this unit need not be done, for a unit that undoes them is recorded or will be, or nobody needs
        them any more.  Whether they will not be done; False if they are done or somebody is about it, who can be
        waited for with ``perform``.  Does not block."""


class IPromise(Interface):
    """A unit that will be done, whatever happens.  Blocking; any thread."""

    done = Attribute("whether all steps are done")
    missed = Attribute("once it is done, the numbers of those whose file was not there (``frozenset``)")

    def perform() -> None:
        """Do what is left, if nobody has; returns when it is done, whoever does it.  ``Temporary`` if that cannot be
        now: to be called again."""


class ITLSContexts(Interface):
    """TLS settings, made in one place."""

    def server(client_authorities: str = "") -> object:
        """An ``IOpenSSLServerConnectionCreator``-like context factory for any number of connections, which follows
        changes of the certificate.  With a file of authorities (PEM), clients are asked for certificates of them and
        served without; what they presented is checked afterwards.  Raises ``ConfigError`` without a certificate."""

    def client(host: str, verify: bool, security: Security = ...) -> object:
        """Connection creator for a client that names ``host``; with ``verify`` the certificate must be valid for it, or
        be what ``security`` says, without, any will do (RFC 7435)."""

    def objection(creator: object, transport: object) -> str:
        """After the handshake, before anything is said: why the server's certificate will not do, for a creator that
        ``client`` made; empty if it will."""

    def available() -> bool:
        """Whether a server certificate is configured."""


class IReports(Interface):
    """Tells senders what became of their mail, as far as they asked (NOTIFY, RFC 3461)."""

    def report(queued: Queued, outcomes: Sequence[Outcome], original: IBody | None) -> Deferred[None]:
        """Commit what is to be said of these outcomes: at most one notification (RFC 3464) to the envelope's sender, or
        to the postmaster about mail from the null sender that failed.  ``original`` is the message, as far as it can
        be read; closing it is left to the caller.  Fails with ``Temporary`` if that cannot be done now; nobody was
        told then."""

    def delivered(
        envelope: Envelope, recipients: Sequence[Recipient], header: bytes, expanded: Collection[Address] = ()
    ) -> Deferred[None]:
        """After a commit: the message is in the mailboxes of these recipients (RFC 3461 section 5.2.3); those
        ``expanded`` are aliases for others elsewhere, too (section 5.2.7.3).  Those who asked for SUCCESS are reported;
        ``header`` is the header block with CRLF.  Never fails: a notice that cannot
        be written is logged."""


class IObserver(Interface):
    """Hears what happens to messages.  Nothing waits for it and nothing hangs on it: it returns at once and never
    fails."""

    listens = Attribute("whether it is worth telling, bool; never changes")

    def happened(what: Happening) -> None:
        """In the order in which it happened, as far as one message is concerned."""
