"""Looks at the folders of idling sessions, so that mail which another program delivers is told within about a second.

One timer for all sessions of a factory.  Each tick looks at a bounded number of mailboxes in turn, each once however
many sessions idle on it; with very many the interval grows instead of the load.  A mailbox that is ``prompt`` hears by
itself and is looked at now and then only, since nothing tells of what another host does to a shared disk.  Says ``Still
here`` to sessions that heard nothing for long, so that routers keep their connections.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import MailError

#: Seconds between two looks at a mailbox that hears by itself.
PROMPT_EVERY = 15.0


class Idler(Protocol):
    """A session, as far as this module cares."""

    def still_here(self) -> None:
        """Say something that means nothing."""


class Place(Protocol):
    """An ``IMailbox``, as far as this module cares; or what is looked at like one."""

    @property
    def account(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def prompt(self) -> bool: ...

    def look(self) -> Deferred[None]: ...


_Key: TypeAlias = tuple[str, str]


class _Watched:
    """A mailbox and who idles on it; ``looking`` while a look is under way."""

    def __init__(self, mailbox: Place) -> None:
        self.mailbox = mailbox
        self.idlers: dict[Idler, None] = {}  # in the order in which they came
        self.looking = False
        self.looked = 0.0


class Lookout:
    """``every``: seconds between ticks; ``at_once``: looks a tick; ``still_here``: seconds of quiet."""

    log = Logger()

    def __init__(self, clock: IReactorTime, every: float, at_once: int, still_here: float) -> None:
        self._clock = clock
        self._every = every
        self._at_once = at_once
        self._still_here = still_here
        self._watched: OrderedDict[_Key, _Watched] = OrderedDict()
        self._idlers: OrderedDict[Idler, tuple[float, _Key | None]] = OrderedDict()
        self._timer: IDelayedCall | None = None

    def add(self, idler: Idler, mailbox: Place | None) -> None:
        """A session begins to idle, on a mailbox or on none."""
        key = None
        if mailbox is not None:
            key = (mailbox.account, mailbox.name)
            self._watched.setdefault(key, _Watched(mailbox)).idlers[idler] = None
        self._idlers[idler] = (self._clock.seconds() + self._still_here, key)
        if self._timer is None:
            self._timer = self._clock.callLater(self._every, self._tick)

    def remove(self, idler: Idler) -> None:
        """It idles no more; nothing if it did not."""
        _, key = self._idlers.pop(idler, (0.0, None))
        watched = self._watched.get(key) if key is not None else None
        if key is not None and watched is not None:
            watched.idlers.pop(idler, None)
            if not watched.idlers:
                del self._watched[key]
        if not self._idlers and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = self._clock.callLater(self._every, self._tick)
        for key in list(self._watched)[: self._at_once]:
            self._watched.move_to_end(key)
            self._look(self._watched[key])
        self._speak_up()

    def _look(self, watched: _Watched) -> None:
        now = self._clock.seconds()
        if watched.looking or (watched.mailbox.prompt and now < watched.looked + PROMPT_EVERY):
            return
        watched.looking, watched.looked = True, now
        looked = watched.mailbox.look()
        looked.addErrback(self._could_not_look)
        looked.addBoth(lambda _: setattr(watched, "looking", False))

    def _could_not_look(self, failure: Failure) -> None:
        if not failure.check(MailError):
            self.log.failure("cannot look at a mailbox", failure)

    def _speak_up(self) -> None:
        now = self._clock.seconds()
        due = []
        for idler, (at, _) in self._idlers.items():  # in the order of their times
            if at > now:
                break
            due.append(idler)
        for idler in due:
            self._idlers[idler] = (now + self._still_here, self._idlers[idler][1])
            self._idlers.move_to_end(idler)
            idler.still_here()
