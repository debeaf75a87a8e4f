"""IOffload whose work waits until the test lets it go: for what happens while the disk is busy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.interfaces import IOffload

_P = ParamSpec("_P")
_T = TypeVar("_T")


@implementer(IOffload)
class HeldOffload:
    """Work is done by ``go``, in the order asked; ``waiting`` tells how much there is."""

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._jobs)

    def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        answer: Deferred[_T] = Deferred()

        def job() -> None:
            try:
                result = work(*args, **kwargs)
            except Exception:
                answer.errback(Failure())
            else:
                answer.callback(result)

        self._jobs.append(job)
        return answer

    def run_in(self, lane: str, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        return self.run(work, *args, **kwargs)

    def go(self, count: int = 1_000_000) -> None:
        """Do at most ``count`` jobs, those asked for meanwhile too."""
        while self._jobs and count > 0:
            self._jobs.popleft()()
            count -= 1
