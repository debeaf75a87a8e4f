"""What was last seen of a mailbox's folders, by their times, and so whether somebody else has changed anything since.

Times are coarse: two changes within ``TICK`` seconds may leave the same ones, so a look that came so soon after a
change is in doubt and repeated once things are quiet.  Our own changes are no reason to look, unless somebody else had
changed something before.  Needs the account's lock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from mailsuite.errors import NotFound

#: Seconds within which two changes of a folder may get the same time.
TICK = 2.0

#: When ``new`` and ``cur`` were changed, nanoseconds.
Times = tuple[int, int]

_NEVER: Times = (0, 0)


class Sight:
    """Of one mailbox; ``times`` asks the disk, and raises NotFound when the folders are gone."""

    def __init__(self, times: Callable[[], Times]) -> None:
        self._times = times
        #: At the last look, or after the last change of our own that came after nobody else's.
        self.seen = _NEVER
        self._in_doubt = False
        self._under_way = 0
        self._undisturbed = False

    def begin(self, seen: Times) -> None:
        """They were last seen like this, in another life perhaps."""
        self.seen, self._in_doubt = seen, False

    def is_old(self, times: Times, now: float) -> bool:
        """Whether a look is needed; ``now``: seconds since the epoch."""
        return times != self.seen or (self._in_doubt and not _is_young(times, now))

    def settle(self, times: Times, now: float) -> bool:
        """After a look at folders of these times; whether what was found stands as long as they stay."""
        self._in_doubt = _is_young(times, now)
        return not self._in_doubt

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
        self._in_doubt = self._in_doubt or self.seen != before


def _is_young(times: Times, now: float) -> bool:
    return now - max(times) / 1e9 <= TICK
