"""A site whose inotify is read when the clock advances, and an INBOX that a session watches."""

from __future__ import annotations

import os
from typing import Any

from maildir_site import Site

from mailsuite.disk.inotify import Inotify, Told
from mailsuite.store import attention
from mailsuite.testing.results import result_of


class Readers:
    def addReader(self, reader: Any) -> None: ...

    def removeReader(self, reader: Any) -> None: ...


class Attended:
    """A site whose inotify is read when the clock advances, and an INBOX that a session watches."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.eyes: list[Inotify] = []
        site.open_eyes = self.open
        site.restart()
        self.inbox = site.mailbox()
        self.watch = self.inbox.watch(result_of(self.inbox.snapshot(False)).at, lambda: None)
        self.wait()

    def open(self, told: Told) -> Inotify:
        self.eyes.append(Inotify(Readers(), told))
        return self.eyes[-1]

    def wait(self, seconds: float = attention.DELAY) -> list[Any]:
        """What the session has heard of after that time."""
        for eyes in self.eyes:
            eyes.doRead()
        self.site.clock.advance(seconds)
        return list(self.watch.take())

    def quietly(self, work: Any) -> None:
        """``work`` gets the folder, and leaves no trace in its times."""
        folder = self.site.folder()
        times = {each: os.stat(folder / each) for each in ("new", "cur")}
        work(folder)
        for each, before in times.items():
            os.utime(folder / each, ns=(before.st_atime_ns, before.st_mtime_ns))
