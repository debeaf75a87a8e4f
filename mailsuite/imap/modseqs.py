"""What a session that knows CONDSTORE or QRESYNC was told of mod-sequences, and what it must be told yet.

RFC 7162 §3.1, §3.2 and §6.  Such a client takes the highest MODSEQ that it saw for the state it knows.  That is wrong
while an expunge with a lower one is held back, so HIGHESTMODSEQ then says how far it may really count; and it is told
again once the expunge was.  One ``ModSeqs`` belongs to one ``View``.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from itertools import repeat

from mailsuite.imap import codes


class Awareness(enum.IntEnum):
    """What the client announced: nothing, "CONDSTORE-aware" (§3.1), ENABLE QRESYNC (§3.2.3).  It only ever grows."""

    NONE = 0
    CONDSTORE = 1
    QRESYNC = 2


class ModSeqs:
    """``highest``: of all changes heard.  ``heard``: UID -> MODSEQ of changes since the last telling.  ``awareness``:
    set where the client was aware before it selected the mailbox, so that SELECT told HIGHESTMODSEQ."""

    def __init__(self, highest: int) -> None:
        self.highest = highest
        self.awareness = Awareness.NONE
        self.heard: dict[int, int] = {}
        self._held = 0  # MODSEQ of the oldest expunge that is held back, 0 for none
        self._shown = 0  # the highest one shown since the last answer
        self._owed = False

    def raise_to(self, awareness: Awareness) -> None:
        """The client announces something while the mailbox is selected; the first time HIGHESTMODSEQ is due (§3.1)."""
        self._owed = self._owed or self.awareness is Awareness.NONE
        self.awareness = max(self.awareness, awareness)

    def reached(self, modseq: int) -> None:
        """A change with that MODSEQ was heard, and all before it."""
        self.highest = max(self.highest, modseq)

    def note(self, uids: Sequence[int], modseqs: Sequence[int]) -> None:
        """Messages have these MODSEQs or newer ones."""
        if self.heard:
            modseqs = list(map(max, modseqs, map(self.heard.get, uids, repeat(0))))
        self.heard.update(zip(uids, modseqs, strict=True))

    def show(self, uid: int, modseq: int) -> int:
        """The MODSEQ of a message to show, at least this; it counts as told."""
        modseq = max(modseq, self.heard.pop(uid, 0))
        self._shown = max(self._shown, modseq)
        return modseq

    def hold(self, modseq: int) -> None:
        """An expunge was heard that the client does not know of."""
        self._held = min(modseq, self._held) if self._held else modseq

    def release(self) -> None:
        """All expunges were told."""
        self._held = 0
        self._owed = self.awareness is not Awareness.NONE

    def code(self) -> bytes:
        """``HIGHESTMODSEQ n`` to go with an answer, behind all that is told; empty where nothing calls for it."""
        due = self._owed or (self._held and self._shown >= self._held)
        self._owed, self._shown = False, 0
        if self.awareness is Awareness.NONE or not due:
            return b""
        return codes.highestmodseq(self._held - 1 if self._held else self.highest)
