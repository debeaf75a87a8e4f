"""net.smtp_ending: what LMTP copies from is given back, whatever comes of the commits."""

from __future__ import annotations

import itertools

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailsuite.errors import MailError, OverQuota, Temporary
from mailsuite.interfaces import IBody
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_settings import Service, SMTPSettings
from mailsuite.net.throttle import Throttle
from mailsuite.policy.ordered import OrderedPolicy
from mailsuite.testing.delivery import MemoryDelivery, MemoryDraft
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.queue import MemoryQueue, NotedReports
from mailsuite.testing.transport import FakeTransport

TRANSACTION = (
    b"LHLO x\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<bob@here.test>\r\nRCPT TO:<eve@here.test>\r\nDATA\r\nx\r\n.\r\n"
)


@pytest.mark.parametrize(
    ("errors", "codes"),
    [
        ((), [b"250", b"250"]),
        ((OverQuota("full"),), [b"250", b"250"]),
        ((OverQuota("full"), OverQuota("full")), [b"452", b"250"]),
        ((OverQuota("full"), Temporary("disk")), [b"451", b"250"]),
        ((Temporary("disk"),), [b"451", b"451"]),
    ],
)
def test_the_body_is_closed_and_no_draft_is_left(
    errors: tuple[MailError, ...], codes: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies: list[IBody] = []
    given = MemoryDraft.body

    def noted(draft: MemoryDraft) -> Deferred[IBody]:
        return given(draft).addCallback(lambda body: bodies.append(body) or body)  # type: ignore[func-returns-value]

    monkeypatch.setattr(MemoryDraft, "body", noted)
    clock, delivery, numbers = Clock(), MemoryDelivery(), itertools.count(1)
    people = MemoryDirectory(["here.test"], {"bob@here.test": "x", "eve@here.test": "x"})
    delivery.fail(*errors)
    factory = SMTPServerFactory(
        *(SMTPSettings("mx.here.test", Service.LMTP), people, OrderedPolicy([]), delivery),
        *(Login(people, Throttle(clock), clock), Admission(9, 9), None, clock, lambda: f"M{next(numbers)}"),
        *(NotedReports(), MemoryQueue(clock)),
    )
    transport = FakeTransport("192.0.2.1")
    transport.connect(factory.buildProtocol(transport.getPeer()))
    transport.feed(TRANSACTION)
    transport.settle()
    answers = transport.take().split(b"\r\n")[-3:-1]
    assert [answer[:3] for answer in answers] == codes
    assert [body.closed for body in bodies] == [True]  # type: ignore[attr-defined]
    assert delivery.open_drafts == 0
