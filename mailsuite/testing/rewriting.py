"""IRewriting by tables that a test wrote down."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailsuite.errors import MailError
from mailsuite.interfaces import IRewrites, IRewriting


@implementer(IRewriting)
class FixedRewriting:
    """``failing`` is what the tables fail with if it is set; ``hold`` keeps them back until ``release``."""

    def __init__(self, rewrites: IRewrites) -> None:
        self._rewrites = rewrites
        self.failing: MailError | None = None
        self._holding = False
        self._held: list[Deferred[IRewrites]] = []

    def now(self) -> Deferred[IRewrites]:
        if self._holding:
            self._held.append(Deferred())
            return self._held[-1]
        return succeed(self._rewrites) if self.failing is None else fail(self.failing)

    def hold(self) -> None:
        self._holding = True

    def release(self) -> None:
        self._holding = False
        held, self._held = self._held, []
        for one in held:
            one.callback(self._rewrites)
