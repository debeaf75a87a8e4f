"""The messages behind the one that was fetched, for clients that fetch one after the other with a command for each.

A job for each message costs more than its reading.  Who asked for a message and then for the one behind it has the
next ones read along, small ones only, and those behind them while he reads the second half of these.  Whoever does
something else lets go of them; ``Allowance`` bounds what all sessions hold.  A message's octets never change, and one
that is gone is not asked for (``View.resolve``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from mailsuite.errors import MailError
from mailsuite.imap.view import View
from mailsuite.interfaces import IMailbox

#: Messages read along, and octets of them.
AHEAD = 16
AHEAD_OCTETS = 256 * 1024
#: Octets that all sessions hold.
ALL_OCTETS = 16 << 20


class Allowance:
    """Octets that may be held."""

    def __init__(self, octets: int = ALL_OCTETS) -> None:
        self.left = octets

    def take(self, octets: int) -> bool:
        """Whether so many more may be."""
        if octets > self.left:
            return False
        self.left -= octets
        return True

    def give_back(self, octets: int) -> None:
        self.left += octets


class Following:
    """What one session has read along in the mailbox that it has selected."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._texts: dict[int, bytes] = {}
        self._next = 0
        #: What is being read, and when it is there; it may lack some of them.
        self._reading: Sequence[int] = ()
        self._read: Deferred[Any] | None = None

    async def octets(self, mailbox: IMailbox, view: View, uid: int) -> bytes | MailError:
        """A message, as of ``IMailbox.octets``."""
        if self._read is not None and uid in self._reading and uid not in self._texts:
            await self._read
        text = self._texts.pop(uid, None)
        if text is not None:
            self._allowance.give_back(len(text))
            self._expect(view, uid)
            self._read_on(mailbox, view)
            return text
        in_order = uid == self._next
        self.clear()
        uids = view.following(uid, AHEAD if in_order else 1)
        found = await mailbox.octets(uids, AHEAD_OCTETS)
        self._keep(uids[1:], found[1:])
        self._expect(view, uid)
        return found[0]

    def _read_on(self, mailbox: IMailbox, view: View) -> None:
        """Have the next read when few are left, so that nobody waits for them."""
        few = 0 < len(self._texts) <= AHEAD // 2
        if not few or self._read is not None or self._allowance.left < AHEAD_OCTETS:
            return
        last = next(reversed(self._texts))
        self._reading = uids = view.following(last, AHEAD + 1)[1:] if view.holds(last) else ()
        if uids:
            self._read = read = mailbox.octets(uids, AHEAD_OCTETS)
            read.addCallback(self._was_read, uids)
            read.addErrback(lambda _: self._was_read((), ()))  # who asks for one of them hears why

    def _was_read(self, texts: Sequence[bytes | MailError], uids: Sequence[int]) -> None:
        self._read = None
        self._keep(uids, texts)

    def _expect(self, view: View, uid: int) -> None:
        self._next = view.following(uid, 2)[-1]

    def _keep(self, uids: Sequence[int], texts: Sequence[bytes | MailError]) -> None:
        for uid, text in zip(uids, texts, strict=False):
            if isinstance(text, bytes) and self._allowance.take(len(text)):
                self._texts[uid] = text

    def clear(self) -> None:
        """Let go of all."""
        read, self._read = self._read, None
        if read is not None:
            read.cancel()
        if self._texts or self._next:
            self._allowance.give_back(sum(map(len, self._texts.values())))
            self._texts.clear()
            self._next = 0
