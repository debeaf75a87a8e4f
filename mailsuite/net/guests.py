"""Who makes room when all connections there may be are taken: strangers that say nothing.

Without this, whoever opens connections from enough addresses and is silent keeps everybody out until they time out.
The one goes first that has not said anything yet, for the longest time; then one that was silent for ``PATIENCE``.
Who has logged in, has a command in work or comes from a trusted network is no guest.  Each call takes constant time.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

#: Seconds of silence after which who has said something may be asked to leave.
PATIENCE = 5.0
#: Guests that are looked at for one place.
_LOOKS = 10


class Guest(Protocol):
    """What is to be known of a connection."""

    @property
    def logged_in(self) -> str: ...

    @property
    def busy(self) -> bool: ...

    @property
    def silence(self) -> float:
        """Seconds since it said something."""

    def cut(self) -> None: ...


class Guests:
    """The strangers that are here, longest silent first."""

    def __init__(self) -> None:
        self._new: OrderedDict[Guest, None] = OrderedDict()
        self._known: OrderedDict[Guest, None] = OrderedDict()

    def arrived(self, guest: Guest) -> None:
        """A connection of a stranger."""
        self._new[guest] = None

    def spoke(self, guest: Guest) -> None:
        """It did something; nothing if it is no guest."""
        if guest in self._known:
            self._known.move_to_end(guest)
        elif guest in self._new:
            del self._new[guest]
            self._known[guest] = None

    def left(self, guest: Guest) -> None:
        """It is gone, or no stranger any more."""
        self._new.pop(guest, None)
        self._known.pop(guest, None)

    def make_room(self) -> bool:
        """Cut one of them; False if nobody can be asked to go."""
        if self._new:
            self._new.popitem(last=False)[0].cut()
            return True
        for _ in range(min(_LOOKS, len(self._known))):
            guest = next(iter(self._known))
            if guest.logged_in:
                self.left(guest)
            elif guest.busy:
                self.spoke(guest)
            elif guest.silence >= PATIENCE:
                self.left(guest)
                guest.cut()
                return True
            else:
                break
        return False
