"""What was last seen of a mailbox's folders, by their times, and so whether somebody else has changed anything since.

Times are coarse: two changes within ``TICK`` seconds may leave the same ones, so a look that came so soon after a
change is in doubt and repeated once things are quiet, or after ``LONGEST`` where they never are.  Our own changes are
no reason to look, unless somebody else had changed something before.  Needs the account's lock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from mailsuite.errors import NotFound

#: Seconds within which two changes of a folder may get the same time.
TICK = 2.0

#: Seconds after which a look is repeated that was in doubt, though the folders go on changing.
LONGEST = 3 * TICK

#: When ``new`` and ``cur`` were changed, nanoseconds.
Times = tuple[int, int]

_NEVER: Times = (0, 0)


class Sight:
    """Of one mailbox; ``times`` asks the disk, and raises NotFound when the folders are gone."""

    def __init__(self, times: Callable[[], Times]) -> None:
        self._times = times
        #: At the last look, or after the last change of our own that came after nobody else's.
        self.seen = _NEVER
        self.in_doubt = False
        self._doubted = 0.0  # since when
        self._under_way = 0
        self._undisturbed = False

    def begin(self, seen: Times) -> None:
        """They were last seen like this, in another life perhaps."""
        self.seen, self.in_doubt = seen, False

    def is_old(self, times: Times, now: float) -> bool:
        """Whether a look is needed; ``now``: seconds since the epoch."""
        if times != self.seen:
            return True
        waits = _is_young(times, now) and 0 <= now - self._doubted < LONGEST
        return self.in_doubt and not waits

    def settle(self, times: Times, now: float) -> bool:
        """After a look at folders of these times; whether what was found stands as long as they stay."""
        self.in_doubt, self._doubted = _is_young(times, now), now
        return not self.in_doubt

    def doubt(self) -> None:
        """The next look is a thorough one."""
        self.seen = _NEVER
        self._undisturbed = False

    @contextlib.contextmanager
    def own_change(self) -> Iterator[None]:
        """What changes inside is known; if nobody else changed anything since the last look, none is needed."""
        before = self._times()
        try:
            yield
        except BaseException:
            self.doubt()
            raise
        if before == self.seen:
            self._go_on()

    def expect_change(self) -> None:
        """Our own changes are under way, and ``change_came`` as often; nobody looks meanwhile."""
        if not self._under_way:
            self._undisturbed = self._times() == self.seen
        self._under_way += 1

    def change_came(self) -> None:
        """One of them; if nobody else had changed anything before the first, no look is needed."""
        self._under_way -= 1
        if not self._under_way and self._undisturbed:
            with contextlib.suppress(NotFound):
                self._go_on()

    def _go_on(self) -> None:
        before, self.seen = self.seen, self._times()
        if self.seen != before and not self.in_doubt:
            self.in_doubt, self._doubted = True, max(self.seen) / 1e9


def _is_young(times: Times, now: float) -> bool:
    return now - max(times) / 1e9 <= TICK
