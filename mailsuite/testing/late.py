"""A seam that answers later: what it returns fires in the clock's next round, never before the call has returned.

For tests that nothing depends on a double answering at once.  What comes out of a Deferred and is a seam itself (a
mailbox, a body) answers later as well.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import providedBy


class Late:
    """Stands before ``seam``; attributes and methods that return no Deferred are its own."""

    def __init__(self, seam: Any, clock: IReactorTime) -> None:
        self._seam = seam
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._seam, name)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            result = value(*args, **kwargs)
            return self._later(result) if isinstance(result, Deferred) else result

        return call

    def _later(self, result: Deferred[Any]) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()

        def fire(value: Any) -> None:
            if isinstance(value, Failure):
                answer.errback(value)
            elif any(interface.__module__ == "mailsuite.interfaces" for interface in providedBy(value)):
                answer.callback(Late(value, self._clock))
            else:
                answer.callback(value)

        def arrived(value: Any) -> None:
            self._clock.callLater(0, fire, value)

        result.addBoth(arrived)
        return answer
