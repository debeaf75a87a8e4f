"""IDelivery and IDraft in memory: what was committed is a list to look at, ``commits``, as it came; ``mail`` and
``relayed`` give it as it would be stored.

``fail(error)`` makes the next commit fail, ``fail_writes(error)`` every write from now on; ``hold`` keeps commits
waiting and ``hold_writes`` writes, until ``release``.  ``open_drafts`` counts drafts that were neither committed nor
discarded.  ``keep=False`` throws octets away, so that memory can be measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailsuite.interfaces import IBody, IDelivery, IDraft
from mailsuite.mime.header import header_end
from mailsuite.mime.lines import to_crlf
from mailsuite.model import INBOX, Address, Destination, Envelope, ToMailbox, ToRemote
from mailsuite.testing.memory_body import MemoryBody

MAX_HEADER = 256 * 1024
_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)


class Committed(msgspec.Struct, frozen=True):
    """One message that was taken: ``octets`` as it came, ``trace`` what was put on top."""

    envelope: Envelope
    trace: bytes
    destinations: tuple[Destination, ...]
    octets: bytes


@implementer(IDraft)
class MemoryDraft:
    def __init__(self, delivery: MemoryDelivery | None = None) -> None:
        self.size = 0
        self.ended = False
        #: What a write failed with: the message is not whole, so nothing can come of it.
        self.failed: Exception | None = None
        self._taken = False  # its body was asked for
        #: A commit has begun and is not done: whoever discards now could lose an acknowledged message.
        self.committing = False
        self._delivery = delivery or MemoryDelivery()
        self._pieces: list[bytes] = []
        self._header = b""

    @property
    def received(self) -> int:
        return len(_RECEIVED.findall(self.header()))

    @property
    def octets(self) -> bytes:
        return b"".join(self._pieces)

    def write(self, data: bytes) -> Deferred[None] | None:
        assert not self.ended, "written to after its end"
        assert not self._taken, "written to after its body was taken"
        self.failed = self.failed or self._delivery.write_error
        if self.failed is not None:
            return fail(self.failed)
        self.size += len(data)
        if len(self._header) < MAX_HEADER:
            self._header += data[: MAX_HEADER - len(self._header)]
        if self._delivery.keep:
            self._pieces.append(data)
        return self._delivery.wait_for_write()

    def header(self) -> bytes:
        return to_crlf(self._header[: header_end(self._header)])[:MAX_HEADER]

    def body(self) -> Deferred[IBody]:
        self._taken = True
        return fail(self.failed) if self.failed is not None else succeed(MemoryBody(to_crlf(self.octets)))

    def discard(self) -> None:
        assert not self.committing, "discarded while it is being committed"
        self._end()

    def _end(self) -> None:
        if not self.ended:
            self.ended = True
            self._delivery.open_drafts -= 1


@implementer(IDelivery)
class MemoryDelivery:
    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self.commits: list[Committed] = []
        self.open_drafts = 0
        self.write_error: Exception | None = None
        self._errors: list[Exception] = []
        self._held: list[Deferred[None]] | None = None
        self._held_writes: list[Deferred[None]] | None = None

    def draft(self) -> MemoryDraft:
        self.open_drafts += 1
        return MemoryDraft(self)

    def commit(
        self, draft: IDraft, envelope: Envelope, trace: bytes, destinations: Sequence[Destination]
    ) -> Deferred[None]:
        assert isinstance(draft, MemoryDraft)
        assert not draft.ended, "committed twice or after discard"
        draft._end()
        if draft.failed is not None:
            return fail(draft.failed)
        if self._errors:
            return fail(self._errors.pop(0))
        taken = Committed(envelope, trace, tuple(destinations), draft.octets)
        if self._held is None:
            self.commits.append(taken)
            return succeed(None)
        draft.committing = True

        def finish(_: object) -> None:
            draft.committing = False
            self.commits.append(taken)

        # As on a real disk: work that has begun is finished even if the one who asked has gone.
        held = self._held
        alone: Deferred[None] = Deferred()
        alone.addCallback(finish)

        def go_on_alone(_: object) -> None:
            held.append(alone)

        waiting: Deferred[None] = Deferred(go_on_alone)
        held.append(waiting)
        return waiting.addCallback(finish)

    # -- what tests ask for ----------------------------------------------------------------------------------------

    def mail(self, account: str, mailbox: str = INBOX) -> list[bytes]:
        """The messages in a mailbox, oldest first, with their Return-Path (RFC 5321 section 4.4)."""
        return [
            b"Return-Path: <%s>\r\n" % str(one.envelope.sender).encode() + one.trace + to_crlf(one.octets)
            for one in self.commits
            for to in one.destinations
            if isinstance(to, ToMailbox) and (to.account, to.mailbox) == (account, mailbox)
        ]

    def relayed(self) -> list[tuple[tuple[Address, ...], bytes]]:
        """The messages in the relay queue, each with its recipients there."""
        return [
            (remote, one.trace + to_crlf(one.octets))
            for one in self.commits
            if (remote := tuple(to.recipient.address for to in one.destinations if isinstance(to, ToRemote)))
        ]

    def fail(self, *errors: Exception) -> None:
        """The next commits fail so, one error each."""
        self._errors.extend(errors)

    def fail_writes(self, error: Exception) -> None:
        self.write_error = error

    def hold(self) -> None:
        self._held = self._held or []

    def hold_writes(self) -> None:
        self._held_writes = self._held_writes or []

    def release(self) -> None:
        """Everything that waits goes on."""
        held, self._held = [*(self._held or ()), *(self._held_writes or ())], None
        self._held_writes = None
        for waiting in held:
            if not waiting.called:
                waiting.callback(None)

    def wait_for_write(self) -> Deferred[None] | None:
        if self._held_writes is None:
            return None
        waiting: Deferred[None] = Deferred()
        self._held_writes.append(waiting)
        return waiting
