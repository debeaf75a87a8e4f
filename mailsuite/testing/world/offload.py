"""The threads of a simulated host (IPool): jobs take time, lanes keep their order, the disk may die under them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.interfaces import IPool
from mailsuite.testing.world.clock import Call, HostClock
from mailsuite.testing.world.disks import Disks, HostDisk, PowerCut

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Seconds a job takes: usually at most, and now and then.
USUAL, SLOW, SLOW_SHARE = 0.004, 0.6, 0.02


@implementer(IPool)
class SimulatedOffload:
    """``lost`` is called when the power fails while a job is done."""

    def __init__(
        self, clock: HostClock, rng: random.Random, disks: Disks, disk: HostDisk, lost: Callable[[], None]
    ) -> None:
        self.clock, self._rng = clock, rng
        self._disks, self._disk, self._lost = disks, disk, lost
        self._jobs: dict[Call, Callable[[], None]] = {}
        #: When the last job of a lane is done.
        self._busy: dict[str, float] = {}
        #: When the last answer is told: they come in the order in which jobs end.
        self._told = 0.0
        self.stopped = False

    def start(self) -> None:
        """The threads are there."""

    def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        return self._ask(0.0, work, *args, **kwargs)[0]

    def run_in(self, lane: str, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        now = self.clock.seconds()
        answer, delay = self._ask(max(0.0, self._busy.get(lane, 0.0) - now), work, *args, **kwargs)
        self._busy[lane] = now + delay
        return answer

    def _ask(
        self, wait: float, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> tuple[Deferred[_T], float]:
        answer: Deferred[_T] = Deferred()
        delay = wait + self._rng.uniform(0, SLOW if self._rng.random() < SLOW_SHARE else USUAL)

        def job() -> None:
            del self._jobs[call]
            self._do(answer, lambda: work(*args, **kwargs))

        call = self.clock.callLater(delay, job)
        self._jobs[call] = job
        return answer, delay

    def _do(self, answer: Deferred[_T], work: Callable[[], _T]) -> None:
        try:
            with self._disks.of(self._disk):
                result = work()
        except PowerCut:
            self._lost()
        except Exception:
            self._report(answer.errback, Failure())
        else:
            self._report(answer.callback, result)

    def _report(self, fire: Callable[..., None], value: object) -> None:
        if not self.stopped:
            now = self.clock.seconds()
            self._told = max(self._told, now + self._rng.uniform(0, USUAL / 4))
            self.clock.callLater(self._told - now, fire, value)

    def stop(self) -> None:
        """What was asked for is done; its results are not delivered."""
        self.stopped = True
        for call, job in tuple(self._jobs.items()):
            if call.active():
                call.cancel()
                job()

    def vanish(self) -> None:
        """Nobody is there any more: nothing of it is done."""
        self.stopped = True
        self._jobs.clear()

    def at_work(self) -> list[str]:
        return []
