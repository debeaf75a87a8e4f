"""The messages behind the one that was fetched, for clients that fetch one after the other with a command for each.

A job for each message costs more than its reading.  Who asked for a message and then for the one behind it has the
next ones read along, small ones only.  Whoever does something else lets go of them; ``Allowance`` bounds what all
sessions hold.  A message's octets never change, and one that is gone is not asked for (``View.resolve``).
"""

from __future__ import annotations

from collections.abc import Sequence

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

    async def octets(self, mailbox: IMailbox, view: View, uid: int) -> bytes | MailError:
        """A message, as of ``IMailbox.octets``."""
        text = self._texts.pop(uid, None)
        if text is not None:
            self._allowance.give_back(len(text))
            self._expect(view, uid)
            return text
        in_order = uid == self._next
        self.clear()
        uids = view.following(uid, AHEAD if in_order else 1)
        found = await mailbox.octets(uids, AHEAD_OCTETS)
        self._keep(uids[1:], found[1:])
        self._expect(view, uid)
        return found[0]

    def _expect(self, view: View, uid: int) -> None:
        self._next = view.following(uid, 2)[-1]

    def _keep(self, uids: Sequence[int], texts: Sequence[bytes | MailError]) -> None:
        for uid, text in zip(uids, texts, strict=False):
            if isinstance(text, bytes) and self._allowance.take(len(text)):
                self._texts[uid] = text

    def clear(self) -> None:
        """Let go of all."""
        if self._texts or self._next:
            self._allowance.give_back(sum(map(len, self._texts.values())))
            self._texts.clear()
            self._next = 0
