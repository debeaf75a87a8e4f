"""queue.hosts: who did not answer a moment ago."""

from __future__ import annotations

from twisted.internet.task import Clock

from mailsuite.model import Hop, Status
from mailsuite.queue.hosts import Unreachable, UnreachableHosts

NOBODY = Status(4, 4, 1)
HOP = Hop("mx.b.test", ("192.0.2.1",), 25)


def test_it_is_not_tried_again_for_a_while_nor_longer_because_the_clock_is_set_back() -> None:
    clock = Clock()
    clock.advance(100_000)
    hosts = UnreachableHosts(60, clock.seconds)
    hosts.note(HOP, NOBODY, "nobody answers")
    assert hosts.reason(HOP, 0) == Unreachable(100_000, NOBODY, "nobody answers")
    clock.advance(59)
    assert hosts.reason(HOP, 0) == Unreachable(100_000, NOBODY, "nobody answers")
    clock.advance(1)
    assert hosts.reason(HOP, 0) is None
    hosts.note(HOP, NOBODY, "nobody answers")
    clock.rightNow -= 7200
    assert hosts.reason(HOP, 0) is None
