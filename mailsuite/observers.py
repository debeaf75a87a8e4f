"""Observers of what happens to messages that need no state: none, and several at once."""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from mailsuite.happenings import Happening
from mailsuite.interfaces import IObserver


@implementer(IObserver)
class Nobody:
    """Does not listen."""

    listens = False

    def happened(self, what: Happening) -> None:
        """Nothing."""


NOBODY = Nobody()


@implementer(IObserver)
class Observers:
    """Tells each of several."""

    def __init__(self, those: Sequence[IObserver]) -> None:
        self._those = [one for one in those if one.listens]
        self.listens = bool(self._those)

    def happened(self, what: Happening) -> None:
        for one in self._those:
            one.happened(what)
