"""What counts as many in a store."""

from __future__ import annotations

import msgspec


class Amounts(msgspec.Struct, frozen=True):
    """``names`` are no more than ``at_once``: while files follow an answer the kernel is not asked."""

    #: Files of which the names are changed before the answer; of more they follow it (``behind``).
    at_once: int = 200
    #: Names that come and go in a mailbox, which one job compares with what is known; while we change more than so many
    #: the kernel is not asked (``attention``).
    names: int = 100


USUAL = Amounts()
