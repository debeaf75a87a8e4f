"""What happens at sockets, without a log context around each event.

Twisted's reactor tells its log whose socket it is before every read, which costs as much processor time as some of our
commands; no line of ours asks for it, for each names its message or peer itself.  Here the loop over what epoll told is
the same but for that.  It stands on three parts of ``EPollReactor`` that are not public; any other reactor, and one
without them, stays as it is.
"""

from __future__ import annotations

import functools
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import Logger

_PARTS = ("_poller", "_selectables", "_doReadOrWrite")

_log = Logger()


def poll_plainly(reactor: Any) -> None:
    """From now on, for the life of the process."""
    if type(reactor) is EPollReactor and all(hasattr(reactor, part) for part in _PARTS):
        reactor.doIteration = functools.partial(_poll, reactor)  # type: ignore[method-assign]


def _poll(reactor: Any, seconds: float | None) -> None:
    """Wait for events, at most so long (None is for ever), and let them happen."""
    selectables, happen = reactor._selectables, reactor._doReadOrWrite
    try:
        events = reactor._poller.poll(-1 if seconds is None else seconds, len(selectables))
    except InterruptedError:
        return
    for descriptor, event in events:
        selectable = selectables.get(descriptor)
        if selectable is None:  # closed by what happened before
            continue
        try:
            happen(selectable, descriptor, event)
        except Exception:  # what reading and writing raise is dealt with there; this is about closing
            _log.failure("closing {selectable}", selectable=selectable)
