"""Frozen values that every layer speaks: addresses, envelopes, outcomes, mailbox values.

No behaviour beyond their own text form.  Names are the field's: reverse-path, envelope, null sender, UIDVALIDITY.
"""

from __future__ import annotations

import enum
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec

from mailsuite.access import RIGHTS

#: IMAP system flags begin with a backslash (``\\Seen``); anything else is a keyword.  One frozenset a combination.
Flags: TypeAlias = frozenset[str]
NO_FLAGS: Flags = frozenset()
SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = "\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"
SYSTEM_FLAGS: tuple[str, ...] = (ANSWERED, FLAGGED, DELETED, SEEN, DRAFT)

#: The separator between levels of a mailbox name, everywhere but on disk.
DELIMITER = "/"
INBOX = "INBOX"
#: The special uses of RFC 6154 that a real mailbox can have; \\All and \\Flagged would be virtual ones.
SPECIAL_USES: tuple[str, ...] = ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")

# RFC 5321 section 4.1.2 Dot-string, with RFC 6531 section 3.3's UTF-8 atoms.
_ATOM = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\U0010ffff]+"
_is_dot_string = re.compile(rf"{_ATOM}(?:\.{_ATOM})*").fullmatch


class Address(msgspec.Struct, frozen=True, gc=False):
    """A mailbox, RFC 5321 section 4.1.2: ``local`` unquoted, ``domain`` lower case (a name or ``[literal]``).

    The null sender (section 4.5.5) is ``NULL_SENDER``; ``postmaster`` without a domain has ``domain == ""``.
    """

    local: str
    domain: str

    @property
    def is_null(self) -> bool:
        return not self.local and not self.domain

    def __str__(self) -> str:
        if self.is_null:
            return ""
        local = self.local
        if _is_dot_string(local) is None:
            local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{local}@{self.domain}" if self.domain else local


NULL_SENDER = Address("", "")


class Status(msgspec.Struct, frozen=True, gc=False):
    """An enhanced status code, RFC 3463."""

    klass: int
    subject: int
    detail: int

    @classmethod
    def parse(cls, text: str) -> Status:
        """``"5.1.1"`` -> Status; ValueError if it is not three numbers with a class of 2, 4 or 5."""
        klass, subject, detail = (int(part) for part in text.split("."))
        if klass not in (2, 4, 5) or not (0 <= subject <= 999 and 0 <= detail <= 999):
            raise ValueError(f"not an RFC 3463 status: {text!r}")
        return cls(klass, subject, detail)

    def __str__(self) -> str:
        return f"{self.klass}.{self.subject}.{self.detail}"


class Recipient(msgspec.Struct, frozen=True, gc=False):
    """One forward-path of an envelope.  ``original`` is RFC 3461's ORCPT (``rfc822;a@b``) or empty;
    ``notify`` holds NEVER, SUCCESS, FAILURE, DELAY, or nothing where the client did not say.  ``return_path`` is where
    its bounces go if that is not the envelope's sender."""

    address: Address
    original: str = ""
    notify: frozenset[str] = frozenset()
    return_path: Address | None = None


class BodyType(enum.Enum):
    """RFC 6152, RFC 3030: what the client declared with BODY=."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"
    BINARY_MIME = "BINARYMIME"


class DeliverBy(msgspec.Struct, frozen=True, gc=False):
    """RFC 2852: ``deadline`` in seconds since the epoch.  After it the message is returned (``returned``, BY=...;R)
    or the sender is told of the delay and it goes on (BY=...;N); ``traced`` asks for a notice from each relay."""

    deadline: float
    returned: bool
    traced: bool = False


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What travels beside a message, RFC 5321 section 2.3.1.

    ``id`` is the message's id in logs, Received and the queue; ``arrived`` is seconds since the epoch.  ``envid`` (as
    xtext decodes to) and ``ret`` (FULL, HDRS or empty) are RFC 3461's; ``require_tls`` is RFC 8689's REQUIRETLS;
    ``priority`` is RFC 6710's, -9 to 9; ``release`` is when it may leave (RFC 4865), 0 for at once.
    """

    id: str
    sender: Address
    recipients: tuple[Recipient, ...]
    arrived: float
    body: BodyType = BodyType.SEVEN_BIT
    smtputf8: bool = False
    envid: str = ""
    ret: str = ""
    require_tls: bool = False
    deliver_by: DeliverBy | None = None
    priority: int = 0
    release: float = 0.0


class Client(msgspec.Struct, frozen=True):
    """The other side of a server connection, as far as policy cares.  ``account`` is empty until it authenticated."""

    address: str
    port: int
    service: str
    helo: str = ""
    tls: str = ""
    account: str = ""
    trusted: bool = False


# -- directory -----------------------------------------------------------------------------------------------------


class Local(msgspec.Struct, frozen=True, tag=True):
    """Mail for an account here; ``detail`` is what stood after ``+``."""

    account: str
    detail: str = ""


class Forward(msgspec.Struct, frozen=True, tag=True):
    """An alias, already followed to its ends: no alias is left in it, loops are cut, duplicates removed."""

    accounts: tuple[Local, ...]
    addresses: tuple[Address, ...]


class Remote(msgspec.Struct, frozen=True, tag=True):
    """The domain is not ours."""


class Unknown(msgspec.Struct, frozen=True, tag=True):
    """The domain is ours and has no such user."""


Resolution: TypeAlias = Local | Forward | Remote | Unknown


class Pop3Rules(msgspec.Struct, frozen=True):
    """What POP3 asks of an account in place of the server's own rules, which count where nothing is set."""

    #: Seconds between two logins (RFC 2449 section 6.5).
    login_delay: int | msgspec.UnsetType = msgspec.UNSET
    #: Days after which messages are removed at QUIT (section 6.7); 0: those that were retrieved, -1: none.
    expire_days: int | msgspec.UnsetType = msgspec.UNSET


class Account(msgspec.Struct, frozen=True):
    """A user.  ``name`` is the canonical ``user@domain``; quotas of 0 mean no limit.  ``fingerprint``
    changes whenever a password is set, which tells logins from before; the password does not follow from it."""

    name: str
    quota_bytes: int = 0
    quota_messages: int = 0
    fingerprint: str = ""
    pop3: Pop3Rules = Pop3Rules()


class ScramKeys(msgspec.Struct, frozen=True):
    """What SCRAM-SHA-256 checks a login with (RFC 5802 section 3).  ``account`` has an empty name where there is none:
    the keys are made up then, and fit no password."""

    account: Account
    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def __repr__(self) -> str:
        """Without the keys, so that no log ever shows them."""
        return f"ScramKeys(account={self.account.name!r}, iterations={self.iterations})"


# -- policy --------------------------------------------------------------------------------------------------------


class Accept(msgspec.Struct, frozen=True, tag=True):
    """Go on."""


class Refuse(msgspec.Struct, frozen=True, tag=True):
    """Never (5xx): ``status`` per RFC 3463, ``text`` tells a person what to do."""

    status: Status
    text: str


class Later(msgspec.Struct, frozen=True, tag=True):
    """Not now (4xx)."""

    status: Status
    text: str


class AddHeader(msgspec.Struct, frozen=True, tag=True):
    """Go on, with this header field on top: whole lines, each ending in CRLF."""

    field: bytes


Verdict: TypeAlias = Accept | Refuse | Later | AddHeader


# -- delivery ------------------------------------------------------------------------------------------------------


class ToMailbox(msgspec.Struct, frozen=True, tag=True):
    """Into a mailbox of an account here."""

    account: str
    mailbox: str = INBOX
    flags: Flags = NO_FLAGS


class ToRemote(msgspec.Struct, frozen=True, tag=True):
    """Into the relay queue; ``forwarded``: an alias here leads there, not the sender."""

    recipient: Recipient
    forwarded: bool = False


Destination: TypeAlias = ToMailbox | ToRemote


# -- queue and relay -----------------------------------------------------------------------------------------------


class Delivered(msgspec.Struct, frozen=True, tag=True):
    """The next hop took responsibility for this recipient.  ``host`` is its name, ``reply`` its words.

    ``final``: it is in the mailbox now, or, ``expanded``, on its way to all for whom an alias stands; ``dsn``: the hop
    tells the sender whatever is to be told (RFC 3461)."""

    recipient: Address
    host: str
    reply: str
    final: bool = False
    dsn: bool = False
    expanded: bool = False


class Delayed(msgspec.Struct, frozen=True, tag=True):
    """To be tried again (RFC 3464 calls the action ``delayed``).  ``refused``: the host does not take it now and has
    nothing of it, so that another one may be asked."""

    recipient: Address
    status: Status
    text: str
    host: str = ""
    refused: bool = False


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Never to be tried again; the sender is told.  ``reply`` is the remote's own words or empty."""

    recipient: Address
    status: Status
    text: str
    host: str = ""
    reply: str = ""


Outcome: TypeAlias = Delivered | Delayed | Failed


class Pending(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A recipient that still waits in the queue, with its last attempt's words; not tried again before ``due``."""

    recipient: Recipient
    attempts: int = 0
    last_status: str = ""
    last_text: str = ""
    last_host: str = ""
    due: float = 0.0


class Queued(msgspec.Struct, frozen=True, gc=False):
    """A queued message as lists show it.  Times in seconds since the epoch: ``due`` is the next attempt, ``expires``
    when it is given up, ``told`` when the sender was last told of the delay, ``notice`` when that is to happen next (0:
    not yet, and never), ``kicked`` when somebody wanted it tried at once.

    ``held``: nothing happens before somebody lets it go; ``released``: somebody did, whatever rules say.
    ``lane`` is what it waits for room at, a domain or a host.  ``via`` is the host (``HOST`` or ``HOST:PORT``) that
    somebody chose for it, ``returned`` the words with which somebody wants it returned; empty otherwise.
    ``trying``: since when it is being tried; 0 if it is not, and wherever it is not shown to somebody.
    ``unwritten``: why what came of its last attempt cannot be written down, which holds it; empty otherwise.  A message
    with nobody ``pending`` is done with, and is there until its removal is written."""

    envelope: Envelope
    pending: tuple[Pending, ...]
    due: float
    expires: float
    size: int
    attempts: int = 0
    held: bool = False
    told: float = 0.0
    notice: float = 0.0
    lane: str = ""
    kicked: float = 0.0
    via: str = ""
    returned: str = ""
    released: bool = False
    unwritten: str = ""
    trying: float = 0.0


class Selection(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which queued messages somebody means: those for which everything given here holds; all, if nothing is.

    Addresses and domains are compared without regard to case.  Ages are in seconds since arrival."""

    #: Only these ids.
    ids: tuple[str, ...] | None = None
    #: ``user@domain``, ``@domain``, or ``<>`` for the null sender.
    sender: str = ""
    #: ``user@domain``: a recipient that still waits.
    recipient: str = ""
    #: The domain of a recipient that still waits; with ``subdomains`` those below it too (RFC 1985 section 5.3).
    domain: str = ""
    subdomains: bool = False
    older: float = 0.0
    younger: float = 0.0
    #: Part of what was said last about a recipient that still waits.
    error: str = ""
    #: Held or not; both if None.
    held: bool | None = None


EVERYTHING = Selection()


class Hold(msgspec.Struct, frozen=True, tag=True):
    """Keep it back."""


class Release(msgspec.Struct, frozen=True, tag=True):
    """Let it go, also past rules that keep it on hold."""


class Kick(msgspec.Struct, frozen=True, tag=True):
    """Try it now; not meant for what is held or not to leave yet (RFC 4865)."""


class Reroute(msgspec.Struct, frozen=True, tag=True):
    """Send it by ``HOST`` or ``HOST:PORT``, whatever the recipients' domains say; the usual way if that is empty."""

    via: str


class Bounce(msgspec.Struct, frozen=True, tag=True):
    """Return it to its sender, with these words."""

    words: str


class Drop(msgspec.Struct, frozen=True, tag=True):
    """Remove it without a report."""


Order: TypeAlias = Hold | Release | Kick | Reroute | Bounce | Drop


class Ordered(msgspec.Struct, frozen=True):
    """What came of an order: the ids it was ``done`` to, and why not to others, which are as they were."""

    done: tuple[str, ...] = ()
    failed: dict[str, str] = {}


class Tlsa(msgspec.Struct, frozen=True, order=True):
    """A TLSA record, RFC 6698 section 2.1: which certificate a host has, by usage, selector and matching type."""

    usage: int
    selector: int
    matching: int
    data: bytes


class TlsLevel(enum.Enum):
    """What TLS towards a hop has to be; ``USUAL``: what its transport says."""

    USUAL = "usual"
    NEVER = "never"
    MAY = "may"
    REQUIRE = "require"
    VERIFY = "verify"
    DANE = "dane"


class Security(msgspec.Struct, frozen=True):
    """What is known of TLS at a hop, for mail to a domain.  ``names``: the certificate is for one of them (empty: for
    the host); ``tlsa``: usable records, RFC 7672; ``server_name`` is what the server is asked for (SNI) if that is not
    the host.  ``source`` says in words who wants that.  ``by_recipient``: the
    domain itself does, in DNS or with MTA-STS, and a sender may waive it (RFC 8689 section 4.2.2)."""

    level: TlsLevel = TlsLevel.USUAL
    names: tuple[str, ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
    source: str = ""
    by_recipient: bool = False
    server_name: str = ""


USUAL_SECURITY = Security()


class Hop(msgspec.Struct, frozen=True):
    """One host to try: ``host`` names it (for TLS and reports), ``addresses`` are IP addresses in order.  ``certain``:
    that this is the right host does not hang on DNS alone (RFC 8689 section 4.2.1).  ``transport`` says how to speak to
    it, with what login and TLS; empty for any server.  ``security`` is what is asked of TLS there beyond that."""

    host: str
    addresses: tuple[str, ...]
    port: int = 25
    certain: bool = False
    transport: str = ""
    security: Security = USUAL_SECURITY


class Mx(msgspec.Struct, frozen=True, order=True):
    """An MX record; ``exchange`` is lower case without the final dot, empty for a null MX (RFC 7505)."""

    preference: int
    exchange: str


# -- mailboxes -----------------------------------------------------------------------------------------------------


class MailboxInfo(msgspec.Struct, frozen=True):
    """One line of LIST.  ``special_use`` holds RFC 6154 attributes (``\\Drafts \\Sent``), mostly one or none;
    ``selectable`` is False for a name that is only subscribed or only has children, and for a mailbox that is there
    and may not be opened, which is ``barred``."""

    name: str
    selectable: bool = True
    subscribed: bool = False
    has_children: bool = False
    special_use: str = ""
    barred: bool = False


class Quota(msgspec.Struct, frozen=True):
    """What an account keeps in all its mailboxes, in octets as sent and messages, and may keep; 0 is no limit."""

    octets: int
    messages: int
    octets_limit: int = 0
    messages_limit: int = 0


class MailboxStatus(msgspec.Struct, frozen=True):
    """Counters of a mailbox; ``size`` is octets as sent (RFC 8438), ``deleted_size`` those of messages marked
    \\Deleted (RFC 9208); ``id`` is the MAILBOXID (RFC 8474), ``at`` the change-feed position, as in ``Snapshot``."""

    messages: int
    recent: int
    unseen: int
    deleted: int
    uidnext: int
    uidvalidity: int
    highestmodseq: int
    size: int
    deleted_size: int = 0
    id: str = ""
    at: int = 0


class Snapshot(msgspec.Struct, frozen=True):
    """A mailbox at one instant: ``uids`` ascending, ``flags`` in step with it; ``recent`` is told to this opener only.

    ``at`` is the change-feed position: a watch opened with it misses nothing and repeats nothing.  ``rights`` are those
    of who opened it (``mailsuite.access``).  ``first_unseen`` is the number of the first message without \\Seen, 0 if
    there is none: whoever keeps the mailbox has counted, and need not look at all of them each time.
    """

    uidvalidity: int
    uidnext: int
    highestmodseq: int
    uids: tuple[int, ...]
    flags: tuple[Flags, ...]
    recent: frozenset[int]
    keywords: tuple[str, ...]
    at: int
    rights: str = RIGHTS
    first_unseen: int = 0


class Listing(msgspec.Struct, frozen=True):
    """All messages of a mailbox at one instant, as POP3 lists them: ``uids`` ascending, in step ``sizes`` in octets as
    sent and ``names``, which are permanent and fit UIDL (RFC 1939 §7: 1 to 70 characters from 0x21 to 0x7E).

    ``downgraded`` are the UIDs whose size is that of their ASCII form (``mime.downgrade``); ``at`` is the change-feed
    position, as in ``Snapshot``."""

    uids: tuple[int, ...]
    sizes: tuple[int, ...]
    names: Sequence[str]
    downgraded: frozenset[int]
    at: int


class FlagOp(enum.Enum):
    """STORE's three ways."""

    REPLACE = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


class Appended(msgspec.Struct, frozen=True):
    """UIDPLUS (RFC 4315): where a new message went."""

    uidvalidity: int
    uid: int


class Copied(msgspec.Struct, frozen=True):
    """UIDPLUS: ``sources[i]`` became ``targets[i]``."""

    uidvalidity: int
    sources: tuple[int, ...]
    targets: tuple[int, ...]


class Forest(msgspec.Struct, frozen=True):
    """Threads, each message before its replies: UIDs, -1 for a root that is no message, and in step how deep each lies
    below its root, which is at 0."""

    uids: Sequence[int]
    depths: Sequence[int]


class FetchedMessage(msgspec.Struct, frozen=True):
    """One message of ``Fetched``."""

    uid: int
    items: tuple[object, ...]


class Fetched(msgspec.Struct, frozen=True):
    """What the store knows of messages, by column, since many are asked for at once: ``columns`` answer the asked item
    names in order, each in step with ``uids``, which ascend.  See ``interfaces.IMailbox.fetch``."""

    uids: Sequence[int]
    columns: tuple[Sequence[object], ...]

    def __len__(self) -> int:
        return len(self.uids)

    def __iter__(self) -> Iterator[FetchedMessage]:
        """One message after the other."""
        rows = zip(*self.columns, strict=True) if self.columns else itertools.repeat(())
        return map(FetchedMessage, self.uids, rows)


class Arrived(msgspec.Struct, frozen=True, tag=True):
    """New messages, UIDs ascending and above all earlier ones, flags in step; ``recent`` unless a session was told of
    them as that already.  ``modseq``: the highest that one of them came with, 0 if that is not known."""

    uids: tuple[int, ...]
    flags: tuple[Flags, ...]
    recent: bool = True
    modseq: int = 0


class FlagsChanged(msgspec.Struct, frozen=True, tag=True):
    """The flags of messages are now these."""

    uids: tuple[int, ...]
    flags: tuple[Flags, ...]
    modseq: int


class Vanished(msgspec.Struct, frozen=True, tag=True):
    """These messages are gone for good."""

    uids: tuple[int, ...]
    modseq: int


class Overflow(msgspec.Struct, frozen=True, tag=True):
    """The watcher did not keep up: take a new snapshot."""


class Gone(msgspec.Struct, frozen=True, tag=True):
    """The mailbox was deleted or its UIDVALIDITY changed: end the session's selection."""


Change: TypeAlias = Arrived | FlagsChanged | Vanished | Overflow | Gone


# -- changes of an account's mailboxes -----------------------------------------------------------------------------


class _OfMailboxes(msgspec.Struct, frozen=True, kw_only=True):
    """``own``: whoever hears of it did it himself, through the same ``IMailStore``."""

    own: bool = False


class MailboxMade(_OfMailboxes, frozen=True, tag=True):
    """A mailbox is there, or may be looked up now."""

    name: str


class MailboxRemoved(_OfMailboxes, frozen=True, tag=True):
    """It is not there any more, or may not be looked up."""

    name: str


class MailboxRenamed(_OfMailboxes, frozen=True, tag=True):
    """With all below it."""

    old: str
    new: str


class SubscriptionChanged(_OfMailboxes, frozen=True, tag=True):
    """A name was subscribed or unsubscribed."""

    name: str


class Annotated(_OfMailboxes, frozen=True, tag=True):
    """These annotations of a mailbox (empty: of the server) have other values now, or none (RFC 5464)."""

    name: str
    entries: tuple[str, ...]
    user: str


class RightsChanged(_OfMailboxes, frozen=True, tag=True):
    """Somebody may do something else in it than before."""

    name: str


MailboxesChange: TypeAlias = (
    MailboxMade | MailboxRemoved | MailboxRenamed | SubscriptionChanged | Annotated | RightsChanged | Overflow
)
