"""One mail transaction while it is under way: who sends, to whom, where that leads, and the draft.

The same destination twice is one delivery, whether a client repeats a recipient or aliases meet.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.errors import MailError
from mailsuite.interfaces import IDraft
from mailsuite.model import (
    Address,
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


class Transaction:
    """From an accepted MAIL to the answer after the final dot, or to whatever ends it before."""

    def __init__(self, id: str, mail: Mail) -> None:
        self.id = id
        self.sender = mail.sender
        self.size = mail.size
        #: Header fields that policy wants on top.
        self.fields: list[bytes] = []
        #: Why the draft could not be written, if so.
        self.failure: MailError | None = None
        self._body = mail.body
        self._recipients: dict[Address, Recipient] = {}
        self._destinations: dict[Destination, None] = {}
        self._draft: IDraft | None = None

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        return tuple(self._recipients.values())

    @property
    def destinations(self) -> tuple[Destination, ...]:
        return tuple(self._destinations)

    def add(self, recipient: Recipient, resolution: Resolution) -> None:
        """An accepted recipient."""
        self._recipients.setdefault(recipient.address, recipient)
        for destination in _destinations(recipient, resolution):
            self._destinations.setdefault(destination)

    def envelope(self, arrived: float) -> Envelope:
        """``arrived``: seconds since the epoch."""
        return Envelope(self.id, self.sender, self.recipients, arrived, self._body)

    def open(self, draft: IDraft) -> None:
        """The body is to follow, into ``draft``."""
        self._draft = draft

    def write(self, data: bytes) -> Deferred[object] | None:
        """Octets of the body.  A draft that fails is written no more; the reason waits in ``failure``."""
        if self._draft is None or self.failure is not None:
            return None
        writing = self._draft.write(data)
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


def _destinations(recipient: Recipient, resolution: Resolution) -> list[Destination]:
    """Where mail for a recipient goes.  An alias may lead elsewhere for anybody: the administrator chose that."""
    match resolution:
        case Local(account=account):
            return [ToMailbox(account)]
        case Forward(accounts=accounts, addresses=addresses):
            here: list[Destination] = [ToMailbox(local.account) for local in accounts]
            return here + [ToRemote(Recipient(address)) for address in addresses]
        case Remote():
            return [ToRemote(recipient)]
        case Unknown():
            raise ValueError("an unknown user leads nowhere")
