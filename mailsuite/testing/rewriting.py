"""IRewriting by tables that a test wrote down."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailsuite.errors import MailError
from mailsuite.interfaces import IRewrites, IRewriting


@implementer(IRewriting)
class FixedRewriting:
    """``rewrites``, told a moment later; ``failing`` is what the tables fail with if it is set."""

    def __init__(self, rewrites: IRewrites) -> None:
        self._rewrites = rewrites
        self.failing: MailError | None = None

    def now(self) -> Deferred[IRewrites]:
        return succeed(self._rewrites) if self.failing is None else fail(self.failing)
