"""Guesses that are not even looked at count as wrong ones: nobody asks without end."""

from __future__ import annotations

import imap_world
import pop3_world
import pytest
import smtp_world
from twisted.internet.task import Clock

from mailsuite.errors import Throttled
from mailsuite.net.throttle import Throttle
from mailsuite.offload import Inline
from mailsuite.testing.transport import FakeTransport

SUBMISSION = {"service": "submission", "auth_in_clear": "yes"}
WORLDS = {"imap": imap_world, "pop3": pop3_world, "smtp": smtp_world}


class Full(Throttle):
    """The line is too long for anybody."""

    def wait(self, address: str, login: str) -> float:
        raise Throttled("too many failed logins from your address; try again later")


@pytest.mark.parametrize(
    ("protocol", "options", "opening", "guess", "refused"),
    [
        ("imap", {"failures": "3"}, b"", b"a LOGIN ann@example.org secret\r\n", b"a NO [UNAVAILABLE]"),
        ("imap", {"failures": "3"}, b"", b"a AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\r\n", b"a NO [UNAVAILABLE]"),
        ("pop3", {}, b"", b"USER ann@example.org\r\nPASS secret\r\n", b"-ERR [SYS/TEMP]"),
        (
            "smtp",
            {"service": "submission", "auth_in_clear": "yes"},
            b"EHLO me.test\r\n",
            b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n",
            b"454 4.7.0",
        ),
    ],
)
def test_refused_guesses_end_the_connection(
    protocol: str,
    options: dict[str, str],
    opening: bytes,
    guess: bytes,
    refused: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = WORLDS[protocol]
    monkeypatch.setattr(world, "Throttle", Full)
    transport = FakeTransport()
    transport.connect(world.build(options, Clock(), Inline()).buildProtocol(transport.getPeer()))
    transport.feed(opening)
    heard = b""
    for _ in range(20):
        while transport.settle():
            pass
        heard += transport.take()
        if not transport.connected:
            break
        transport.feed(guess)
    assert not transport.connected
    assert 1 <= heard.count(refused) <= 5, heard
