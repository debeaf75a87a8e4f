"""What an observer is told of mail that comes: who brought it since when, what was looked at and found."""

from __future__ import annotations

import itertools

import pytest
from twisted.internet.task import Clock

from mailsuite.happenings import Accepted, Refused
from mailsuite.model import AddHeader, Refuse, Status
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_settings import SMTPSettings
from mailsuite.net.throttle import Throttle
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.observer import NotedObserver
from mailsuite.testing.policy import Answer, ScriptedPolicy
from mailsuite.testing.queue import MemoryQueue, NotedReports
from mailsuite.testing.tls import ReadyTLS
from mailsuite.testing.transport import FakeTransport

LOGIN = b"EHLO me.test\r\nAUTH PLAIN AGJvYkBoZXJlLnRlc3QAc2VjcmV0\r\n"
MESSAGE = b"MAIL FROM:<a@far.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n"
SPF = b"Received-SPF: pass (mx.here.test)\r\n\tclient-ip=192.0.2.1\r\n"
DKIM = b"Authentication-Results: mx.here.test;\r\n\tdkim=pass header.d=far.test\r\n"


class Session:
    """One with a server whose policy says ``answers``; a minute passes between the banner and the rest."""

    def __init__(self, **answers: Answer) -> None:
        clock, numbers = Clock(), itertools.count(1)
        clock.advance(1000)
        self.observer = NotedObserver()
        people = MemoryDirectory(["here.test"], {"bob@here.test": "secret"})
        factory = SMTPServerFactory(
            *(SMTPSettings("mx.here.test", allow_plaintext_auth=True), people, ScriptedPolicy(**answers)),
            *(MemoryDelivery(), Login(people, Throttle(clock), clock), Admission(9, 9), ReadyTLS(), clock),
            *(lambda: f"M{next(numbers)}", NotedReports(), MemoryQueue(clock)),
            observer=self.observer,
        )
        self._transport = FakeTransport("192.0.2.1")
        self._transport.connect(factory.buildProtocol(self._transport.getPeer()))
        self._transport.settle()
        clock.advance(60)

    def say(self, data: bytes) -> None:
        self._transport.feed(data)
        while self._transport.settle() or self._transport.take():
            pass


def test_message_tells_of_its_connection_and_of_the_checks_and_what_they_found() -> None:
    session = Session(greeting=AddHeader(SPF), message=AddHeader(DKIM))
    session.say(LOGIN + MESSAGE)
    (told,) = session.observer.told
    assert isinstance(told, Accepted)
    assert (told.at, told.since) == (1060.0, 1000.0)
    assert told.client.startswith("192.0.2.1:")
    assert (told.service, told.helo, told.account, told.trusted) == ("smtp", "me.test", "bob@here.test", False)
    assert (told.checks, told.fields) == (("relay",), SPF + DKIM)


NO = Refuse(Status(5, 7, 1), "no")


@pytest.mark.parametrize("point", ["sender", "recipient", "message"])
def test_refusal_tells_of_its_connection(point: str) -> None:
    session = Session(**{point: NO})
    session.say(LOGIN + MESSAGE)
    (told,) = session.observer.told
    assert isinstance(told, Refused)
    assert (told.at, told.since) == (1060.0, 1000.0)
    assert (told.service, told.helo, told.account) == ("smtp", "me.test", "bob@here.test")
    assert told.words.startswith("550 5.7.1 ")
