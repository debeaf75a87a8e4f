"""What every IObserver does: it is told, returns at once, and never fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.happenings import Accepted, Happening, Placed, Read
from mailsuite.interfaces import IObserver
from mailsuite.observers import NOBODY, Observers
from mailsuite.offload import Inline
from mailsuite.testing.observer import NotedObserver
from mailsuite.track.database import Database
from mailsuite.track.recorder import EVERY, Recorder

HAPPENINGS: Sequence[Happening] = (
    Accepted(1.0, "id", "a@b", ("c@d",), 10, "192.0.2.1:1", header=b"\xff\xfe no header"),
    Placed(1.0, "id", "c@d/INBOX", 1),
    Read(2.0, "c@d/INBOX", (1, 2), "read by IMAP"),
)


@pytest.mark.parametrize("kind", ["nobody", "several", "noted", "recorder", "recorder without a disk"])
def test_it_is_told_and_never_fails(kind: str, tmp_path: Path) -> None:
    clock = Clock()
    noted = NotedObserver()
    path = str(tmp_path / ("x" if kind == "recorder" else "gone/x"))
    observer = {
        "nobody": NOBODY,
        "several": Observers([NOBODY, noted, noted]),
        "noted": noted,
    }.get(kind) or Recorder(Database(path, 100.0, 1 << 20), clock, Inline())
    assert verifyObject(IObserver, observer)
    assert observer.listens is (kind != "nobody")
    for one in HAPPENINGS:
        assert observer.happened(one) is None
    clock.advance(EVERY)
    twice = [one for one in HAPPENINGS for _ in range(2)]
    assert noted.told == {"noted": [*HAPPENINGS], "several": twice}.get(kind, [])


def test_several_of_whom_none_listens_do_not_listen() -> None:
    assert not Observers([NOBODY, NOBODY]).listens
