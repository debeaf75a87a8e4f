"""IObserver that remembers."""

from __future__ import annotations

from zope.interface import implementer

from mailsuite.happenings import Happening
from mailsuite.interfaces import IObserver


@implementer(IObserver)
class NotedObserver:
    """``told`` in order."""

    listens = True

    def __init__(self) -> None:
        self.told: list[Happening] = []

    def happened(self, what: Happening) -> None:
        self.told.append(what)
