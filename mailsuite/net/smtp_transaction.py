"""One mail transaction while it is under way: who sends, to whom, where that leads, and the draft.

The same destination twice is one delivery, whether a client repeats a recipient or aliases meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.errors import MailError, Unsupported
from mailsuite.interfaces import IDraft, IRewrites
from mailsuite.mime.binary import TextForm
from mailsuite.mime.seven_bit import Unconvertible
from mailsuite.model import (
    Address,
    BodyType,
    Destination,
    Envelope,
    Forward,
    Local,
    Recipient,
    Remote,
    Resolution,
    ToMailbox,
    ToRemote,
    Unknown,
)
from mailsuite.smtp.events import Mail
from mailsuite.unchanged import UNCHANGED


class Transaction:
    """From an accepted MAIL to the answer after the final dot, or to whatever ends it before."""

    def __init__(self, id: str, mail: Mail) -> None:
        self.id = id
        #: As the client gave it, and as the message goes on with it.
        self.given = self.sender = mail.sender
        #: What becomes of its addresses.
        self.rewrites: IRewrites = UNCHANGED
        self.size = mail.size
        #: Header fields that policy wants on top.
        self.fields: list[bytes] = []
        #: Why the draft could not be written, if so.
        self.failure: MailError | None = None
        self._mail = mail
        self._recipients: dict[Address, Recipient] = {}
        self._destinations: dict[str | Address, Destination] = {}
        self._to_confirm: list[Recipient] = []
        #: Of ``to_confirm``, aliases for others elsewhere, too.
        self.expanded: list[Address] = []
        #: Where each of ``recipients`` alone leads.
        self.leads: list[Sequence[Destination]] = []
        #: In the order in which they were accepted, repeated ones again.
        self.accepted: list[Address] = []
        self._draft: IDraft | None = None
        # RFC 3030 §3: binary parts are converted here, for neither mailboxes nor most servers can hold them.
        self._text = TextForm() if mail.body is BodyType.BINARY_MIME else None

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        return tuple(self._recipients.values())

    @property
    def addresses(self) -> Iterable[Address]:
        """Of the recipients."""
        return self._recipients

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Mail that is not to leave yet waits in the queue, whoever it is for (RFC 4865)."""
        if self._mail.release:
            return tuple(ToRemote(recipient) for recipient in self._recipients.values())
        return tuple(self._destinations.values())

    @property
    def to_confirm(self) -> tuple[Recipient, ...]:
        """Those of whom the sender wants to hear that they have the message, and who have it with the commit."""
        return () if self._mail.release or not self._to_confirm else tuple(self._to_confirm)

    def rewrite(self, rewrites: IRewrites) -> None:
        """Of the sender, and whatever follows."""
        self.rewrites = rewrites
        self.sender = rewrites.sender(self.given)

    def add(self, recipient: Recipient, resolution: Resolution) -> None:
        """An accepted recipient; one that comes again leads nowhere else."""
        self.accepted.append(recipient.address)
        known = len(self._recipients)
        self._recipients.setdefault(recipient.address, recipient)
        if len(self._recipients) == known:
            return
        leads = destinations_for(recipient, resolution)
        self.leads.append(leads)
        for destination in leads:
            key = destination.account if isinstance(destination, ToMailbox) else destination.recipient.address
            self._destinations.setdefault(key, destination)
        if recipient.notify and "SUCCESS" in recipient.notify and ends_here(resolution):
            self._to_confirm.append(recipient)
            if isinstance(resolution, Forward) and resolution.addresses:
                self.expanded.append(recipient.address)

    def envelope(self, arrived: float) -> Envelope:
        """``arrived``: seconds since the epoch."""
        mail = self._mail
        return Envelope(
            self.id,
            self.sender,
            self.recipients,
            arrived,
            self._body_type,
            mail.smtputf8,
            mail.envid,
            mail.ret,
            mail.require_tls,
            mail.deliver_by,
            mail.priority,
            mail.release,
        )

    @property
    def _body_type(self) -> BodyType:
        """As it is kept."""
        if self._text is None:
            return self._mail.body
        return BodyType.EIGHT_BIT_MIME if self._text.eight_bit else BodyType.SEVEN_BIT

    def open(self, draft: IDraft) -> None:
        """The body is to follow, into ``draft``."""
        self._draft = draft

    def write(self, data: bytes) -> Deferred[object] | None:
        """Octets of the body.  A draft that fails is written no more; the reason waits in ``failure``."""
        if self._draft is None or self.failure is not None:
            return None
        if self._text is not None:
            data = self._converted(self._text.feed, data)
        return self._write(data)

    def finish(self) -> Deferred[object] | None:
        """All octets of the body have come."""
        if self._text is None or self.failure is not None:
            return None
        return self._write(self._converted(self._text.end))

    def _converted(self, convert: Callable[..., bytes], *data: bytes) -> bytes:
        try:
            return convert(*data)
        except Unconvertible as error:
            self.failure = Unsupported(str(error))
            return b""

    def _write(self, data: bytes) -> Deferred[object] | None:
        writing = self.draft.write(data) if data else None
        return writing.addErrback(self._write_failed) if writing is not None else None

    @property
    def draft(self) -> IDraft:
        """What the body was written to."""
        if self._draft is None:
            raise RuntimeError("no body was sent")
        return self._draft

    def take_draft(self) -> IDraft:
        """The draft, no longer ours to discard: a commit that has begun must not lose it, whoever hangs up."""
        draft = self.draft
        self._draft = None
        return draft

    def drop(self) -> None:
        """The transaction comes to nothing."""
        if self._draft is not None:
            self._draft.discard()
            self._draft = None

    def _write_failed(self, failure: Failure) -> None:
        failure.trap(MailError)
        if isinstance(failure.value, MailError):
            self.failure = failure.value


def destinations_for(recipient: Recipient, resolution: Resolution) -> list[Destination]:
    """Where mail for a recipient goes.  An alias may lead elsewhere for anybody: the administrator chose that."""
    match resolution:
        case Local(account=account):
            return [ToMailbox(account)]
        case Forward(accounts=accounts, addresses=addresses):
            here: list[Destination] = [ToMailbox(local.account) for local in accounts]
            alone = ends_here(resolution)
            return here + [
                ToRemote(_forwarded(recipient, address, keep=not alone), forwarded=True) for address in addresses
            ]
        case Remote():
            return [ToRemote(recipient)]
        case Unknown():
            raise ValueError("an unknown user leads nowhere")


def ends_here(resolution: Resolution) -> bool:
    """Whether putting it in place is delivery as RFC 3461 §5.2.3 and §5.2.7 mean it: an alias for a single address
    elsewhere passes the sender's wish on instead, any other one is taken care of here."""
    match resolution:
        case Forward(accounts=(), addresses=(_,)):
            return False
        case Remote():
            return False
    return True


def _forwarded(recipient: Recipient, address: Address, keep: bool) -> Recipient:
    """What an alias for ``recipient`` asks of the next server, RFC 3461 §5.2.7.2 and §5.2.7.3 (c): SUCCESS is only
    passed on (``keep``) where nobody else reports it."""
    notify = recipient.notify if keep else recipient.notify - {"SUCCESS"}
    if recipient.notify and not notify:
        notify = frozenset({"NEVER"})
    return Recipient(address, recipient.original or original_of(recipient.address), notify)


def original_of(address: Address) -> str:
    """An ORCPT for an address that came without one (RFC 3461 §4.2, RFC 6533 §3), decoded."""
    text = str(address)
    if text.isascii():
        return f"rfc822;{text}"
    return "utf-8;" + "".join(
        c if c > "\x7f" or ("!" <= c <= "~" and c not in "\\+=") else f"\\x{{{ord(c):X}}}" for c in text
    )
