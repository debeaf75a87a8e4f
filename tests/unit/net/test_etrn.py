"""What ETRN answers when not all of it could be started."""

from __future__ import annotations

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from mailsuite.model import Ordered
from mailsuite.net.smtp_inquiries import turn
from mailsuite.smtp.events import Turn
from mailsuite.testing.queue import MemoryQueue
from mailsuite.testing.results import result_of


@pytest.mark.parametrize(
    ("ordered", "code"),
    [
        (Ordered(), 251),
        (Ordered(("m1",)), 253),
        (Ordered(("m1",), {"m2": "no space left"}), 253),
        (Ordered((), {"m1": "no space left"}), 458),
    ],
)
def test_what_could_not_be_started_is_told(monkeypatch: pytest.MonkeyPatch, ordered: Ordered, code: int) -> None:
    """RFC 1985 §5.3."""
    queue = MemoryQueue(Clock())
    monkeypatch.setattr(queue, "order", lambda which, order: succeed(ordered))
    reply = result_of(turn(queue, Turn("b.test", subdomains=False)))
    assert reply.code == code
