"""File descriptors: as many as the configured connections need, where the system lets us.

Most systems start a process with 1024 and allow it more if it asks (getrlimit(2)).  When they run out all the same,
Twisted keeps one in reserve and closes what it accepts with it, so that the server stays alive and does not spin.
"""

from __future__ import annotations

import resource

from mailsuite.config.schema import Settings

#: What the process has open besides clients: libraries, log, ports, threads, SQLite files, the folders in use.
_OWN = 512
#: A client's socket and the message that it is sending or reading.
_PER_CLIENT = 2
#: A relay attempt: the socket, one that is being tried beside it, the message.
_PER_ATTEMPT = 3


def needed(settings: Settings) -> int:
    """How many the server may have open at once."""
    return _OWN + _PER_CLIENT * settings.limits.connections + _PER_ATTEMPT * settings.relay.at_once


def raise_limit(wanted: int) -> int:
    """Let this process open that many; gives how many it may open then, which is less where the hard limit is."""
    soft, hard = (_count(limit, wanted) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    if soft >= wanted:
        return soft
    possible = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (possible, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return possible


def _count(limit: int, wanted: int) -> int:
    return wanted if limit == resource.RLIM_INFINITY else limit
