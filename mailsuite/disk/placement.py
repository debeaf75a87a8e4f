"""Puts one message in several places, all or none.

Each place (a mailbox, the queue) hands in a ``Placement``.  ``place`` first prepares every one, which is where room,
permissions and quota show themselves and where the octets are made durable under names nobody looks at, and only
then publishes them.  An error while preparing undoes everything; nothing was visible.  Publishing is renames and
folder syncs; if one fails after others went through, those are undone too, as far as the disk lets us.
Blocking: runs inside ``IOffload``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Placement(Protocol):
    """One place a message goes to."""

    def prepare(self) -> None:
        """Everything that can fail for a reason, durable but invisible."""

    def publish(self) -> None:
        """Make it visible, durably."""

    def undo(self) -> None:
        """Take back whatever was done; idempotent, never raises."""


def place(placements: Sequence[Placement]) -> None:
    """Run all of them as one step; raises what the first failing one raised, with nothing left behind."""
    begun: list[Placement] = []
    try:
        for placement in placements:
            begun.append(placement)
            placement.prepare()
        for placement in placements:
            placement.publish()
    except BaseException:
        for placement in reversed(begun):
            placement.undo()
        raise
