"""Units on a disk without a journal: each is done when it is asked for, and nothing is left to be done later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from mailsuite.disk.applying import commit_directly, error_of
from mailsuite.disk.promised import Kept
from mailsuite.disk.recorded import Recorded
from mailsuite.interfaces import IDisk, IPromise, IRecorded
from mailsuite.steps import Unit


class Direct:
    """The part of IDisk that is about units, for a class that has all of the rest."""

    def commit(self, steps: Unit) -> frozenset[int]:
        return commit_directly(cast(IDisk, self), steps)

    def record(self, units: Sequence[Unit]) -> IRecorded:
        return Recorded([error_of(self.commit, unit) for unit in units])

    def promise(self, steps: Unit, after: IPromise | None = None) -> IPromise:
        return Kept(self.commit(steps))

    def checkpoint(self) -> None:
        """All is in place always."""
