"""UIDVALIDITY, and UIDNEXT and HIGHESTMODSEQ that never go back, in the file ``mailsuite-uidvalidity`` of a folder.

Numbers are reserved on disk in blocks before the first of them is used, so that after a crash, with or without an
index, counting goes on above everything a client can have seen.  An orderly stop writes the exact numbers, so that
nothing jumps, and the times of the folder's ``new`` and ``cur``, in nanoseconds, which tell whether it was changed.
The file is one line: ``1 V<uidvalidity> N<uid> M<modseq> <exact|reserved> [<new> <cur>]``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailsuite.errors import Corrupt, TooMany
from mailsuite.interfaces import IDisk
from mailsuite.steps import Put, Step
from mailsuite.store.filename import MAX_UID

FILE = "mailsuite-uidvalidity"
UID_BLOCK = 1000
MODSEQ_BLOCK = 10_000

_LINE = re.compile(rb"1 V(\d{1,10}) N(\d{1,10}) M(\d{1,19}) (exact|reserved)(?: (\d{1,20}) (\d{1,20}))?\n")


class Counters:
    """The counters of one folder.  ``exact`` tells whether the last user of the file stopped in order; ``path`` follows
    the folder when it is renamed."""

    def __init__(self, disk: IDisk, path: str, uidvalidity: int, uidnext: int, modseq: int, exact: bool) -> None:
        self._disk = disk
        self.path = path
        self.uidvalidity = uidvalidity
        self.uidnext = uidnext
        self.modseq = modseq
        self.exact = exact
        self.times: tuple[int, int] | None = None
        self._uid_bound = uidnext
        self._modseq_bound = modseq

    @classmethod
    def load(cls, disk: IDisk, path: str) -> Counters | None:
        """What the file says, None if there is none; ``Corrupt`` if it is not ours."""
        try:
            data = disk.read(path)
        except FileNotFoundError:
            return None
        line = _LINE.fullmatch(data)
        if line is None:
            raise Corrupt(f"{path}: not a line that mailsuite wrote; remove it, and clients fetch the mailbox anew")
        uidvalidity, uidnext, modseq = (int(line.group(number)) for number in (1, 2, 3))
        counters = cls(disk, path, uidvalidity, uidnext, modseq, line.group(4) == b"exact")
        counters.times = (int(line.group(5)), int(line.group(6))) if line.group(5) else None
        return counters

    @classmethod
    def create(cls, disk: IDisk, path: str, uidvalidity: int, uidnext: int = 1, modseq: int = 1) -> Counters:
        """For a folder that never had any here."""
        counters = cls(disk, path, uidvalidity, uidnext, modseq, True)
        counters._write(uidnext, modseq, "exact")
        return counters

    def arrive(self, count: int, beside: Sequence[Step] = ()) -> tuple[int, int]:
        """Reserve as many UIDs as MODSEQs; the first of each.  ``beside`` is committed before they are used."""
        first = self.uidnext, self.modseq + 1
        if self.uidnext + count > MAX_UID:
            raise TooMany("the mailbox has used up its UIDs")
        self._advance(self.uidnext + count, self.modseq + count, beside)
        return first

    def at_least(self, uidnext: int) -> None:
        """Count on above UIDs that were found in file names."""
        if uidnext > self.uidnext:
            self._advance(uidnext, self.modseq)

    def next_modseq(self) -> int:
        self._advance(self.uidnext, self.modseq + 1)
        return self.modseq

    def _advance(self, uidnext: int, modseq: int, beside: Sequence[Step] = ()) -> None:
        """Where they cannot be reserved nothing is counted: a session that asks is not told of numbers that another
        message would get after a restart."""
        self._reserve(uidnext, modseq, beside)
        self.uidnext, self.modseq = uidnext, modseq

    def _reserve(self, uidnext: int, modseq: int, beside: Sequence[Step]) -> None:
        if uidnext <= self._uid_bound and modseq <= self._modseq_bound and not self.exact:
            if beside:
                self._disk.commit(beside)
            return
        uid_bound = min(uidnext + UID_BLOCK, MAX_UID)
        modseq_bound = modseq + MODSEQ_BLOCK
        self._write(uid_bound, modseq_bound, "reserved", beside)
        self._uid_bound, self._modseq_bound, self.exact = uid_bound, modseq_bound, False

    def settle(self, times: tuple[int, int]) -> None:
        """Write the exact numbers, at an orderly stop; what comes later reserves anew."""
        if not self.exact or self.times != times:
            self._write(self.uidnext, self.modseq, f"exact {times[0]} {times[1]}")
            self._uid_bound, self._modseq_bound, self.exact = self.uidnext, self.modseq, True
            self.times = times

    def _write(self, uid: int, modseq: int, words: str, beside: Sequence[Step] = ()) -> None:
        line = f"1 V{self.uidvalidity} N{uid} M{modseq} {words}\n"
        self._disk.commit((Put(self.path, line.encode("ascii")), *beside))
