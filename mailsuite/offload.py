"""The one door to the thread pool (IOffload).

``run`` uses any thread; ``run_in(lane, ...)`` keeps the calls of one lane in order and never side by side, so state
that belongs to a lane (an account's index) needs no lock.  Results return to the reactor together: one wake-up a
batch, however many calls ended meanwhile.  ``stop`` lets what was asked for finish first.  The threads wait at one
queue that is written in C: Twisted's own pool takes locks and makes closures for each call, while the reactor waits.
Cancelling ends the waiting, not the work: a Deferred without a canceller swallows the late result.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.interfaces import IOffload, IPool

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Job = Callable[[], None]


@implementer(IPool)
class Offload:
    """A pool of ``threads`` threads that reports to ``reactor``, whose thread alone asks for work."""

    def __init__(self, reactor: IReactorFromThreads, threads: int = 8) -> None:
        self._reactor = reactor
        self._threads = [threading.Thread(target=self._work, name=f"mailsuite {n}") for n in range(1, threads + 1)]
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lanes: dict[str, deque[_Job]] = {}
        self._done: deque[_Job] = deque()
        self._waking = False
        self._lock = threading.Lock()
        self._at_work: dict[int, str] = {}  # thread -> what it does

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Blocks until all work that was asked for is done, however long that takes; its results are no longer
        delivered."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        """What each thread does: jobs until there is none."""
        while (job := self._jobs.get()) is not None:
            job()
            del job  # nothing of it is kept while we wait for the next

    def at_work(self) -> list[str]:
        """What the threads do at this moment: lanes, or the names of functions.  Any thread."""
        return sorted(self._at_work.copy().values())

    def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        answer: Deferred[_T] = Deferred()
        self._jobs.put(lambda: self._report(_name(work), answer, work, *args, **kwargs))
        return answer

    def run_in(self, lane: str, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        answer: Deferred[_T] = Deferred()

        def job() -> None:
            self._report(lane, answer, work, *args, **kwargs)

        with self._lock:
            waiting = self._lanes.get(lane)
            if waiting is not None:
                waiting.append(job)
                return answer
            self._lanes[lane] = deque((job,))
        self._jobs.put(lambda: self._walk(lane))
        return answer

    def _walk(self, lane: str) -> None:
        while True:
            with self._lock:
                waiting = self._lanes[lane]
                if not waiting:
                    del self._lanes[lane]
                    return
                job = waiting.popleft()
            job()

    def _report(
        self, name: str, answer: Deferred[_T], work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        """In the thread: do the work, then queue its result for the reactor."""
        thread = threading.get_ident()
        self._at_work[thread] = name
        try:
            result = work(*args, **kwargs)
        except BaseException:
            failure = Failure()
            done: _Job = lambda: answer.errback(failure)  # noqa: E731 - captures this call's failure
        else:
            done = lambda: answer.callback(result)  # noqa: E731
        del self._at_work[thread]
        # No lock, for the reactor would wait for whoever holds it: two threads may wake it at the same time, and the
        # second call finds nothing to do.
        self._done.append(done)
        if not self._waking:
            self._waking = True
            self._reactor.callFromThread(self._deliver)

    def _deliver(self) -> None:
        self._waking = False  # first: what comes from here on wakes us again
        for _ in range(len(self._done)):
            self._done.popleft()()


def _name(work: Callable[..., object]) -> str:
    return getattr(work, "__qualname__", type(work).__qualname__)


@implementer(IOffload)
class Inline:
    """Work done on the spot: for tests and for programs without a reactor."""

    def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        answer: Deferred[_T] = Deferred()
        try:
            answer.callback(work(*args, **kwargs))
        except Exception:
            answer.errback(Failure())
        return answer

    def run_in(self, lane: str, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        return self.run(work, *args, **kwargs)
